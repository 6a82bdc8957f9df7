"""`oppo-image upload`: pictures in, picture ids out."""

from __future__ import annotations

import argparse
from typing import Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, given
from airflow_provider_oppo_image.cli.failures import GOOD, fail
from airflow_provider_oppo_image.cli.output import remark, say, say_json, table
from airflow_provider_oppo_image.contract import KINDS
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.uploads import picture_ids, requested_pictures
from airflow_provider_oppo_image.pictures.verdict import error_for

HELP: Final = "upload one picture or both, and print their ids"
DESCRIPTION: Final = (
    "Check one picture or both, upload them with an Airflow connection, a request each, and print their ids. Where one "
    "of two fails, the id of the other is printed all the same."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    for kind in KINDS:
        parser.add_argument(
            f"--{kind}",
            type=given,
            metavar="URL",
            help=f"where the service downloads the {kind} picture from: a public URL",
        )
    parser.add_argument("--no-check", action="store_true", help="do not look at the pictures first")
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Upload the pictures and print their ids.

    :raises OppoImageError: if a picture is not ready, or the connection is not usable.
    """
    if not (args.big or args.small):
        raise ConfigurationError("There is nothing to upload. Give --big URL, --small URL or both.")
    pictures = requested_pictures(args.big, args.small)
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        if not args.no_check and (not_ready := error_for(list(hook.check_each(pictures).values()))):
            raise not_ready
        outcome = hook.upload_each(pictures)
        ids = picture_ids(outcome.ids)

    if not args.json and outcome.ids:
        say(table((key, picture_id) for key, picture_id in ids.items() if picture_id))
    if worst := outcome.worst:
        for error in outcome.errors.values():
            if error is not worst:
                remark(f"error: {error}")
        return fail(worst, as_json=args.json, **ids)
    if args.json:
        say_json(ids)
    return GOOD
