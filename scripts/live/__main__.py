"""Ask the live service what we expect of it, and compare each answer with the sandbox and contract.py.

usage: python -m scripts.live --big URL --small URL [--wrong URL] [--conn-id ID]

Exits with 0 if everything is as expected, with 1 if an answer is different, and with 2 if something was not tested.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, non_empty
from airflow_provider_oppo_image.cli.output import print_note, print_result
from airflow_provider_oppo_image.connection import Settings
from airflow_provider_oppo_image.engagelab.messages import basic_auth
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.sandbox.server import LOOPBACK, SandboxServer
from scripts.live.comparison import Row, compare, describe, heading, summary
from scripts.live.questions import PROBE, Question, questions
from scripts.live.targets import open_target

EXPECTED: Final = 0
DIFFERENT: Final = 1
NOT_TESTED: Final = 2

NOTICE: Final = (
    "This uploads {pictures} to the account of connection {conn_id!r}: OPPO counts them, and keeps them for some time. "
    "If the service takes both pictures in one request, it uploads these two once more. It asks three times with wrong "
    "credentials. It sends no push: it only validates pushes to a tag that nobody has."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask and print; return `EXPECTED`, `DIFFERENT` or `NOT_TESTED`."""
    args = _parse(arguments)
    count = "three pictures" if args.wrong else "two pictures"
    print_note(NOTICE.format(pictures=count, conn_id=args.conn_id))
    try:
        return _run(args)
    except ConfigurationError as error:
        print_note(f"error: {error}")
        return NOT_TESTED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.live",
        description="Compare the live service with what we expect. It uploads the pictures, and sends no push.",
        epilog="With make: make test-live BIG=URL SMALL=URL [WRONG=URL] [CONN_ID=ID]",
        allow_abbrev=False,
    )
    for option, required, text in (
        ("--big", True, "a public URL of a good big picture"),
        ("--small", True, "a public URL of a good small picture"),
        ("--wrong", False, "a public URL of a wrong big picture, for example of 876 x 324 px"),
    ):
        parser.add_argument(option, required=required, type=non_empty, metavar="URL", help=text)
    add_connection(parser)
    return parser.parse_args(arguments)


def _run(args: argparse.Namespace) -> int:
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        settings = hook.settings
        reports = [hook.check("big", args.big), hook.check("small", args.small)]
        if args.wrong:
            reports.append(hook.check("big", args.wrong))
    header = basic_auth(settings.app_key, settings.master_secret).removeprefix("Basic ")
    redactor = SecretRedactor(settings.app_key, settings.master_secret, header)
    print_result(redactor.redact(heading(settings.base_url, reports)))
    for report, expected in zip(reports, ("ready", "ready", "wrong"), strict=False):
        if report.state != expected:
            raise ConfigurationError(
                f"{report.url} is {report.state} as a {report.kind} picture; it must be {expected}. Nothing was asked. "
                "Name another picture."
            )
    rows = _ask_all(settings, questions(args.big, args.small, args.wrong), redactor)
    print_result("\n" + summary(rows, wrong_given=bool(args.wrong)))
    states = {row.state for row in rows}
    return DIFFERENT if "different" in states else NOT_TESTED if "not tested" in states else EXPECTED


def _ask_all(settings: Settings, asked: Sequence[Question], redactor: SecretRedactor) -> list[Row]:
    rows: list[Row] = []
    for name in ("no_proxy", "NO_PROXY"):  # the sandbox is on this machine
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
    with (
        SandboxServer() as server,
        open_target(settings.base_url, settings.app_key, settings.master_secret, settings.transport_options) as live,
        open_target(
            server.url, server.options.app_key, server.options.master_secret, settings.transport_options
        ) as sandbox,
    ):
        for question in (PROBE, *asked):
            rows.append(compare(question, live.ask(question), sandbox.ask(question)))
            print_result("\n" + redactor.redact(describe(len(rows), rows[-1])))
            if question is PROBE and rows[0].state == "not tested":
                break
    return rows


if __name__ == "__main__":
    sys.exit(main())
