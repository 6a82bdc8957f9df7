"""`oppo-image upload`: uploads one picture or both, and prints their ids."""

from __future__ import annotations

import argparse
from typing import Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, non_empty
from airflow_provider_oppo_image.cli.output import SUCCESS, print_error, print_json, print_note, print_result
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.uploads import parse_picture_urls
from airflow_provider_oppo_image.pictures.report import error_for, format_rows

HELP: Final = "upload one picture or both, and print their ids"
DESCRIPTION: Final = (
    "Check one picture or both, upload each with an Airflow connection, and print their ids. If one of two fails, the "
    "id of the other is still printed."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    for kind in PICTURE_KINDS:
        parser.add_argument(
            f"--{kind}",
            type=non_empty,
            metavar="URL",
            help=f"the public URL from which the service downloads the {kind} picture",
        )
    parser.add_argument("--no-check", action="store_true", help="do not check the pictures first")
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Upload the pictures, print their ids, and return the exit code.

    :raises OppoImageError: if a picture is not ready, or the connection is not usable.
    """
    if not (args.big or args.small):
        raise ConfigurationError("No picture was given. Give --big URL, --small URL or both.")
    pictures = parse_picture_urls(args.big, args.small)
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        if not args.no_check and (not_ready := error_for(list(hook.check_each(pictures).values()))):
            raise not_ready
        outcome = hook.upload_each(pictures)

    if not args.json and outcome.ids:
        print_result(format_rows((PICTURE_RULES[kind].id_key, picture_id) for kind, picture_id in outcome.ids.items()))
    if worst := outcome.most_severe:
        for error in outcome.errors.values():
            if error is not worst:
                print_note(f"error: {error}")
        return print_error(worst, as_json=args.json, **outcome.to_dict())
    if args.json:
        print_json(outcome.to_dict())
    return SUCCESS
