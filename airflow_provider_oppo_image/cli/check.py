"""`oppo-image check`: checks pictures at URLs or in files as the service does."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from airflow_provider_oppo_image.cli.arguments import add_json, seconds
from airflow_provider_oppo_image.cli.output import RETRY, SUCCESS, WRONG_PICTURE, print_json, print_result
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.pictures.report import STATES, PictureReport, State, as_table, overall_state

Source: TypeAlias = tuple[PictureKind, str]

HELP: Final = "check pictures as the service will, before an upload"
DESCRIPTION: Final = (
    "Check pictures as the service will: their content, exact dimensions and exact size. A source is a URL that starts "
    "with https:// or http://, or the path of a file. Needs no connection and no Airflow."
)

_MAX_THREADS: Final = 8
_MORE_ADVICE: Final = {
    "address_refused": "Use --allow-private-addresses for this command.",
    "timed_out": "Use --timeout SECONDS for this command.",
}
"""More advice for problems whose usual advice refers to a connection, which this command does not use."""
_HAS_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LIKE_A_URL: Final = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?/")
_EXIT_CODES: Final[dict[State, int]] = {"ready": SUCCESS, "wrong": WRONG_PICTURE, "absent": RETRY}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="a URL or a file; --kind is required with it")
    parser.add_argument("--kind", choices=PICTURE_KINDS, help="the kind of the SOURCEs")
    for kind in PICTURE_KINDS:
        rule = PICTURE_RULES[kind]
        parser.add_argument(
            f"--{kind}",
            action="append",
            default=[],
            metavar="SOURCE",
            help=f"a {kind} picture, {rule.width} x {rule.height} px, at most {rule.max_bytes:,} bytes; repeatable",
        )
    parser.add_argument(
        "--allow-private-addresses",
        action="store_true",
        help="allow private and loopback addresses, for a sandbox or a private CDN",
    )
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="the total time per picture (default: 60)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check the pictures and print the reports.

    :return: the exit code: 0 if all are ready, 1 if any is wrong, else 3.
    :raises ConfigurationError: if there is no source, or its kind is missing.
    """
    reports, sources = [], _sources(args)
    for (_, source), report in zip(sources, _check_each(sources, args), strict=True):
        reports.append(report)
        if not args.json:
            advice = {"not_found": f"If it is a URL, write https://{source}"} if _LIKE_A_URL.match(source) else {}
            print_result(as_table(report, here=_MORE_ADVICE | advice))
    state = overall_state(reports)
    if args.json:
        print_json({"state": state, "reports": [report.to_dict() for report in reports]})
    elif len(reports) > 1:
        print_result(_summary(reports))
    return _EXIT_CODES[state]


def _sources(args: argparse.Namespace) -> list[Source]:
    if args.sources and args.kind is None:
        raise ConfigurationError("The kind of the SOURCEs is missing. Use --kind big or --kind small.")
    if args.kind is not None and not args.sources:
        raise ConfigurationError("--kind needs a SOURCE. Give the URL or the file of a picture.")
    sources = [(kind, source) for kind in PICTURE_KINDS for source in getattr(args, kind)]
    sources += [(args.kind, source) for source in args.sources]
    if not sources:
        raise ConfigurationError("No picture was given. Give the URL or the file of a picture.")
    return sources


def _check_each(sources: list[Source], args: argparse.Namespace) -> Iterator[PictureReport]:
    """Check several pictures concurrently, and yield the reports in the order of the sources."""
    from airflow_provider_oppo_image.net.deadline import TransportOptions
    from airflow_provider_oppo_image.pictures.check import check_file, check_picture

    options = TransportOptions() if args.timeout is None else TransportOptions(total_timeout=args.timeout)

    def check(source: Source) -> PictureReport:
        kind, location = source
        if location.strip() and not _HAS_SCHEME.match(location):
            return check_file(kind, location)
        return check_picture(
            kind, location, allow_private_addresses=args.allow_private_addresses, transport_options=options
        )

    pool = ThreadPoolExecutor(min(_MAX_THREADS, len(sources)))
    try:
        yield from pool.map(check, sources)
    finally:
        # After Ctrl-C, do not wait for checks that have not started.
        pool.shutdown(wait=False, cancel_futures=True)


def _summary(reports: list[PictureReport]) -> str:
    counts = {state: sum(report.state == state for report in reports) for state in STATES}
    return f"{len(reports)} pictures: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
