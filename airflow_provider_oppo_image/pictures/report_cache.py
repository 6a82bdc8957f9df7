"""Report cache: unchanged pictures are revalidated by ETag and Last-Modified, not downloaded again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeAlias

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.net.retry_after import parse_http_date
from airflow_provider_oppo_image.pictures.report import PictureReport

MIN_AGE: Final = timedelta(minutes=1)
"""How long before its answer a host must have written a file last. Times in HTTP are whole seconds, and so are those
that many servers make an ETag of: two versions of one second would look the same. Source: RFC 7232, 2.2.2."""

_MAX_VALIDATOR_CHARACTERS: Final = 200


@dataclass(frozen=True)
class Validators:
    """A version of a file, as its host marks it.

    :param url: where it is, redirects followed: no other URL is asked about it.
    :param etag: the host's name for it, weak or strong; None where it has none.
    :param modified: when it was written last, as the host says it; None where it does not.
    """

    url: str
    etag: str | None
    modified: str | None

    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the file only if it is another version."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in asked.items() if value is not None}


def read_validators(url: str, headers: Mapping[str, str]) -> Validators | None:
    """Return how a host marks what it sent.

    :param url: the URL that was asked for.
    :param headers: the answer's headers, whose names are found however they are written.
    :return: None where it has no mark, or one by which a change might go unnoticed.
    """
    etag, modified = _text(headers.get("ETag")), _text(headers.get("Last-Modified"))
    if modified is not None:
        written, sent = parse_http_date(modified), parse_http_date(headers.get("Date"))
        if written is None or sent is None:
            modified = None
        elif sent - written < MIN_AGE:
            return None
    return Validators(url, etag, modified) if etag or modified else None


def _text(value: str | None) -> str | None:
    """Return a header's value if it can be sent back as it came, and is short enough to keep thousands of them."""
    value = (value or "").strip()
    return (
        value if value and value.isascii() and value.isprintable() and len(value) <= _MAX_VALIDATOR_CHARACTERS else None
    )


PictureKey: TypeAlias = tuple[PictureKind, str]
"""A kind and a URL."""

MAX_ENTRIES: Final = 20_000
"""Pictures that are remembered, at most: about 20 MB of them."""

MAX_AGE_S: Final = 900.0
"""Seconds at most, half of them at least, for which a host is asked no more than whether a picture has changed."""


@dataclass(frozen=True)
class CacheEntry:
    """What is known of a picture.

    :param report: what was found when it was downloaded: ready or wrong.
    :param stamp: how its host marks what was found; None when it is to be downloaded again.
    :param until: when that will be, by the memory's clock.
    :param on_trust: whether the host has since said that nothing has changed, and nobody has looked.
    """

    report: PictureReport
    stamp: Validators | None
    until: float = 0.0
    on_trust: bool = False


class ReportCache:
    """What is known of pictures, by kind and URL; for one sensor, in one process. Threads may share it.

    :param clock: tells the time in seconds.
    :param chance: a random number from 0 to 1, so that thousands of pictures are not downloaded again at once.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._chance = clock, chance
        self._known: dict[PictureKey, CacheEntry] = {}
        self._lock = threading.Lock()

    def recall(self, place: PictureKey) -> CacheEntry | None:
        """Return what is known of a picture; with no stamp when its host was trusted for long enough."""
        known = self._known.get(place)
        if known and known.stamp and self._clock() >= known.until:
            return replace(known, stamp=None)
        return known

    def keep(self, place: PictureKey, report: PictureReport, stamp: Validators | None) -> None:
        """Keep what was found in a download; the oldest is forgotten where there is too much.

        :param place: the picture.
        :param report: what was found; of one that is absent nothing is kept.
        :param stamp: how the host marks it; None for not.
        """
        if report.state == "absent":
            self.forget((place,))
            return
        until = self._clock() + MAX_AGE_S * (1 + self._chance()) / 2
        with self._lock:
            self._known.pop(place, None)
            self._known[place] = CacheEntry(report, stamp, until)
            while len(self._known) > MAX_ENTRIES:
                del self._known[next(iter(self._known))]

    def trust(self, place: PictureKey) -> None:
        """Note that a host said of a picture that it has not changed."""
        with self._lock:
            if place in self._known:
                self._known[place] = replace(self._known[place], on_trust=True)

    def on_trust(self, places: Iterable[PictureKey]) -> list[PictureKey]:
        """Return those pictures of which the last that is known is their host's word."""
        return [place for place in places if (known := self._known.get(place)) and known.on_trust]

    def forget(self, places: Iterable[PictureKey]) -> None:
        """Forget pictures, so that they are downloaded again."""
        with self._lock:
            for place in places:
                self._known.pop(place, None)
