"""`oppo-image push`: sends a push with the pictures."""

from __future__ import annotations

import argparse
import datetime
import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import (
    add_connection,
    add_json,
    add_rate,
    days,
    non_empty,
    time_with_zone,
)
from airflow_provider_oppo_image.cli.batch import INTERVAL_S, BatchEnd, run_to_end
from airflow_provider_oppo_image.cli.output import SUCCESS, print_error, print_json, print_note, print_result
from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE
from airflow_provider_oppo_image.engagelab.push_body import PushBody, compose_push
from airflow_provider_oppo_image.engagelab.push_once import IntendedPush, OnUnknownOutcome, account_of, send_once
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError

if TYPE_CHECKING:
    from airflow_provider_oppo_image.batch.progress import Progress
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

HELP: Final = "send a push with the pictures, and print its message id"
DESCRIPTION: Final = (
    "Send a push with an Airflow connection, with the picture ids added to the message, and print its message id. The "
    "service recognises a repeated cid for one hour, and does not send the push again. Without --cid, the command "
    "generates a cid. If the push may have been sent, the command prints the cid for a retry within the hour. With "
    "--results, it sends one push for each row that `batch` uploaded, with the row's picture ids and its own cid; "
    "${column} in the texts of the message is the row's value of a column."
)

_SINGLE_ONLY: Final = ("big_picture_id", "small_picture_id", "uploaded_at", "cid")
_BATCH_ONLY: Final = ("manifest", "pushes", "same_audience", "resume", "on_unknown_outcome")


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
    parser.add_argument(
        "--not-after",
        type=time_with_zone,
        metavar="TIME",
        help="the latest time to send, with a zone, such as 2026-12-01T20:00:00+08:00; later, nothing is sent",
    )
    many = parser.add_argument_group("one push for each row of a batch")
    many.add_argument("--results", type=non_empty, metavar="FILE", help="the results of `oppo-image batch`")
    many.add_argument(
        "--manifest", type=non_empty, metavar="FILE", help="the manifest of the results, for its other columns"
    )
    many.add_argument(
        "--pushes",
        type=non_empty,
        metavar="FILE",
        help="the results of the pushes to write (default: beside --results, such as night.results.pushes.csv)",
    )
    many.add_argument("--same-audience", action="store_true", help="allow that all rows go to the same audience")
    many.add_argument("--resume", action="store_true", help="continue pushes that stopped early, and retry failed rows")
    many.add_argument(
        "--on-unknown-outcome",
        choices=get_args(OnUnknownOutcome),
        help="what to do with a row that may have been sent, more than 50 minutes later (default: fail); `send_again` "
        "may send it twice",
    )
    add_rate(many)
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Send or validate the push, print the result, and return the exit code.

    :raises ConfigurationError: if the service would refuse the push.
    """
    wrong = _SINGLE_ONLY if args.results else _BATCH_ONLY
    if given := [f"--{name.replace('_', '-')}" for name in wrong if getattr(args, name)]:
        raise ConfigurationError(
            f"{', '.join(given)} cannot be used {'with' if args.results else 'without'} --results."
        )
    return _push_batch(args) if args.results else _push_one(args)


def _push_batch(args: argparse.Namespace) -> int:
    message = _read_message(args.message)

    def push(hook: OppoImageHook, on_progress: Callable[[Progress], None]) -> BatchEnd:
        result = hook.push_batch(
            args.results,
            message,
            manifest=args.manifest,
            pushes=args.pushes,
            same_audience=args.same_audience,
            max_picture_age=args.max_picture_age,
            validate_only=args.validate_only,
            on_unknown_outcome=args.on_unknown_outcome or "fail",
            not_after=args.not_after,
            resume=args.resume,
            rate_limiter=hook.make_rate_limiter(args.rate),
            on_progress=on_progress,
            progress_interval=INTERVAL_S,
        )
        return BatchEnd(
            result.summary, result.error, "Nothing was sent: --validate-only." if args.validate_only else ""
        )

    return run_to_end(args, push, "A folder beside the results of the pushes has a record of each push.")


def _push_one(args: argparse.Namespace) -> int:
    push = _compose(args)
    msg_id = ""
    try:
        with open_hook(args.conn_id, verbose=args.verbose) as hook:
            if args.validate_only:
                hook.get_conn().validate_push(push)
            else:
                msg_id = _send(hook, push, args.not_after)
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


def _send(hook: OppoImageHook, push: PushBody, not_after: datetime.datetime | None) -> str:
    """Send the push by the same decision as a task, but without a record of earlier commands."""
    if not_after and (now := datetime.datetime.now(datetime.UTC)) > not_after:
        raise ConfigurationError(
            f"It is {now:%Y-%m-%d %H:%M UTC}, later than --not-after ({not_after.isoformat()}), so nothing was sent."
        )
    client, account = hook.get_conn(), account_of(hook.settings.app_key, hook.settings.base_url)
    intended = IntendedPush(push.cid, push.digest, account, cid_was_given=True)

    def send(cid: str, until: datetime.datetime) -> str:
        return client.push(push.with_cid(cid), until=min(until, not_after or until)).msg_id

    return send_once(intended, None, send).msg_id


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
