"""The push's body: where the picture ids go, and what is known to be refused. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_oppo_image.contract import (
    BIG_PICTURE_STYLE,
    CID_PATTERN,
    MAX_PUSH_BYTES,
    MAX_STYLE_3_CONTENT,
    MAX_TITLE,
    PICTURE_KINDS,
    PICTURE_RULES,
    PictureKind,
)
from airflow_provider_oppo_image.engagelab.messages import to_json
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.template_values import is_blank

_OPPO = ("body", "options", "third_party_channel", "oppo")
_PICTURE_KEYS = tuple(rule.id_key for rule in PICTURE_RULES.values())


def compose_push(
    message: Mapping[str, Any],
    *,
    big_picture_id: str | None = None,
    small_picture_id: str | None = None,
    cid: str | None = None,
) -> dict[str, Any]:
    """Put the picture ids and the `cid` into a push, and refuse what OPPO or the service is known to refuse.

    What the message says itself wins, in OPPO's options and for the `cid`.

    :param message: the vendor's push body; it is not changed.
    :param big_picture_id: the big picture's id; brings OPPO's style 3, which shows it. None for none, and so is what a
        template makes of a missing value.
    :param small_picture_id: the small picture's id, likewise.
    :param cid: up to 64 letters, digits, ``_`` and ``-``; None for none.
    :return: the body to send.
    :raises ConfigurationError: naming all that is wrong with it.
    """
    body = without_blank_ids(message)
    given = {"big_picture_id": big_picture_id, "small_picture_id": small_picture_id}
    pictures: dict[str, Any] = {key: value for key, value in given.items() if not is_blank(value)}
    if pictures or has_pictures(body):
        oppo = _descend(body, _OPPO)
        oppo.update(pictures | oppo)
        if "big_picture_id" in oppo and is_blank(oppo.get("style")):
            oppo["style"] = BIG_PICTURE_STYLE
    if cid is not None:
        body = with_cid(body, cid)
    if problems := list(_problems(body)):
        raise ConfigurationError("This push would be refused, so it was not sent: " + " ".join(problems))
    return body


def without_blank_ids(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a push without the picture ids that a template left empty.

    :param message: the vendor's push body; it is not changed.
    :raises ConfigurationError: if it is no object.
    """
    body = _copy(message)
    oppo = _look(body, *_OPPO)
    for key in _PICTURE_KEYS:
        if isinstance(oppo, dict) and key in oppo and is_blank(oppo[key]):
            del oppo[key]
    return body


