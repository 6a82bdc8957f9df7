"""The service's rules for a push, as the sandbox applies them.

`part`, `cid_of` and `displayed_text` repeat helpers of `engagelab.push_body` on purpose. The sandbox shares only the
data of `contract` with the client: if they shared code, the sandbox would repeat the client's mistakes, and no test
would find them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from airflow_provider_oppo_image.contract import (
    BIG_PICTURE_STYLE,
    CID_PATTERN,
    CONTENT_LIMITS,
    DISTRIBUTIONS,
    MAX_PUSH_CONTENT_BYTES,
    MAX_RECIPIENTS,
    MAX_TITLE,
    PICTURE_KINDS,
    PICTURE_RULES,
    PictureKind,
)
from airflow_provider_oppo_image.sandbox.responses import RefusedError

Push: TypeAlias = Mapping[str, Any]
"""The body of a push request, read from JSON."""

PictureExists: TypeAlias = Callable[[PictureKind, str], bool]
"""Returns whether a picture of that kind has that id."""

_CONTENTS: Final = ("notification", "message", "live_activity", "voip")
_TARGETS: Final = ("tag", "tag_and", "tag_not", "alias", "registration_id", "seg", "live_activity_id")
_SINGLE_DEVICES: Final = ("registration_id", "alias")
_TARGET_LISTS: Final = ("tag", "tag_and", "tag_not", *_SINGLE_DEVICES)


def read_push(raw: bytes, picture_exists: PictureExists) -> Push:
    """Read a push as the service does.

    :param raw: the body of the request.
    :param picture_exists: returns whether a picture of that kind has that id.
    :return: the valid push.
    :raises RefusedError: for the first problem.
    """
    try:
        push = json.loads(raw)
    except (ValueError, RecursionError):
        raise RefusedError(21016, "The body is not JSON") from None
    if not isinstance(push, dict):
        raise RefusedError(21016, "The body is not a JSON object")
    _check_content(push)
    _check_target(push["to"])
    _check_options(push)
    _check_pictures(push, picture_exists)
    if oppo_options(push).get("style") == BIG_PICTURE_STYLE:
        _check_big_picture_style(push)
    return push


def part(value: Any, *keys: str) -> Mapping[str, Any]:
    """Return the object at a path of keys in JSON data; an empty one if there is no object."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def oppo_options(push: Push) -> Mapping[str, Any]:
    """Return the options of a push for OPPO's channel."""
    return part(push, "body", "options", "third_party_channel", "oppo")


def cid_of(push: Push) -> str | None:
    """Return the `cid` of a push; None if it has none."""
    return part(push, "body", "options").get("cid")


def displayed_text(push: Push) -> tuple[str, str]:
    """Return the title and the content that an OPPO phone displays; empty strings if the message has none."""
    notification = part(push, "body", "notification")
    android = part(notification, "android")
    message = part(push, "body", "message")
    title = android.get("title") or message.get("title")
    content = android.get("alert") or notification.get("alert") or message.get("msg_content")
    return (title if isinstance(title, str) else ""), (content if isinstance(content, str) else "")


def _check_content(push: Push) -> None:
    for key in ("to", "body"):
        if push.get(key) in (None, ""):
            raise RefusedError(21002, f"`{key}` is missing")
    body = push["body"]
    if not isinstance(body, Mapping):
        raise RefusedError(21016, "`body` is not an object")
    contents = [key for key in _CONTENTS if body.get(key) is not None]
    if not contents:
        raise RefusedError(21002, f"`body` must contain one of {', '.join(_CONTENTS)}")
    if {"notification", "message"} <= set(contents):
        raise RefusedError(21306, "`body` must not contain both `notification` and `message`")
    for key in contents:
        if not isinstance(body[key], Mapping):
            raise RefusedError(21016, f"`body.{key}` is not an object")
    for key in ("notification", "message"):
        if len(json.dumps(body.get(key), ensure_ascii=False, separators=(",", ":")).encode()) > MAX_PUSH_CONTENT_BYTES:
            raise RefusedError(21005, f"`{key}` is longer than {MAX_PUSH_CONTENT_BYTES:,} bytes")


def _check_target(to: Any) -> None:
    if to == "all":
        return
    if isinstance(to, str):
        raise RefusedError(21003, '`to` must be "all" or an object')
    if not isinstance(to, Mapping):
        raise RefusedError(21016, "`to` is not an object")
    if not any(to.get(key) for key in _TARGETS):
        raise RefusedError(21011, f"`to` must contain one of {', '.join(_TARGETS)}")
    for key in _TARGET_LISTS:
        if not isinstance(to.get(key, []), list):
            raise RefusedError(21016, f"`to.{key}` is not a list")
    for key in _SINGLE_DEVICES:
        if len(to.get(key, [])) > MAX_RECIPIENTS:
            raise RefusedError(21016, f"`to.{key}` has more than {MAX_RECIPIENTS} entries")


def _check_options(push: Push) -> None:
    oppo = oppo_options(push)
    cid = cid_of(push)
    if cid is not None and not (isinstance(cid, str) and re.fullmatch(CID_PATTERN, cid)):
        raise RefusedError(23003, "`cid` must be 1 to 64 letters, digits, _ and -")
    for level in (part(push, "body", "options", "third_party_channel"), oppo):
        if not isinstance(level.get("distribution_new", ""), str):
            raise RefusedError(21016, "`distribution_new` is not text")
        if "distribution_new" in level and level["distribution_new"] not in DISTRIBUTIONS:
            raise RefusedError(27009, f"`distribution_new` must be one of {', '.join(DISTRIBUTIONS)}")
    if {"distribution", "distribution_new"} & set(oppo) and not displayed_text(push)[1]:
        raise RefusedError(27008, "`distribution` is set, so the alert must not be empty")


def _check_pictures(push: Push, picture_exists: PictureExists) -> None:
    picture_ids = {kind: oppo_options(push).get(PICTURE_RULES[kind].id_key) for kind in PICTURE_KINDS}
    for kind, picture_id in picture_ids.items():
        if picture_id is None:
            continue
        if not isinstance(picture_id, str):
            raise RefusedError(21016, f"`{PICTURE_RULES[kind].id_key}` is not text")
        if not picture_exists(kind, picture_id):
            raise RefusedError(21003, f"`{PICTURE_RULES[kind].id_key}` is not the id of an uploaded {kind} picture")
        if sum(_count(part(push, "to").get(key)) for key in _SINGLE_DEVICES) == 1:
            # OPPO requires a permission that few accounts have. The error comes in an HTTP 200.
            raise RefusedError(27, "No permission to send pictures to single devices")


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else int(bool(value))


def _check_big_picture_style(push: Push) -> None:
    title, content = displayed_text(push)
    if not oppo_options(push).get("big_picture_id"):
        raise RefusedError(21003, f"`style` {BIG_PICTURE_STYLE} needs a `big_picture_id`")
    if len(content) > CONTENT_LIMITS[BIG_PICTURE_STYLE]:
        raise RefusedError(
            21003,
            f"`style` {BIG_PICTURE_STYLE} allows at most {CONTENT_LIMITS[BIG_PICTURE_STYLE]} characters of content",
        )
    if len(title) > MAX_TITLE:
        raise RefusedError(21003, f"`style` {BIG_PICTURE_STYLE} allows at most {MAX_TITLE} characters of title")
    if part(push, "body", "options").get("big_push_duration"):
        raise RefusedError(21003, f"`style` {BIG_PICTURE_STYLE} cannot be combined with `big_push_duration`")
