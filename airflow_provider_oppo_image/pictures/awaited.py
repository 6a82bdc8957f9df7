"""Which pictures are waited for: what sensors and triggers take as arguments, read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_oppo_image.contract import KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.missing import is_missing

_ENTRY_KEYS = ("name", *(PICTURE_RULES[kind].url_key for kind in KINDS))


@dataclass(frozen=True)
class AwaitedPicture:
    """A picture that is waited for.

    :param kind: "big" or "small".
    :param url: the picture's URL, with its query.
    :param name: what the caller calls it, such as a campaign's name; None for nothing.
    """

    kind: PictureKind
    url: str
    name: str | None = None

    def to_entry(self) -> dict[str, str]:
        """Return the picture as an entry that `awaited_pictures` reads."""
        entry = {PICTURE_RULES[self.kind].url_key: self.url}
        return entry if self.name is None else {"name": self.name, **entry}


def awaited_pictures(
    big_picture_url: object = None, small_picture_url: object = None, pictures: object = None
) -> list[AwaitedPicture]:
    """Read the arguments that sensors and triggers share, after templates are rendered.

    :param big_picture_url: a big picture's URL; None, "" and what a template makes of None mean none.
    :param small_picture_url: a small picture's URL, likewise.
    :param pictures: more pictures, as a list of mappings with ``big_picture_url``, ``small_picture_url`` or both, and
        ``name`` where one is wanted.
    :return: the pictures, at least one, in the order in which they were given.
    :raises ConfigurationError: if there is none, or an entry is none.
    """
    found = _of_entry({"big_picture_url": big_picture_url, "small_picture_url": small_picture_url}, "this task")
    if not is_missing(pictures):
        if isinstance(pictures, str | bytes | Mapping) or not isinstance(pictures, Iterable):
            raise ConfigurationError(
                f"`pictures` is of type {type(pictures).__name__}; it must be a list of entries. Where a template "
                "makes it, set render_template_as_native_obj=True on the DAG, or hand over a task's output."
            )
        for number, entry in enumerate(pictures, start=1):
            found += _of_list(entry, f"entry {number} of `pictures`")
    if not found:
        raise ConfigurationError(
            "There is no picture to wait for. Give big_picture_url, small_picture_url or pictures; if they come from a "
            "template, look at the rendered values of this task."
        )
    return found


def _of_list(entry: object, place: str) -> list[AwaitedPicture]:
    expected = "a mapping with " + ", ".join(_ENTRY_KEYS)
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{place} is of type {type(entry).__name__}; it must be {expected}.")
    if unknown := sorted(str(key) for key in entry.keys() - set(_ENTRY_KEYS)):
        raise ConfigurationError(f"{place} has keys that mean nothing here: {', '.join(unknown)}. Give {expected}.")
    pictures = _of_entry(entry, place)
    if not pictures:
        raise ConfigurationError(f"{place} has no URL. Give big_picture_url or small_picture_url, or leave it out.")
    return pictures


def _of_entry(entry: Mapping[str, Any], place: str) -> list[AwaitedPicture]:
    name = None if is_missing(entry.get("name")) else str(entry["name"])
    pictures = []
    for kind in KINDS:
        key = PICTURE_RULES[kind].url_key
        url = entry.get(key)
        if is_missing(url):
            continue
        if not isinstance(url, str):
            raise ConfigurationError(f"{key} of {place} is of type {type(url).__name__}; it must be a URL as text.")
        pictures.append(AwaitedPicture(kind, url, name))
    return pictures
