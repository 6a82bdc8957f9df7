"""Pictures of a push: their ids, and the age of these ids. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE, OLD_PICTURE_AGE, PICTURE_RULES
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.template_values import is_blank, read_time

_KEYS = (*(rule.id_key for rule in PICTURE_RULES.values()), "uploaded_at")


@dataclass(frozen=True)
class PushPictures:
    """The pictures of a push.

    :param ids: picture ids by their key in OPPO's options, without the missing ones.
    :param uploaded_at: the time of the upload, with a zone; None if it is not known.
    """

    ids: Mapping[str, Any]
    uploaded_at: datetime.datetime | None = None

    @classmethod
    def parse(cls, pictures: Mapping[str, Any] | None = None, **arguments: Any) -> PushPictures:
        """Read the arguments of a push; blank values mean no picture, and no known time.

        :param pictures: the result of an upload as a whole; None if the arguments are given one by one.
        :param arguments: ``big_picture_id``, ``small_picture_id`` and ``uploaded_at``.
        :raises ConfigurationError: if `pictures` is not such a result, an argument is given beside it, or
            ``uploaded_at`` is not a time with a zone.
        """
        given = {key: value for key, value in arguments.items() if not is_blank(value)}
        if pictures is not None and not is_blank(pictures):
            if given:
                raise ConfigurationError(f"pictures and {', '.join(given)} are both given. Give only one of them.")
            given = _read_result(pictures)
        uploaded_at = read_time("uploaded_at", given.pop("uploaded_at", None))
        return cls(given, uploaded_at)


def _read_result(pictures: object) -> dict[str, Any]:
    if not isinstance(pictures, Mapping):
        raise ConfigurationError(
            f"pictures is of type {type(pictures).__name__}; it must be the result of one upload, such as "
            "upload.output: an object with big_picture_id, small_picture_id and uploaded_at. For a mapped upload, use "
            ".expand(pictures=upload.output). For a template, set render_template_as_native_obj=True on the DAG."
        )
    if unknown := [str(key) for key in pictures if key not in _KEYS]:
        raise ConfigurationError(f"pictures has unknown keys: {', '.join(unknown)}. Its keys are {', '.join(_KEYS)}.")
    return {key: value for key, value in pictures.items() if not is_blank(value)}


def check_max_age(max_age: object) -> None:
    """Check the argument ``max_picture_age`` of a push.

    :param max_age: a positive timedelta; None for any age.
    :raises ConfigurationError: if it is anything else.
    """
    if max_age is not None and not (isinstance(max_age, datetime.timedelta) and max_age > datetime.timedelta()):
        raise ConfigurationError(
            f"max_picture_age is {max_age!r}; it must be a positive timedelta, such as "
            f"timedelta(days={MAX_PICTURE_AGE.days}), or None for any age."
        )


def judge_age(
    uploaded_at: datetime.datetime | None, max_age: datetime.timedelta | None, now: datetime.datetime
) -> str | None:
    """Return a warning if picture ids are so old that the picture may not be displayed; None if they are not.

    :param uploaded_at: the time of the upload, with a zone; None if it is not known.
    :param max_age: the maximum age, inclusive; None for any age.
    :param now: the current time, with a zone.
    :raises ConfigurationError: if the ids are older than `max_age`.
    """
    check_max_age(max_age)
    if uploaded_at is None:
        return None
    age = now - uploaded_at
    found = (
        f"The pictures were uploaded on {uploaded_at.astimezone(datetime.UTC):%Y-%m-%d %H:%M UTC}, "
        f"{age / datetime.timedelta(days=1):.1f} days ago. EngageLab does not document how long a picture id is "
        f"valid; its sibling service keeps pictures for at most {MAX_PICTURE_AGE.days} days."
    )
    if max_age is not None and age > max_age:
        raise ConfigurationError(
            f"{found} max_picture_age is {max_age / datetime.timedelta(days=1):g} days, so the push was not sent. "
            "Upload the pictures again, or set another max_picture_age."
        )
    return f"{found} Upload them again before a later push." if age > OLD_PICTURE_AGE else None
