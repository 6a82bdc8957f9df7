"""`oppo-image check`: what the service would find at a URL, or in a file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from airflow_provider_oppo_image.cli.arguments import add_json, seconds
from airflow_provider_oppo_image.cli.failures import GOOD, SERVICE, WRONG_PICTURE
from airflow_provider_oppo_image.cli.output import print_json, print_result
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.pictures.report import STATES, PictureReport, State, as_table, overall_state

Source: TypeAlias = tuple[PictureKind, str]

HELP: Final = "look at pictures as the service will, before it does"
DESCRIPTION: Final = (
    "Look at pictures as the service will: by content, exact to the pixel and to the byte. A source is a URL, with "
    "its https://, or the path of a file. Needs no connection and no Airflow."
)

_AT_ONCE: Final = 8
_HERE: Final = {
    "address_refused": "--allow-private-addresses does the same for this command.",
    "timed_out": "--timeout SECONDS does the same for this command.",
}
"""For problems whose advice speaks of a connection, which this command has not."""
_HAS_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_EXIT_CODES: Final[dict[State, int]] = {"ready": GOOD, "wrong": WRONG_PICTURE, "absent": SERVICE}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "sources", nargs="*", metavar="SOURCE", help="a URL or a file; say with --kind what it is to be"
    )
    parser.add_argument("--kind", choices=PICTURE_KINDS, help="what the SOURCEs are to be")
    for kind in PICTURE_KINDS:
        rule = PICTURE_RULES[kind]
        parser.add_argument(
            f"--{kind}",
            action="append",
            default=[],
            metavar="SOURCE",
            help=f"a {kind} picture, {rule.width} x {rule.height} px, {rule.max_bytes:,} bytes at most; again for more",
        )
    parser.add_argument(
        "--allow-private-addresses",
        action="store_true",
        help="let URLs lead to private and loopback addresses: for a sandbox or a private CDN",
    )
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="for one picture in all (default: 60)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check the pictures and say what was found.

    :return: 0 if all are ready, 1 if any is wrong, else 3 if any is absent.
    :raises ConfigurationError: if there is nothing to check, or nobody said as what.
    """
    reports = []
    for report in _look_at_each(_sources(args), args):
        reports.append(report)
        if not args.json:
            print_result(as_table(report, here=_HERE))
    state = overall_state(reports)
    if args.json:
        print_json({"state": state, "reports": [report.to_dict() for report in reports]})
    elif len(reports) > 1:
        print_result(_summary(reports))
    return _EXIT_CODES[state]


def _sources(args: argparse.Namespace) -> list[Source]:
    if args.sources and args.kind is None:
        raise ConfigurationError("Say what the pictures are to be: --kind big or --kind small.")
    if args.kind is not None and not args.sources:
        raise ConfigurationError("--kind is for the SOURCEs, and there is none. Give the URL or the file of a picture.")
    sources = [(kind, source) for kind in PICTURE_KINDS for source in getattr(args, kind)]
    sources += [(args.kind, source) for source in args.sources]
    if not sources:
        raise ConfigurationError("There is nothing to check. Give the URL or the file of a picture.")
    return sources


def _look_at_each(sources: list[Source], args: argparse.Namespace) -> Iterator[PictureReport]:
    """Look at several pictures at once, and give the reports in the order of the sources."""
    from airflow_provider_oppo_image.net.options import TransportOptions
    from airflow_provider_oppo_image.pictures.check import check_file, check_picture

    options = TransportOptions() if args.timeout is None else TransportOptions(total_timeout=args.timeout)

    def look(source: Source) -> PictureReport:
        kind, place = source
        if place.strip() and not _HAS_SCHEME.match(place):
            return check_file(kind, place)
        return check_picture(
            kind, place, allow_private_addresses=args.allow_private_addresses, transport_options=options
        )

    pool = ThreadPoolExecutor(min(_AT_ONCE, len(sources)))
    try:
        yield from pool.map(look, sources)
    finally:
        # An interrupt should not wait for pictures that nobody has looked at yet.
        pool.shutdown(wait=False, cancel_futures=True)


def _summary(reports: list[PictureReport]) -> str:
    counts = {state: sum(report.state == state for report in reports) for state in STATES}
    return f"{len(reports)} pictures: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
