"""What a later version has lost of what an earlier one promised. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

REQUIRED: Final = "(required)"
"""Stands for the default of an argument that has none."""


def lost(stored: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield what is missing or different, a line each; what was added is passed over.

    An argument that had to be given may have got a default. Names in a list may stand in another order.

    :param stored: what was promised, as JSON data.
    :param now: what there is.
    :param place: where both stand.
    """
    if isinstance(stored, dict):
        if not isinstance(now, dict):
            yield f"{place}: is no longer a mapping, but {now!r}"
            return
        for key, value in stored.items():
            where = f"{place} > {key}" if place else str(key)
            if key in now:
                yield from lost(value, now[key], where)
            else:
                yield f"{where}: is gone"
    elif isinstance(stored, list) and isinstance(now, list):
        yield from _lost_of_list(stored, now, place)
    elif stored not in (now, REQUIRED):
        yield f"{place}: was {stored!r}, is {now!r}"


def _lost_of_list(stored: list[Any], now: list[Any], place: str) -> Iterator[str]:
    if all(isinstance(entry, str | int) for entry in stored):
        yield from (f"{place} > {entry}: is gone" for entry in stored if entry not in now)
        return
    if len(now) < len(stored):
        yield f"{place}: had {len(stored)} entries, has {len(now)}"
    for number, (before, after) in enumerate(zip(stored, now, strict=False)):
        yield from lost(before, after, f"{place} > {number}")


def newly_required(stored: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Yield the arguments that must be given now and were not there before: a line each.

    :param stored: the arguments of each name, as they were promised.
    :param now: the arguments of each name that there are.
    """
    for name, arguments in stored.items():
        for argument, default in now.get(name, {}).items():
            if default == REQUIRED and argument not in arguments:
                yield f"{name} > {argument}: must be given now, and did not exist"
