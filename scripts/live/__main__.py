"""Ask the live service what we expect of it, and compare each answer with the sandbox and contract.py.

usage: python -m scripts.live --big URL --small URL [--wrong URL] [--conn-id ID]

Exits with 0 if everything is as expected, with 1 if an answer is different, and with 2 if something was not tested.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, non_empty
from airflow_provider_oppo_image.cli.output import print_note, print_result
from airflow_provider_oppo_image.connection import Settings
from airflow_provider_oppo_image.engagelab.messages import basic_auth
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.sandbox.server import LOOPBACK, SandboxServer
from scripts.live import comparison
from scripts.live.questions import PROBE, questions

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
    parser = argparse.ArgumentParser(prog="python -m scripts.live", allow_abbrev=False)
    parser.add_argument("--big", required=True, type=non_empty, help="a public URL of a good big picture")
    parser.add_argument("--small", required=True, type=non_empty, help="a public URL of a good small picture")
    parser.add_argument("--wrong", type=non_empty, help="a public URL of a wrong big picture, such as 876 x 324 px")
    add_connection(parser)
    args = parser.parse_args(arguments)
    count = "three pictures" if args.wrong else "two pictures"
    print_note(NOTICE.format(pictures=count, conn_id=args.conn_id))
    try:
        return _run(args)
    except ConfigurationError as error:
        print_note(f"error: {error}")
        return NOT_TESTED


def _run(args: argparse.Namespace) -> int:
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        settings = hook.settings
        reports = [hook.check("big", args.big), hook.check("small", args.small)]
        if args.wrong:
            reports.append(hook.check("big", args.wrong))
    header = basic_auth(settings.app_key, settings.master_secret).removeprefix("Basic ")
    redactor = SecretRedactor(settings.app_key, settings.master_secret, header)
    print_result(f"airflow-provider-oppo-image {__version__}, compared with {redactor.redact(settings.base_url)}")
    for report, expected in zip(reports, ("ready", "ready", "wrong"), strict=False):
        print_result(redactor.redact(str(report)))
        if report.state != expected:
            raise ConfigurationError(
                f"{report.url} is {report.state} as a {report.kind} picture; it must be {expected}. Nothing was asked. "
                "Name another picture."
            )
    states = _ask_all(settings, args, redactor)
    same, different, untested = (
        states.count(state) for state in (comparison.EXPECTED, comparison.DIFFERENT, comparison.NOT_TESTED)
    )
    print_result(
        f"\n{len(states)} questions: {same} as expected, {different} different, {untested} not tested. "
        "Nothing was sent to any phone."
    )
    if different:
        print_result("Please report the differences: paste the complete output; it has no secret.")
    return DIFFERENT if different else NOT_TESTED if untested else EXPECTED


def _ask_all(settings: Settings, args: argparse.Namespace, redactor: SecretRedactor) -> list[str]:
    states: list[str] = []
    for name in ("no_proxy", "NO_PROXY"):  # the sandbox is on this machine
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
    options = settings.transport_options
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(SandboxServer())
        known = server.options
        live = comparison.Target(settings.base_url, settings.app_key, settings.master_secret, options)
        stack.callback(live.close)
        sandbox = comparison.Target(server.url, known.app_key, known.master_secret, options)
        stack.callback(sandbox.close)
        for number, question in enumerate((PROBE, *questions(args.big, args.small, args.wrong)), 1):
            state, text = comparison.compare(question, live.ask(question), sandbox.ask(question))
            states.append(state)
            print_result(f"\n{number}. {redactor.redact(text)}")
            if question is PROBE and state == comparison.NOT_TESTED:
                break
    return states


if __name__ == "__main__":
    sys.exit(main())
