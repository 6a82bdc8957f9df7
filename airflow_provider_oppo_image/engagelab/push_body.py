"""Composes a push: puts the picture ids where OPPO reads them and refuses what would be rejected. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from airflow_provider_oppo_image.contract import (
    BIG_PICTURE_STYLE,
    CID_PATTERN,
    MAX_PUSH_BYTES,
    MAX_STYLE_3_CONTENT,
    MAX_TITLE,
    PICTURE_RULES,
    PictureKind,
)
from airflow_provider_oppo_image.engagelab.messages import to_json
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.template_values import is_blank

_OPTIONS: Final = ("body", "options")
_OPPO: Final = (*_OPTIONS, "third_party_channel", "oppo")
_ID_KEYS: Final = tuple(rule.id_key for rule in PICTURE_RULES.values())


@dataclass(frozen=True)
class PushBody:
    """A push that is ready to be sent, as `compose_push` returns it.

    :param body: the vendor's push body. Do not change it.
    """

    body: Mapping[str, Any]

    @property
    def cid(self) -> str:
        """The `cid`; "" if it has none."""
        cid = _object_at(self.body, *_OPTIONS).get("cid")
        return "" if is_blank(cid) else str(cid)

    @property
    def picture_ids(self) -> dict[PictureKind, str]:
        """The picture ids by kind, without the missing ones."""
        oppo = _object_at(self.body, *_OPPO)
        found = {rule.kind: oppo.get(rule.id_key) for rule in PICTURE_RULES.values()}
        return {kind: str(picture_id) for kind, picture_id in found.items() if not is_blank(picture_id)}

    @property
    def title(self) -> str:
        """The title that an Android phone displays; "" if there is none."""
        return _text(_object_at(self.body, "body", "notification", "android").get("title"))

    @property
    def text(self) -> str:
        """The text that an Android phone displays; "" if there is none."""
        notification = _object_at(self.body, "body", "notification")
        return _text(_object_at(notification, "android").get("alert") or notification.get("alert"))

    def with_cid(self, cid: str) -> PushBody:
        """Return the push with a `cid`; the push's own `cid` is kept.

        :param cid: up to 64 letters, digits, ``_`` and ``-``.
        """
        if self.cid:
            return self
        body = copy.deepcopy(dict(self.body))
        _make_object_at(body, *_OPTIONS)["cid"] = cid
        return PushBody(body)


def compose_push(
    message: Mapping[str, Any],
    *,
    big_picture_id: str | None = None,
    small_picture_id: str | None = None,
    cid: str | None = None,
    on_missing_picture: Literal["allow", "fail", "text"] = "allow",
) -> PushBody:
    """Put the picture ids and the `cid` into a push, and refuse what OPPO or the service is known to reject.

    OPPO's options and the `cid` in the message take precedence over the arguments.

    :param message: the vendor's push body; it is not changed. Picture ids that a template left empty are removed.
    :param big_picture_id: the big picture's id; OPPO's style 3, which displays it, is set too. None and blank template
        values mean no picture.
    :param small_picture_id: the small picture's id, likewise.
    :param cid: up to 64 letters, digits, ``_`` and ``-``; None adds no `cid`.
    :param on_missing_picture: what to do without any picture id: "allow" it, "fail", or make it a "text" push by
        removing OPPO's style 3, which the service rejects without a big picture.
    :raises ConfigurationError: if the push is invalid; the message lists everything that is wrong.
    """
    if not isinstance(message, Mapping):
        raise ConfigurationError(
            f"The message is of type {type(message).__name__}; it must be an object as the vendor's push page shows, "
            "with `to` and `body`. If it comes from a template, set render_template_as_native_obj=True on the DAG."
        )
    body = copy.deepcopy(dict(message))
    oppo = _object_at(body, *_OPPO)
    for key in _ID_KEYS:
        if key in oppo and is_blank(oppo[key]):
            del oppo[key]
    given = {"big_picture_id": big_picture_id, "small_picture_id": small_picture_id}
    picture_ids: dict[str, Any] = {key: value for key, value in given.items() if not is_blank(value)}
    if picture_ids or any(key in oppo for key in _ID_KEYS):
        oppo = _make_object_at(body, *_OPPO)
        oppo.update(picture_ids | oppo)
        if "big_picture_id" in oppo and is_blank(oppo.get("style")):
            oppo["style"] = BIG_PICTURE_STYLE
    elif on_missing_picture == "fail":
        raise ConfigurationError(
            "This push has no picture: big_picture_id and small_picture_id are empty, so it was not sent. Check why "
            "the upload returned no id, or set on_missing_picture='text' to push without pictures."
        )
    elif on_missing_picture == "text" and _has_big_style(oppo):
        del oppo["style"]
    push = PushBody(body)
    if cid is not None and not push.cid:
        _make_object_at(body, *_OPTIONS)["cid"] = cid
    if problems := list(_problems(body)):
        raise ConfigurationError("This push would be refused, so it was not sent: " + " ".join(problems))
    return push


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _make_object_at(body: dict[str, Any], *path: str) -> dict[str, Any]:
    """Return the object at a path; create it, and its parents, if it does not exist."""
    current = body
    for depth, key in enumerate(path, 1):
        current = current.setdefault(key, {})
        if not isinstance(current, dict):
            raise ConfigurationError(
                f"The message's {'.'.join(path[:depth])} is of type {type(current).__name__}; it must be an object."
            )
    return current


def _object_at(body: Mapping[str, Any], *path: str) -> Any:
    """Return the object at a path; an empty one if there is none."""
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
    cid = _object_at(body, *_OPTIONS).get("cid")
    if cid is not None and not (isinstance(cid, str) and re.fullmatch(CID_PATTERN, cid)):
        yield "The `cid` must be 1 to 64 letters, digits, `_` and `-`."
    try:
        length = len(to_json(body))
    except (TypeError, ValueError) as error:
        yield f"It cannot be written as JSON: {error}."
        return
    if length > MAX_PUSH_BYTES:
        yield f"It is {length:,} bytes long; the service takes {MAX_PUSH_BYTES:,}. Shorten it."
    oppo = _object_at(body, *_OPPO)
    if any(oppo.get(key) is not None for key in _ID_KEYS):
        yield from _picture_problems(body, oppo)
    if _has_big_style(oppo):
        yield from _style_problems(body, oppo)


def _picture_problems(body: Mapping[str, Any], oppo: Mapping[str, Any]) -> Iterator[str]:
    for key in _ID_KEYS:
        picture_id = oppo.get(key)
        if picture_id is not None and not (isinstance(picture_id, str) and picture_id.strip()):
            yield f"Its {key} is {picture_id!r}; an id is the text that an upload returned."
    single = [key for key in ("registration_id", "alias") if _object_at(body, "to").get(key)]
    if single:
        yield (
            f"It goes to single devices (`to.{single[0]}`), where OPPO shows no pictures: send it to all, to tags or "
            "to a segment, or without pictures."
        )
    if oppo.get("distribution_new") == "mtpush":
        yield "`distribution_new` is mtpush, which never takes OPPO's channel, so nobody would see the pictures."
    platform = _object_at(body, "body").get("platform") or "all"
    if platform != "all" and "android" not in (platform if isinstance(platform, list) else [platform]):
        yield "Its platform leaves out android, so nobody would see the pictures."


def _style_problems(body: Mapping[str, Any], oppo: Mapping[str, Any]) -> Iterator[str]:
    if oppo.get("big_picture_id") is None:
        yield "It has OPPO's style 3 and no big picture."
    if _object_at(body, *_OPTIONS).get("big_push_duration"):
        yield "OPPO takes no `big_push_duration` with a big picture: leave it out."
    notification = _object_at(body, "body", "notification", "android")
    for key, limit in (("alert", MAX_STYLE_3_CONTENT), ("title", MAX_TITLE)):
        text = notification.get(key)
        if isinstance(text, str) and len(text) > limit:
            yield f"Its {key} has {len(text)} characters; with a big picture OPPO takes {limit}."
