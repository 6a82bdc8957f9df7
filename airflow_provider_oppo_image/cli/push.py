"""`oppo-image push`: a message that carries the pictures."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import Any, Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, non_empty
from airflow_provider_oppo_image.cli.failures import GOOD, fail
from airflow_provider_oppo_image.cli.output import print_json, print_note, print_result
from airflow_provider_oppo_image.engagelab.push_body import PushBody, compose_push
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError

HELP: Final = "send a push that carries the pictures, and print its message id"
DESCRIPTION: Final = (
    "Send a push with an Airflow connection, the picture ids put where the service wants them, and print its message "
    "id. The service sends one push for each cid: one that nobody gave is made up and told, so that the same push can "
    "be tried again without being sent twice."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("message", metavar="MESSAGE", help="a file with the service's push body in JSON; - for stdin")
    parser.add_argument("--big-picture-id", type=non_empty, metavar="ID", help="the big picture's id, from an upload")
    parser.add_argument(
        "--small-picture-id", type=non_empty, metavar="ID", help="the small picture's id, from an upload"
    )
    parser.add_argument(
        "--cid", type=non_empty, help="up to 64 letters, digits, _ and -; the same one for the same push"
    )
    parser.add_argument(
        "--validate-only", action="store_true", help="have the service check the push, and send nothing"
    )
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Send the push, or have it checked.

    :raises ConfigurationError: if the push would be refused.
    """
    push = _compose(args)
    msg_id = None
    try:
        with open_hook(args.conn_id, verbose=args.verbose) as hook:
            if args.validate_only:
                hook.get_conn().validate_push(push)
            else:
                msg_id = hook.get_conn().push(push).msg_id
    except OppoImageError as error:
        if error.may_have_taken_effect or error.earlier_attempt_ambiguous:
            print_note(f"The push may have been sent. To try again without sending it twice, give --cid {push.cid}")
        return fail(error, as_json=args.json, cid=push.cid)
    if args.json:
        print_json({"validated": True} if args.validate_only else {"msg_id": msg_id, "cid": push.cid})
    elif args.validate_only:
        print_result("The service would accept this push; nothing was sent.")
    else:
        print_result(msg_id or "Sent by an earlier request, whose answer with the message id was lost.")
    return GOOD


def _compose(args: argparse.Namespace) -> PushBody:
    """Return the push, always with a `cid`: without one, a request that is tried again could be a second push."""
    push = compose_push(
        _read_message(args.message),
        big_picture_id=args.big_picture_id,
        small_picture_id=args.small_picture_id,
        cid=args.cid or secrets.token_hex(20),
    )
    if args.cid not in (None, push.cid):
        raise ConfigurationError(f"The message has the cid {push.cid!r} and --cid says {args.cid!r}. Give one of them.")
    return push


def _read_message(place: str) -> Any:
    name = "standard input" if place == "-" else place
    try:
        return json.loads(sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"The message {name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"The message {name} is not JSON: {error}. It must hold a push body.") from error
