"""`oppo-image push`: sends a push with the pictures."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import Any, Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, non_empty
from airflow_provider_oppo_image.cli.output import SUCCESS, print_error, print_json, print_note, print_result
from airflow_provider_oppo_image.engagelab.push_body import PushBody, compose_push
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError

HELP: Final = "send a push with the pictures, and print its message id"
DESCRIPTION: Final = (
    "Send a push with an Airflow connection, with the picture ids added to the message, and print its message id. The "
    "service recognises a repeated cid for one hour, and does not send the push again. Without --cid, the command "
    "generates a cid. If the push may have been sent, the command prints the cid for a retry within the hour."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("message", metavar="MESSAGE", help="a JSON file with the push body; - for standard input")
    parser.add_argument("--big-picture-id", type=non_empty, metavar="ID", help="the id of the uploaded big picture")
    parser.add_argument("--small-picture-id", type=non_empty, metavar="ID", help="the id of the uploaded small picture")
    parser.add_argument(
        "--cid",
        type=non_empty,
        help="the push's id: up to 64 letters, digits, _ and -; a retry within one hour must have the same cid",
    )
    parser.add_argument(
        "--validate-only", action="store_true", help="let the service validate the push without sending it"
    )
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Send or validate the push, print the result, and return the exit code.

    :raises ConfigurationError: if the service would refuse the push.
    """
    push = _compose(args)
    msg_id = ""
    try:
        with open_hook(args.conn_id, verbose=args.verbose) as hook:
            if args.validate_only:
                hook.get_conn().validate_push(push)
            else:
                msg_id = hook.get_conn().push(push).msg_id
    except OppoImageError as error:
        if error.may_have_taken_effect or error.earlier_attempt_ambiguous:
            print_note(
                f"The push may have been sent. Retry within one hour with --cid {push.cid}; a later retry could send "
                "it a second time."
            )
        return print_error(error, as_json=args.json, cid=push.cid)
    if args.json:
        print_json({"validated": True} if args.validate_only else {"msg_id": msg_id, "cid": push.cid})
    elif args.validate_only:
        print_result("The service would accept this push; nothing was sent.")
    else:
        print_result(msg_id)
    return SUCCESS


def _compose(args: argparse.Namespace) -> PushBody:
    """Return the push, always with a cid: without one, a retried request could send a second push."""
    push = compose_push(
        _read_message(args.message),
        big_picture_id=args.big_picture_id,
        small_picture_id=args.small_picture_id,
        cid=args.cid or secrets.token_hex(20),
    )
    if args.cid not in (None, push.cid):
        raise ConfigurationError(
            f"The message has the cid {push.cid!r}, but --cid is {args.cid!r}. Use only one of them."
        )
    return push


def _read_message(path: str) -> Any:
    name = "standard input" if path == "-" else path
    try:
        return json.loads(sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"The message {name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"The message {name} must be a push body in JSON, but is not JSON: {error}") from error
