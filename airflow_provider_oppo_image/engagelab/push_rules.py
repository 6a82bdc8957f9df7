"""Rules for a push: what the service or OPPO rejects, and what would hide a picture. Pure.

A *problem* stops the push before it is sent. A *warning* is logged. Sources: EngageLab's push and push strategy pages,
and OPPO's page of notification parameters. `docs/limits.md` lists the numbers with their certainty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_oppo_image.contract import (
    BIG_PICTURE_STYLE,
    CID_PATTERN,
    CONTENT_LIMITS,
    DISTRIBUTIONS,
    MAX_BIG_PUSH_MINUTES,
    MAX_CUSTOM_ARGS,
    MAX_PUSH_CONTENT_BYTES,
    MAX_RECIPIENTS,
    MAX_SUB_TITLE,
    MAX_TIME_TO_LIVE,
    MAX_TITLE,
    OLD_DISTRIBUTIONS_WITHOUT_OPPO,
    PICTURE_RULES,
    PLAIN_STYLE,
)
from airflow_provider_oppo_image.engagelab.messages import to_json
from airflow_provider_oppo_image.errors import ConfigurationError

OPTIONS: Final = ("body", "options")
CHANNELS: Final = (*OPTIONS, "third_party_channel")
OPPO: Final = (*CHANNELS, "oppo")
ID_KEYS: Final = tuple(rule.id_key for rule in PICTURE_RULES.values())


@dataclass(frozen=True)
class Findings:
    """Result of the rules, one sentence each.

    :param problems: why the push must not be sent.
    :param warnings: why the push may not do what its author expects.
    """

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


_OBJECT: Final = (dict, Mapping)  # most are dictionaries, which are recognised ten times as fast


def object_at(body: Mapping[str, Any], *path: str) -> Any:
    """Return the object at a path; an empty one if there is no object."""
    current: Any = body
    for key in path:
        current = current.get(key) if isinstance(current, _OBJECT) else None
    return current if isinstance(current, _OBJECT) else {}


def require_message(message: object) -> Mapping[str, Any]:
    """Return the message of a push.

    :raises ConfigurationError: if it is not an object.
    """
    if not isinstance(message, Mapping):
        raise ConfigurationError(
            f"The message is of type {type(message).__name__}; it must be an object as the vendor's push page shows, "
            "with `to` and `body`. If it comes from a template, set render_template_as_native_obj=True on the DAG."
        )
    return message


def check_push(body: Mapping[str, Any]) -> Findings:
    """Check a composed push.

    :param body: the vendor's push body.
    """
    found = Findings()
    _check_shape(body, found)
    _check_places(body, found)
    _check_texts(body, found)
    _check_options(body, found)
    if _has_picture(object_at(body, *OPPO)):
        _check_pictures(body, found)
    if is_big_style(object_at(body, *OPPO)):
        _check_big_style(body, found)
    return found


def _has_picture(oppo: Mapping[str, Any]) -> bool:
    return any(oppo.get(key) is not None for key in ID_KEYS)


def is_big_style(oppo: Mapping[str, Any]) -> bool:
    """Return whether OPPO's options ask for the style that displays a big picture."""
    return _style_of(oppo) == BIG_PICTURE_STYLE


def _style_of(oppo: Mapping[str, Any]) -> int | None:
    text = str(oppo.get("style", "")).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _check_shape(body: Mapping[str, Any], found: Findings) -> None:
    found.problems.extend(
        f"The message has no `{key}`. The push page requires it." for key in ("to", "body") if not body.get(key)
    )
    cid = object_at(body, *OPTIONS).get("cid")
    if cid is not None and not (isinstance(cid, str) and re.fullmatch(CID_PATTERN, cid)):
        found.problems.append("The `cid` must be 1 to 64 letters, digits, `_` and `-`.")
    try:
        to_json(body)
    except (TypeError, ValueError) as error:
        found.problems.append(f"The message cannot be written as JSON: {error}.")
        return
    for key in ("notification", "message"):
        length = len(to_json(content)) if (content := object_at(body, "body").get(key)) else 0
        if length > MAX_PUSH_CONTENT_BYTES:
            found.problems.append(
                f"`{key}` has {length:,} bytes. The service accepts {MAX_PUSH_CONTENT_BYTES:,} bytes."
            )
    for key in ("registration_id", "alias"):
        if (count := _count(object_at(body, "to").get(key))) > MAX_RECIPIENTS:
            found.problems.append(
                f"`to.{key}` has {count:,} entries. The service accepts {MAX_RECIPIENTS:,} in one push."
            )


