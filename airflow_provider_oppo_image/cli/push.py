"""`oppo-image push`: sends a push with the pictures."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, days, non_empty
from airflow_provider_oppo_image.cli.output import SUCCESS, print_error, print_json, print_note, print_result
from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE
from airflow_provider_oppo_image.engagelab.push_body import PushBody, compose_push
from airflow_provider_oppo_image.engagelab.push_once import IntendedPush, account_of, send_once
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError

if TYPE_CHECKING:
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

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
        "--uploaded-at",
        type=non_empty,
        metavar="TIME",
        help="the time of the upload, with a zone, as `upload --json` prints it; the age of the ids is then checked",
    )
    parser.add_argument(
        "--max-picture-age",
        type=days,
        default=MAX_PICTURE_AGE,
        metavar="DAYS",
        help=f"refuse ids that are older than this; `any` for no limit (default: {MAX_PICTURE_AGE.days})",
    )
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
                msg_id = _send(hook, push)
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


def _send(hook: OppoImageHook, push: PushBody) -> str:
    """Send the push by the same decision as a task, but without a record of earlier commands."""
    client, account = hook.get_conn(), account_of(hook.settings.app_key, hook.settings.base_url)
    intended = IntendedPush(push.cid, push.digest, account, cid_was_given=True)
    return send_once(intended, None, lambda cid, until: client.push(push.with_cid(cid), until=until).msg_id).msg_id


def _compose(args: argparse.Namespace) -> PushBody:
    """Return the push, always with a cid: without one, a retried request could send a second push."""
    push = compose_push(
        _read_message(args.message),
        big_picture_id=args.big_picture_id,
        small_picture_id=args.small_picture_id,
        uploaded_at=args.uploaded_at,
        max_picture_age=args.max_picture_age,
        cid=args.cid or secrets.token_hex(20),
    )
    if args.cid not in (None, push.cid):
        raise ConfigurationError(
            f"The message has the cid {push.cid!r}, but --cid is {args.cid!r}. Use only one of them."
        )
    for warning in push.warnings:
        print_note(f"warning: {warning}")
    return push


def _read_message(path: str) -> Any:
    name = "standard input" if path == "-" else path
    try:
        return json.loads(sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"The message {name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"The message {name} must be a push body in JSON, but is not JSON: {error}") from error
