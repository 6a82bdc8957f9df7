"""`oppo-image withdraw`: withdraws a push."""

from __future__ import annotations

import argparse
from typing import Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, non_empty
from airflow_provider_oppo_image.cli.output import SUCCESS, print_json, print_result

HELP: Final = "withdraw a push"
DESCRIPTION: Final = (
    "Withdraw a push with an Airflow connection. The service allows it once, within one day. What it does on OPPO's "
    "channel is not documented: phones that already show the push may keep it."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("msg_id", metavar="MSG_ID", type=non_empty, help="the message id that the push returned")
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Withdraw the push, print the result, and return the exit code.

    :raises ConfigurationError: if the message id is not valid.
    :raises OppoImageError: if the push was not withdrawn, or that is not known.
    """
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        hook.withdraw(args.msg_id)
    if args.json:
        print_json({"withdrawn": args.msg_id})
    else:
        print_result(f"The push {args.msg_id} was withdrawn.")
    return SUCCESS
