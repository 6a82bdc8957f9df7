"""Composition of a push: picture ids at the places where OPPO reads them, and a check against the rules. Pure."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from airflow_provider_oppo_image.contract import BIG_PICTURE_STYLE, MAX_PICTURE_AGE, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.engagelab.push_once import digest_of
from airflow_provider_oppo_image.engagelab.push_pictures import PushPictures, judge_age
from airflow_provider_oppo_image.engagelab.push_rules import (
    CHANNELS,
    ID_KEYS,
    OPPO,
    OPTIONS,
    check_push,
    is_big_style,
    object_at,
    require_message,
)
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.template_values import is_blank


@dataclass(frozen=True)
class PushBody:
    """A push that is ready to be sent, as `compose_push` returns it.

    :param body: the vendor's push body. Do not change it.
    :param warnings: why it may not do what its author expects, one sentence each.
    :param uploaded_at: the time of the upload of its pictures, with a zone; None if it is not known.
    """

    body: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    uploaded_at: datetime.datetime | None = None

    @property
    def cid(self) -> str:
        """The `cid`; "" if it has none."""
        cid = object_at(self.body, *OPTIONS).get("cid")
        return "" if is_blank(cid) else str(cid)

    @property
    def picture_ids(self) -> dict[PictureKind, str]:
        """The picture ids by kind, without the missing ones."""
        oppo = object_at(self.body, *OPPO)
        found = {rule.kind: oppo.get(rule.id_key) for rule in PICTURE_RULES.values()}
        return {kind: str(picture_id) for kind, picture_id in found.items() if not is_blank(picture_id)}

    @property
    def title(self) -> str:
        """The title that an Android phone displays; "" if the message has no title."""
        return _text(object_at(self.body, "body", "notification", "android").get("title"))

    @property
    def text(self) -> str:
        """The text that an Android phone displays; "" if the message has no text."""
        notification = object_at(self.body, "body", "notification")
        return _text(object_at(notification, "android").get("alert") or notification.get("alert"))

    @property
    def digest(self) -> str:
        """SHA-256 of the body without `cid` and `request_id`, 64 hex characters."""
        body = copy.deepcopy({key: value for key, value in self.body.items() if key != "request_id"})
        options = object_at(body, *OPTIONS)
        if "cid" in options:
            del options["cid"]
        return digest_of(body)

    def with_cid(self, cid: str) -> PushBody:
        """Return the push with a `cid` in place of its own, and with a `request_id` if it has none.

        :param cid: 1 to 64 letters, digits, ``_`` and ``-``.
        """
        body = copy.deepcopy(dict(self.body))
        _make_object_at(body, *OPTIONS)["cid"] = cid
        if is_blank(body.get("request_id")):
            body["request_id"] = self.digest[:32]
        return replace(self, body=body)

    def check_age(self, max_picture_age: datetime.timedelta | None) -> str | None:
        """Return a warning if the picture ids are old; None if they are not, or if their age is not known.

        :param max_picture_age: the maximum age, inclusive; None for any age.
        :raises ConfigurationError: if they are older.
        """
        uploaded_at = self.uploaded_at if self.picture_ids else None
        return judge_age(uploaded_at, max_picture_age, datetime.datetime.now(datetime.UTC))


def compose_push(
    message: Mapping[str, Any],
    *,
    pictures: Mapping[str, Any] | None = None,
    big_picture_id: str | None = None,
    small_picture_id: str | None = None,
    uploaded_at: str | datetime.datetime | None = None,
    max_picture_age: datetime.timedelta | None = MAX_PICTURE_AGE,
    cid: str | None = None,
    on_missing_picture: Literal["allow", "fail", "text"] = "allow",
) -> PushBody:
    """Put the picture ids and the `cid` into a push, and refuse what OPPO or the service is known to reject.

    OPPO's options and the `cid` in the message take precedence over the arguments.

    :param message: the vendor's push body; it is not changed. Picture ids that a template left empty are removed.
    :param pictures: the result of an upload, with the next three arguments; None to give them one by one.
    :param big_picture_id: the big picture's id; OPPO's style 3, which displays it, is set too. None and blank template
        values mean no picture.
    :param small_picture_id: the small picture's id, likewise.
    :param uploaded_at: the time of the upload, with a zone; None or a blank template value if it is not known.
    :param max_picture_age: the maximum age of the ids, inclusive; None for any age.
    :param cid: up to 64 letters, digits, ``_`` and ``-``; None adds no `cid`.
    :param on_missing_picture: what to do without any picture id: "allow" it, "fail", or make it a "text" push by
        removing OPPO's style 3, which the service rejects without a big picture.
    :raises ConfigurationError: if the push is invalid; the message lists everything that is wrong.
    """
    body = copy.deepcopy(dict(require_message(message)))
    oppo = object_at(body, *OPPO)
    for key in ID_KEYS:
        if key in oppo and is_blank(oppo[key]):
            del oppo[key]
    given = PushPictures.parse(
        pictures, big_picture_id=big_picture_id, small_picture_id=small_picture_id, uploaded_at=uploaded_at
    )
    if given.ids or any(key in oppo for key in ID_KEYS):
        oppo = _make_object_at(body, *OPPO)
        oppo.update({**given.ids, **oppo})
        if "big_picture_id" in oppo and is_blank(oppo.get("style")):
            oppo["style"] = BIG_PICTURE_STYLE
    elif on_missing_picture == "fail":
        raise ConfigurationError(
            "This push has no picture: big_picture_id and small_picture_id are empty, so it was not sent. Check why "
            "the upload returned no id, or set on_missing_picture='text' to push without pictures."
        )
    elif on_missing_picture == "text" and is_big_style(oppo):
        del oppo["style"]
    _set_cid(body, cid)
    _move_distribution(body)
    found = check_push(body)
    if found.problems:
        raise ConfigurationError("This push was not sent. " + " ".join(found.problems))
    push = PushBody(body, tuple(found.warnings), given.uploaded_at)
    old = push.check_age(max_picture_age)
    return replace(push, warnings=(*push.warnings, old)) if old else push


def _set_cid(body: dict[str, Any], cid: str | None) -> None:
    """Set the `cid` unless the message has one. A number, as native rendering makes of digits, becomes text."""
    own = object_at(body, *OPTIONS).get("cid")
    chosen = cid if is_blank(own) else own
    if isinstance(chosen, int) and not isinstance(chosen, bool):
        chosen = str(chosen)
    if chosen is not None:
        _make_object_at(body, *OPTIONS)["cid"] = chosen
    if isinstance(request_id := body.get("request_id"), int):
        body["request_id"] = str(request_id)


def _move_distribution(body: dict[str, Any]) -> None:
    """Move `distribution_new` from OPPO's options to `third_party_channel`, as the push strategy page writes it."""
    if "distribution_new" in (oppo := object_at(body, *OPPO)):
        _make_object_at(body, *CHANNELS).setdefault("distribution_new", oppo["distribution_new"])
        if object_at(body, *CHANNELS)["distribution_new"] == oppo["distribution_new"]:
            del oppo["distribution_new"]


def _text(value: object) -> str:
    if isinstance(value, Mapping):  # an alert may be an object
        value = value.get("body") or value.get("content")
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