def _check_places(body: Mapping[str, Any], found: Findings) -> None:
    if "options" in body:
        found.problems.append("`options` is beside `body`. It belongs inside `body`, or the service does not read it.")
    for where, parent in (("beside `body`", body), ("in `body`", object_at(body, "body"))):
        if "third_party_channel" in parent:
            found.problems.append(f"`third_party_channel` is {where}. It belongs inside `body.options`.")
    for path in _OBJECTS:
        value = object_at(body, *path[:-1]).get(path[-1])
        if value is not None and not isinstance(value, Mapping):
            found.problems.append(f"`{'.'.join(path)}` is of type {type(value).__name__}. It must be an object.")
    if (to := body.get("to")) and to != "all" and not isinstance(to, Mapping):
        found.problems.append('`to` must be "all" or an object.')


def _count(value: object) -> int:
    return len({str(entry) for entry in value}) if isinstance(value, list | tuple) else int(bool(value))


def _check_options(body: Mapping[str, Any], found: Findings) -> None:
    options, oppo = object_at(body, *OPTIONS), object_at(body, *OPPO)
    kinds = [f"`{kind}`" for kind in _CONTENTS if object_at(body, "body").get(kind)]
    if len(kinds) > 1:
        found.warnings.append(f"The push has {' and '.join(kinds)}. The service may refuse it, as with code 21306.")
    seconds, minutes = _number_in(options, "time_to_live"), _number_in(options, "big_push_duration")
    if seconds == 0:
        found.warnings.append("`time_to_live` is 0, so only phones that are online get the push.")
    elif seconds > (longest := MAX_TIME_TO_LIVE.total_seconds()):
        found.warnings.append(
            f"`time_to_live` is {seconds:,.0f} s. The service may refuse more than {longest:,.0f} s, which is 15 days."
        )
    if minutes > MAX_BIG_PUSH_MINUTES:
        found.problems.append(
            f"`big_push_duration` is {minutes:,.0f} minutes. The service accepts {MAX_BIG_PUSH_MINUTES:,} minutes."
        )
    arguments = body.get("custom_args")
    length = len(arguments) if isinstance(arguments, str) else len(repr(arguments)) if arguments else 0
    if length > MAX_CUSTOM_ARGS:
        found.warnings.append(
            f"`custom_args` has {length:,} characters. The service may refuse more than {MAX_CUSTOM_ARGS}."
        )
    if oppo.get("notify_level") is not None:
        if not oppo.get("category"):
            found.warnings.append("OPPO accepts `notify_level` only together with `category`.")
        elif any(oppo.get(key) for key in ID_KEYS):
            found.warnings.append("OPPO accepts `notify_level` only for service messages, and a campaign is marketing.")


def _number_in(options: Mapping[str, Any], key: str) -> float:
    """Return a number or the number in a text; NaN, which is not in any range, for other values."""
    try:
        return float(options[key])
    except (KeyError, TypeError, ValueError, OverflowError):
        return math.nan


def _check_pictures(body: Mapping[str, Any], found: Findings) -> None:
    oppo = object_at(body, *OPPO)
    for key in ID_KEYS:
        picture_id = oppo.get(key)
        if picture_id is not None and not (isinstance(picture_id, str) and picture_id.strip()):
            found.problems.append(f"`{key}` is {picture_id!r}. It must be the text that an upload returned.")
    if not any(value for name, _, value in _texts(body) if "alert" in name):
        found.problems.append("The push has no notification with a text, so no phone would display the picture.")
    platform = object_at(body, "body").get("platform") or "all"
    if platform != "all" and "android" not in (platform if isinstance(platform, list | tuple) else [platform]):
        found.problems.append("`platform` does not include android, so no OPPO phone would display the picture.")
    _check_recipients(object_at(body, "to"), found)
    _check_distribution(body, found)


def _check_recipients(to: Mapping[str, Any], found: Findings) -> None:
    counts = [count for key in ("registration_id", "alias") if (count := _count(to.get(key)))]
    if 1 in counts:
        found.problems.append(
            "The push goes to one device. OPPO refuses pictures in pushes to one device: send it to all, to tags or to "
            "a segment, or without pictures."
        )
    elif counts:
        found.warnings.append(
            "The push goes to a list of devices. It is not documented whether OPPO displays the picture in such a push."
        )


