"""Values of templates, data frames and manifests: blank values, choices, flags and times."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_oppo_image.errors import ConfigurationError

_BLANK_TEXTS: Final = frozenset({"", "None", "null", "nan", "NaN", "NaT", "<NA>"})


def is_blank(value: object) -> bool:
    """Return whether a value is None, blank text, or a missing value of a data frame: NaN, NaT, NA or their texts.

    Jinja renders a missing XCom as the text ``None``.
    """
    if value is None or isinstance(value, (str, float)):
        return value is None or str(value).strip() in _BLANK_TEXTS
    return type(value).__name__ in ("NAType", "NaTType")  # of pandas, which this package does not import


def is_rendered(value: object) -> bool:
    """Return whether a value can be checked before a task runs: it is not a template and not another task's output."""
    return isinstance(value, datetime.date | int | float) or (isinstance(value, str) and "{" not in value)


def check_choice(name: str, value: object, choices: Mapping[str, str]) -> None:
    """Raise an error unless an argument has one of its values.

    :param name: the argument's name.
    :param value: its value.
    :param choices: the values, each with what it means; "" if that is clear.
    :raises ConfigurationError: if the argument has another value.
    """
    if value not in choices:
        texts = [f"{choice!r} ({meaning})" if meaning else repr(choice) for choice, meaning in choices.items()]
        raise ConfigurationError(f"{name} is {value!r}; it must be {', '.join(texts[:-1])} or {texts[-1]}.")


def read_flag(name: str, value: object) -> bool:
    """Return a rendered flag.

    :param name: the argument's name.
    :param value: a bool, or "true" or "false" in any case.
    :raises ConfigurationError: if it is anything else.
    """
    flag = {"true": True, "false": False}.get(str(value).strip().lower())
    if flag is None:
        raise ConfigurationError(f"{name} is {value!r}; it must be true or false.")
    return flag


def read_time(name: str, value: object) -> datetime.datetime | None:
    """Return a rendered time; None for a blank value.

    :param name: the argument's name.
    :param value: a datetime with a zone, or its text in ISO 8601.
    :raises ConfigurationError: if it is anything else.
    """
    if is_blank(value):
        return None
    try:
        time = value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(str(value).strip())
    except ValueError:
        time = None
    if time is None or time.utcoffset() is None:
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a date and time with a zone, such as 2026-12-01T20:00:00+08:00."
        )
    return time


def read_message(value: Any) -> Any:
    """Return the message of a push; text is parsed as JSON, as a template and the content of a file are.

    :param value: a mapping, or text.
    :raises ConfigurationError: if text is not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The message is text that is not valid JSON ({error}). Put values into it with the filter tojson, such as "
            "{{ params.alert | tojson }}; or give an object, or set render_template_as_native_obj=True on the DAG."
        ) from None