def without_big_style(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a push without OPPO's style 3, which the service refuses where there is no big picture.

    :param message: the vendor's push body; it is not changed.
    """
    body = _copy(message)
    oppo = _look(body, *_OPPO)
    if isinstance(oppo, dict) and _has_big_style(oppo):
        del oppo["style"]
    return body


def has_pictures(body: Mapping[str, Any]) -> bool:
    """Tell whether a push carries a picture id.

    :param body: the vendor's push body, without missing values.
    """
    return any(key in _look(body, *_OPPO) for key in _PICTURE_KEYS)


def picture_ids_of(body: Mapping[str, Any]) -> dict[PictureKind, str]:
    """Return the picture ids that a push carries, by kind.

    :param body: the vendor's push body, composed.
    """
    oppo = _look(body, *_OPPO)
    keys = {kind: PICTURE_RULES[kind].id_key for kind in PICTURE_KINDS}
    return {kind: str(oppo[key]) for kind, key in keys.items() if not is_blank(oppo.get(key))}


def shown_text(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return the title and the text that an Android phone shows, "" for each that there is not.

    :param body: the vendor's push body.
    """
    notification = _look(body, "body", "notification")
    android = _look(notification, "android")
    title, text = android.get("title"), android.get("alert") or notification.get("alert")
    return (title if isinstance(title, str) else ""), (text if isinstance(text, str) else "")


def with_cid(message: Mapping[str, Any], cid: str) -> dict[str, Any]:
    """Return a push that has a `cid`: its own if it has one.

    :param message: the vendor's push body; it is not changed.
    :param cid: up to 64 letters, digits, ``_`` and ``-``.
    """
    body = _copy(message)
    options = _descend(body, _OPPO[:2])
    if is_blank(options.get("cid")):
        options["cid"] = cid
    return body


def cid_of(body: Mapping[str, Any]) -> str:
    """Return the `cid` that a push carries, "" for none.

    :param body: the vendor's push body.
    """
    cid = _look(body, *_OPPO[:2]).get("cid")
    return "" if is_blank(cid) else str(cid)


def _copy(message: object) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise ConfigurationError(
            f"The message is of type {type(message).__name__}; it must be an object as the vendor's push page shows, "
            "with `to` and `body`. Where it comes from a template, set render_template_as_native_obj=True on the DAG."
        )
    return copy.deepcopy(dict(message))


def _descend(body: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return the object at a path, made where it is not."""
    current = body
    for depth, key in enumerate(path, 1):
        current = current.setdefault(key, {})
        if not isinstance(current, dict):
            raise ConfigurationError(
                f"The message's {'.'.join(path[:depth])} is of type {type(current).__name__}; it must be an object."
            )
    return current


def _look(body: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the object at a path, an empty one where there is none."""
    current: Any = body
    for key in path:
        current = current.get(key) if isinstance(current, Mapping) else None
    return current if isinstance(current, Mapping) else {}


def _has_big_style(oppo: Mapping[str, Any]) -> bool:
    return str(oppo.get("style")) == str(BIG_PICTURE_STYLE)


def _problems(body: Mapping[str, Any]) -> Iterator[str]:
    for key in ("to", "body"):
        if not body.get(key):
            yield f"The message has no `{key}`; the push page asks for one."
    cid = _look(body, *_OPPO[:2]).get("cid")
    if cid is not None and not (isinstance(cid, str) and re.fullmatch(CID_PATTERN, cid)):
        yield "The `cid` must be 1 to 64 letters, digits, `_` and `-`."
    try:
        length = len(to_json(body))
    except (TypeError, ValueError) as error:
        yield f"It cannot be written as JSON: {error}."
        return
    if length > MAX_PUSH_BYTES:
        yield f"It is {length:,} bytes long; the service takes {MAX_PUSH_BYTES:,}. Shorten it."
    oppo = _look(body, *_OPPO)
    if any(oppo.get(key) is not None for key in _PICTURE_KEYS):
        yield from _picture_problems(body, oppo)
    if _has_big_style(oppo):
        yield from _style_problems(body, oppo)


def _picture_problems(body: Mapping[str, Any], oppo: Mapping[str, Any]) -> Iterator[str]:
    for key in _PICTURE_KEYS:
        picture_id = oppo.get(key)
        if picture_id is not None and not (isinstance(picture_id, str) and picture_id.strip()):
            yield f"Its {key} is {picture_id!r}; an id is the text that an upload returned."
    single = [key for key in ("registration_id", "alias") if _look(body, "to").get(key)]
    if single:
        yield (
            f"It goes to single devices (`to.{single[0]}`), where OPPO shows no pictures: send it to all, to tags or "
            "to a segment, or without pictures."
        )
    if oppo.get("distribution_new") == "mtpush":
        yield "`distribution_new` is mtpush, which never takes OPPO's channel, so nobody would see the pictures."
    platform = _look(body, "body").get("platform") or "all"
    if platform != "all" and "android" not in (platform if isinstance(platform, list) else [platform]):
        yield "Its platform leaves out android, so nobody would see the pictures."


def _style_problems(body: Mapping[str, Any], oppo: Mapping[str, Any]) -> Iterator[str]:
    if oppo.get("big_picture_id") is None:
        yield "It has OPPO's style 3 and no big picture."
    if _look(body, *_OPPO[:2]).get("big_push_duration"):
        yield "OPPO takes no `big_push_duration` with a big picture: leave it out."
    notification = _look(body, "body", "notification", "android")
    for key, limit in (("alert", MAX_STYLE_3_CONTENT), ("title", MAX_TITLE)):
        text = notification.get(key)
        if isinstance(text, str) and len(text) > limit:
            yield f"Its {key} has {len(text)} characters; with a big picture OPPO takes {limit}."
