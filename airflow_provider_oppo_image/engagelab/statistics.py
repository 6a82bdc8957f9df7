"""Statistics of pushes: the parser of the service's numbers, and what three equal answers mean.

The service uses two spellings, ``targets`` and ``clicks`` or ``target`` and ``click``, and leaves parts out. Source:
the vendor's statistics page and Java SDK 0.0.22, which reads both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError

SETTLED_ANSWERS: Final = 3
"""Our own limit: this many equal answers in succession mean that a push has been sent to everybody."""

OPPO: Final = "oppo"
"""OPPO's channel, the only one that shows the uploaded pictures."""

_SPELLINGS: Final = {
    "targets": ("targets", "target"),
    "sent": ("sent",),
    "delivered": ("delivered",),
    "impressions": ("impressions",),
    "clicks": ("clicks", "click"),
}


@dataclass(frozen=True)
class DeliveryCounts:
    """Numbers of phones; None for a number that is not known.

    :param targets: phones that the push is meant for.
    :param sent: phones to which it was sent.
    :param delivered: phones that received it. OPPO may not report it for broadcasts.
    :param impressions: phones that displayed it. OPPO does not report it.
    :param clicks: phones on which it was opened. OPPO does not report it.
    """

    targets: int | None = None
    sent: int | None = None
    delivered: int | None = None
    impressions: int | None = None
    clicks: int | None = None


@dataclass(frozen=True)
class PushStatistics(DeliveryCounts):
    """Statistics of one push: its totals, and those of each channel on Android.

    :param channels: numbers by channel, such as "oppo", "engageLab_android" and "fcm".
    :param by_channel: whether the service gave numbers by channel; a channel without numbers then sent to nobody.
    """

    channels: Mapping[str, DeliveryCounts] = field(default_factory=dict)
    by_channel: bool = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the statistics from the mapping of `to_dict`."""
        known: dict[str, Any] = {key: data.get(key) for key in (*_SPELLINGS, "by_channel")}
        known["channels"] = {name: DeliveryCounts(**counts) for name, counts in data["channels"].items()}
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as JSON-serializable data, for XCom."""
        return dataclasses.asdict(self)

    @property
    def oppo(self) -> DeliveryCounts:
        """The numbers of OPPO's channel."""
        absent = DeliveryCounts(sent=0 if self.by_channel or self.sent == 0 else None)
        return self.channels.get(OPPO, absent)


def read_statistics(msg_ids: Iterable[str], content: Mapping[str, Any]) -> dict[str, PushStatistics]:
    """Return the statistics of an answer by message id, without ids that are not in it and ids that were not requested.

    :param msg_ids: the requested message ids.
    :param content: the JSON object of the answer.
    :raises ValueError: if a part of it has the wrong type; the message names it.
    """
    return {msg_id: _read_push(msg_id, content[msg_id]) for msg_id in msg_ids if content.get(msg_id) is not None}


def oppo_share(statistics: Iterable[PushStatistics]) -> float | None:
    """Return the share of OPPO's channel in all that was sent to Android phones; None if nothing was sent.

    :param statistics: statistics of pushes.
    :return: from 0 to 1: the phones that can display the picture.
    """
    pushes = list(statistics)
    total = sum(counts.sent or 0 for push in pushes for counts in push.channels.values())
    return sum(push.oppo.sent or 0 for push in pushes) / total if total else None


@dataclass(frozen=True)
class Observation:
    """What the answers so far have shown.

    :param sent: the sum of `sent` in the last answer.
    :param equal: how many answers in succession had that sum.
    """

    sent: int = 0
    equal: int = 0

    def add(self, msg_ids: Sequence[str], statistics: Mapping[str, PushStatistics]) -> Observation:
        """Return the observation with one more answer.

        :param msg_ids: the requested message ids; one that is not in the answer is not there yet.
        :param statistics: the answer.
        """
        if any(msg_id not in statistics for msg_id in msg_ids):
            return Observation()
        sent = sum(push.sent or 0 for push in statistics.values())
        return Observation(sent, self.equal + 1 if sent == self.sent else 1)

    @property
    def settled(self) -> bool:
        """Whether the numbers no longer change."""
        return self.sent > 0 and self.equal >= SETTLED_ANSWERS


def ends_observation(error: OppoImageError) -> bool:
    """Return whether an observation ends with an error; after other errors, the next request may succeed."""
    return error.permanent or isinstance(error, ConfigurationError)


def _read_push(msg_id: str, value: Any) -> PushStatistics:
    entry = _object(msg_id, value)
    kinds = [_object(f"{msg_id}.sub.{kind}", part) for kind, part in _object(f"{msg_id}.sub", entry.get("sub")).items()]
    parts = [_counts(msg_id, kind) for kind in kinds if kind]
    channels: dict[str, DeliveryCounts] = {}
    for kind in kinds:
        for name, numbers in _object("sub_android", kind.get("sub_android")).items():
            counts = _counts(name, _object(name, numbers))
            channels[name] = _sum([channels.get(name, DeliveryCounts()), counts])
    if OPPO in channels:
        channels[OPPO] = _without_false_zeros(channels[OPPO])
    totals, summed = _counts(msg_id, entry), _sum(parts)
    known = {name: _first(getattr(totals, name), getattr(summed, name)) for name in _SPELLINGS}
    return PushStatistics(**known, channels=channels, by_channel=bool(parts))


def _counts(where: str, entry: Mapping[str, Any]) -> DeliveryCounts:
    return DeliveryCounts(
        **{
            name: _first(*(_number(f"{where}.{key}", entry.get(key)) for key in keys))
            for name, keys in _SPELLINGS.items()
        }
    )


def _without_false_zeros(oppo: DeliveryCounts) -> DeliveryCounts:
    """Return OPPO's numbers with None for a 0 that OPPO does not report."""
    if not oppo.sent:
        return oppo
    unknown: dict[str, Any] = {name: None for name in ("delivered", "impressions", "clicks") if not getattr(oppo, name)}
    return dataclasses.replace(oppo, **unknown)


def _sum(parts: Iterable[DeliveryCounts]) -> DeliveryCounts:
    rows = list(parts)
    known = {name: [number for row in rows if (number := getattr(row, name)) is not None] for name in _SPELLINGS}
    return DeliveryCounts(**{name: sum(numbers) if numbers else None for name, numbers in known.items()})


def _first(*numbers: int | None) -> int | None:
    return next((number for number in numbers if number is not None), None)


def _object(where: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} is not an object")  # noqa: TRY004 - a value of the answer, not an argument
    return value


def _number(where: str, value: Any) -> int | None:
    """Return a number of phones; a number as text counts too."""
    if value is None or value == "":
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise ValueError(f"{where} is not a number of phones")
    return int(text)
