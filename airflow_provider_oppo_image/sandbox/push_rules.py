"""What the service finds wrong with a push, before it sends it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from airflow_provider_oppo_image.contract import (
    BIG_PICTURE_STYLE,
    CID_PATTERN,
    CONTENT_LIMITS,
    MAX_PUSH_CONTENT_BYTES,
    MAX_TITLE,
    PICTURE_KINDS,
    PICTURE_RULES,
    PictureKind,
)
from airflow_provider_oppo_image.sandbox.answers import RefusedError

Push: TypeAlias = Mapping[str, Any]
"""The body of a push request, read from JSON."""

PictureExists: TypeAlias = Callable[[PictureKind, str], bool]
"""Says whether a picture of that kind has that id."""

_CONTENTS: Final = ("notification", "message", "live_activity", "voip")
_TARGETS: Final = ("tag", "tag_and", "tag_not", "alias", "registration_id", "seg", "live_activity_id")
_SINGLE_DEVICES: Final = ("registration_id", "alias")
_DISTRIBUTIONS: Final = ("mtpush", "pns_mtpush", "mtpush_pns")


def read_push(raw: bytes, picture_exists: PictureExists) -> Push:
    """Read a push as the service does.

    :param raw: the body of the request, as it came.
    :param picture_exists: says whether a picture of that kind has that id.
    :return: the push, with nothing wrong in it.
    :raises Refused: for the first thing that is wrong.
    """
    if len(raw) > MAX_PUSH_CONTENT_BYTES:
        raise RefusedError(21005, f"The push is longer than {MAX_PUSH_CONTENT_BYTES:,} bytes")
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
    """Return the object at a path inside JSON, empty where there is none.

    :param value: any JSON value.
    :param keys: the keys to follow.
    """
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def oppo_options(push: Push) -> Mapping[str, Any]:
    """Return what a push says to OPPO's channel.

    :param push: the body of the request.
    """
    return part(push, "body", "options", "third_party_channel", "oppo")


def cid_of(push: Push) -> str | None:
    """Return a push's `cid`, where it has one.

    :param push: the body of the request.
    """
    return part(push, "body", "options").get("cid")


def shown_text(push: Push) -> tuple[str, str]:
    """Return the title and the content that an OPPO phone would show, empty where there is none.

    :param push: the body of the request.
    """
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
        raise RefusedError(21003, "`body` is not an object")
    contents = [key for key in _CONTENTS if body.get(key) is not None]
    if not contents:
        raise RefusedError(21002, f"`body` has none of {', '.join(_CONTENTS)}")
    if {"notification", "message"} <= set(contents):
        raise RefusedError(21306, "`notification` and `message` exclude each other")
    for key in contents:
        if not isinstance(body[key], Mapping):
            raise RefusedError(21009, f"`body.{key}` is not an object")


def _check_target(to: Any) -> None:
    if to == "all":
        return
    if not isinstance(to, Mapping):
        raise RefusedError(21003, '`to` is neither "all" nor an object')
    if not any(to.get(key) for key in _TARGETS):
        raise RefusedError(21011, f"`to` names nobody: it has none of {', '.join(_TARGETS)}")


def _check_options(push: Push) -> None:
    oppo = oppo_options(push)
    cid = cid_of(push)
    if cid is not None and not (isinstance(cid, str) and re.fullmatch(CID_PATTERN, cid)):
        raise RefusedError(21003, "`cid` is not made of 1 to 64 letters, digits, _ and -")
    if "distribution_new" in oppo and oppo["distribution_new"] not in _DISTRIBUTIONS:
        raise RefusedError(27009, f"`distribution_new` is none of {', '.join(_DISTRIBUTIONS)}")
    if {"distribution", "distribution_new"} & set(oppo) and not shown_text(push)[1]:
        raise RefusedError(27008, "`distribution` is set, but the alert is empty")


def _check_pictures(push: Push, picture_exists: PictureExists) -> None:
    given = {kind: oppo_options(push).get(PICTURE_RULES[kind].id_key) for kind in PICTURE_KINDS}
    for kind, picture_id in given.items():
        if picture_id is None:
            continue
        if not isinstance(picture_id, str) or not picture_exists(kind, picture_id):
            raise RefusedError(21003, f"`{PICTURE_RULES[kind].id_key}` is no id of a {kind} picture that was uploaded")
        if any(part(push, "to").get(key) for key in _SINGLE_DEVICES):
            # OPPO wants a permission for it that hardly anybody has; its code for that comes inside a 200.
            raise RefusedError(28, "No permission to send pictures to single devices")


def _check_big_picture_style(push: Push) -> None:
    title, content = shown_text(push)
    if not oppo_options(push).get("big_picture_id"):
        raise RefusedError(21003, f"`style` {BIG_PICTURE_STYLE} needs a `big_picture_id`")
    if len(content) > CONTENT_LIMITS[BIG_PICTURE_STYLE]:
        raise RefusedError(
            21003,
            f"`style` {BIG_PICTURE_STYLE} takes at most {CONTENT_LIMITS[BIG_PICTURE_STYLE]} characters of content",
        )
    if len(title) > MAX_TITLE:
        raise RefusedError(21003, f"`style` {BIG_PICTURE_STYLE} takes at most {MAX_TITLE} characters of title")
    if part(push, "body", "options").get("big_push_duration"):
        raise RefusedError(21003, f"`style` {BIG_PICTURE_STYLE} does not go with `big_push_duration`")