def _check_distribution(body: Mapping[str, Any], found: Findings) -> None:
    channels, oppo = object_at(body, *CHANNELS), object_at(body, *OPPO)
    for value in dict.fromkeys(
        str(level["distribution_new"]) for level in (channels, oppo) if level.get("distribution_new") is not None
    ):
        shows = DISTRIBUTIONS.get(value)
        if shows is None:
            found.problems.append(f"`distribution_new` is {value!r}. It must be one of {', '.join(DISTRIBUTIONS)}.")
        elif shows == "nobody":
            found.problems.append(
                f"`distribution_new` is {value}, which never uses OPPO's channel: no phone would display the picture."
            )
        elif shows == "offline":
            found.warnings.append(f"`distribution_new` is {value}: only phones that are offline get the picture.")
    for old in dict.fromkeys(str(level["distribution"]) for level in (channels, oppo) if level.get("distribution")):
        if old in OLD_DISTRIBUTIONS_WITHOUT_OPPO:
            found.problems.append(
                f"`distribution` is {old}, which never uses OPPO's channel: no phone would display the picture."
            )
        else:
            found.warnings.append("`distribution` is an old key. Use `third_party_channel.distribution_new`.")


def _check_big_style(body: Mapping[str, Any], found: Findings) -> None:
    if object_at(body, *OPPO).get("big_picture_id") is None:
        found.problems.append("OPPO's style 3 requires a big picture, and the push has none.")
    if object_at(body, *OPTIONS).get("big_push_duration"):
        found.problems.append("OPPO does not accept `big_push_duration` together with a big picture. Remove it.")


def _check_texts(body: Mapping[str, Any], found: Findings) -> None:
    oppo = object_at(body, *OPPO)
    style = _style_of(oppo)
    if oppo.get("big_picture_id") is not None and style != BIG_PICTURE_STYLE:
        found.problems.append(
            f"OPPO's `style` is {oppo.get('style')!r}. A big picture is displayed only with style {BIG_PICTURE_STYLE}."
        )
    by_oppo = style is not None or _has_picture(oppo)
    truncated = object_at(body, *OPTIONS).get("auto_truncation") is True
    target = found.problems if by_oppo and not truncated else found.warnings
    limits = {
        "content": CONTENT_LIMITS.get(style or PLAIN_STYLE, CONTENT_LIMITS[PLAIN_STYLE]),
        "title": MAX_TITLE,
        "sub_title": MAX_SUB_TITLE,
    }
    for name, kind, text in _texts(body):
        if text is not None and not isinstance(text, str):
            found.problems.append(f"{name} is of type {type(text).__name__}. It must be text.")
        elif text and (length := character_count(text)) > limits[kind]:
            note = " `auto_truncation` may cut it, but the vendor does not say to which length." if truncated else ""
            target.append(f"{name} has {length} characters. OPPO displays at most {limits[kind]}.{note}")


def _texts(body: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield the name, the kind and the value of each text that an OPPO phone may display."""
    notification = object_at(body, "body", "notification")
    android = object_at(notification, "android")
    if android.get("alert") in (None, ""):
        yield from _parts("notification.alert", "content", notification.get("alert"))
    else:
        yield from _parts("android.alert", "content", android["alert"])
    yield "`android.title`", "title", android.get("title")
    for where, options in (("android", android), ("oppo", object_at(body, *OPPO))):
        yield f"`{where}.sub_title`", "sub_title", options.get("sub_title")
    for language, texts in object_at(body, *OPTIONS, "multi_language").items():
        yield from _parts(f"multi_language.{language}", "content", texts)


def _parts(name: str, kind: str, value: object) -> Iterator[tuple[str, str, Any]]:
    """Yield a text, or each text of an object; other values are yielded where a text is required."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if isinstance(part, str | Mapping) or str(key) in _KINDS:
                yield from _parts(f"{name}.{key}", _KINDS.get(str(key), kind), part)
    else:
        yield f"`{name}`", kind, value


def character_count(text: str) -> int:
    """Return the number of characters of a text; an emoji of several code points is one.

    :param text: the text.
    """
    return len(_EMOJI.sub("x", text))


_EMOJI: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"  # flag
    "|.(?:[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]|\u200d[\u2190-\u2bff\U0001f000-\U0001faff])+"
)
_KINDS: Final = {
    "alert": "content",
    "body": "content",
    "content": "content",
    "title": "title",
    "sub_title": "sub_title",
    "subtitle": "sub_title",
}
_CONTENTS: Final = ("notification", "message", "live_activity", "voip")
_OBJECTS: Final = (
    ("body",),
    ("body", "notification"),
    ("body", "notification", "android"),
    ("body", "message"),
    OPTIONS,
    CHANNELS,
    OPPO,
    (*OPTIONS, "multi_language"),
)
