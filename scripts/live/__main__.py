"""Asks the live service what we believe to know of it, and prints each answer beside ours.

usage: python -m scripts.live --big URL --small URL [--wrong URL] [--conn-id ID]

Exits with 0 when all is as we know it, with 1 when an answer is different, and with 2 when something could not be
tried.
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
from scripts.live.comparing import judge
from scripts.live.parties import Party, party
from scripts.live.questions import PROBE, Question, questions
from scripts.live.report import Row, describe, heading, summary

KNOWN: Final = 0
DIFFERENT: Final = 1
NOT_TRIED: Final = 2

NOTICE: Final = (
    "This uploads {pictures} to the account of connection {conn_id!r}: OPPO counts them, and keeps them for some time. "
    "Should the service take both pictures in one request, it uploads these two once more. It asks three times with "
    "wrong credentials. It sends no push: it only has pushes to a tag of nobody's validated."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, and print what came of it.

    :param arguments: the command line's; None takes this process's.
    :return: `KNOWN`, `DIFFERENT` or `NOT_TRIED`.
    """
    args = _parse(arguments)
    count = "three pictures" if args.wrong else "two pictures"
    print_note(NOTICE.format(pictures=count, conn_id=args.conn_id))
    try:
        return _run(args)
    except ConfigurationError as error:
        print_note(f"error: {error}")
        return NOT_TRIED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.live",
        description="Ask the live service what we believe to know of it. It uploads the pictures, and sends no push.",
        epilog="With make: make test-live BIG=URL SMALL=URL [WRONG=URL] [CONN_ID=ID]",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--big", required=True, type=non_empty, metavar="URL", help="a public URL of a good big picture"
    )
    parser.add_argument(
        "--small", required=True, type=non_empty, metavar="URL", help="a public URL of a good small picture"
    )
    parser.add_argument(
        "--wrong",
        type=non_empty,
        metavar="URL",
        help="a public URL of a picture that is no big one, such as 876 x 324 px",
    )
    add_connection(parser)
    return parser.parse_args(arguments)


def _run(args: argparse.Namespace) -> int:
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        settings = hook.settings
        reports = [hook.check("big", args.big), hook.check("small", args.small)]
        if args.wrong:
            reports.append(hook.check("big", args.wrong))
    header = basic_auth(settings.app_key, settings.master_secret).removeprefix("Basic ")
    hidden = SecretRedactor(settings.app_key, settings.master_secret, header)
    print_result(hidden.redact(heading(settings.base_url, reports)))
    for report, expected in zip(reports, ("ready", "ready", "wrong"), strict=False):
        if report.state != expected:
            raise ConfigurationError(
                f"{report.url} is {report.state} as a {report.kind} picture; it must be {expected}, so nothing was "
                "asked. Name another one."
            )
    rows = _ask_all(settings, questions(args.big, args.small, args.wrong), hidden)
    print_result("\n" + summary(rows, wrong_given=bool(args.wrong)))
    states = {row.verdict.state for row in rows}
    return DIFFERENT if "different" in states else NOT_TRIED if "untried" in states else KNOWN


def _spare_the_proxy() -> None:
    """Keep what goes to this machine away from a proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))


def _ask_all(settings: Settings, asked: Sequence[Question], hidden: SecretRedactor) -> list[Row]:
    rows: list[Row] = []
    _spare_the_proxy()
    with (
        SandboxServer() as server,
        party(settings.base_url, settings.app_key, settings.master_secret, settings.transport_options) as live,
        party(server.url, server.options.app_key, server.options.master_secret, settings.transport_options) as sandbox,
    ):
        for question in (PROBE, *asked):
            rows.append(_ask(question, live, sandbox))
            print_result("\n" + hidden.redact(describe(len(rows), rows[-1])))
            if question is PROBE and rows[0].verdict.state == "untried":
                break
    return rows


def _ask(question: Question, live: Party, sandbox: Party) -> Row:
    answers = live.ask(question), sandbox.ask(question)
    return Row(question, *answers, judge(question, *answers))


if __name__ == "__main__":
    sys.exit(main())
