"""`oppo-image status`: prints the statistics of pushes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, non_empty
from airflow_provider_oppo_image.cli.output import RETRY, SUCCESS, print_json, print_note, print_result
from airflow_provider_oppo_image.contract import MAX_STATUS_IDS

if TYPE_CHECKING:
    from airflow_provider_oppo_image.engagelab.statistics import DeliveryCounts, PushStatistics

HELP: Final = "print the statistics of pushes"
DESCRIPTION: Final = (
    "Print how many phones each push was meant for, was sent to and reached, in all and by Android channel. The "
    "service keeps the numbers for one month. A dash is a number that is not known: OPPO reports no impressions and no "
    "clicks, and may report no delivery of broadcasts. The exit code is 3 if one of the pushes has no numbers."
)

_COLUMNS: Final = ("targets", "sent", "delivered", "impressions", "clicks")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "msg_ids",
        metavar="MSG_ID",
        nargs="+",
        type=non_empty,
        help=f"a message id that a push returned; at most {MAX_STATUS_IDS}",
    )
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the statistics, and return the exit code.

    :raises ConfigurationError: if a message id is not valid, or there are too many.
    :raises OppoImageError: if the service returned no statistics.
    """
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        statistics = hook.push_status(args.msg_ids)
    missing = [msg_id for msg_id in dict.fromkeys(args.msg_ids) if msg_id not in statistics]
    if args.json:
        pushes = {msg_id: push.to_dict() for msg_id, push in statistics.items()}
        print_json({"statistics": pushes, "missing": missing})
    else:
        for msg_id, push in statistics.items():
            print_result(_table(msg_id, push))
    for msg_id in missing:
        print_note(f"The service has no numbers for {msg_id}: the id is wrong, too new, older than a month, or another "
                   "AppKey's.")  # fmt: skip
    return RETRY if missing else SUCCESS


def _table(msg_id: str, push: PushStatistics) -> str:
    rows = [(msg_id, *_COLUMNS), _row("all", push)]
    rows += [_row(name, counts) for name, counts in push.channels.items() if counts.targets or counts.sent]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        row[0].ljust(widths[0]) + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    )


def _row(name: str, counts: DeliveryCounts) -> tuple[str, ...]:
    numbers = (getattr(counts, column) for column in _COLUMNS)
    return (name, *("-" if number is None else str(number) for number in numbers))
