"""Report cache: unchanged pictures are revalidated by ETag and Last-Modified, not downloaded again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.report import PictureReport

if TYPE_CHECKING:
    from airflow_provider_oppo_image.net.session import Validators  # which imports requests

PictureKey: TypeAlias = tuple[PictureKind, PictureUrl]
"""A kind and a URL."""

MAX_ENTRIES: Final = 20_000
"""Maximum number of cached reports: about 20 MB."""

MAX_AGE_S: Final = 900.0
"""Seconds, at most, for which a picture is only revalidated after a download. The actual time is random, at least half
of this."""


@dataclass(frozen=True)
class CacheEntry:
    """The cached report of a picture.

    :param report: the report of its last download: ready or wrong.
    :param validators: the validators of that download; None if the picture must be downloaded again.
    :param expires_at: when the validators expire, by the cache's clock.
    :param unmodified: whether the host has since answered that the picture has not changed.
    """

    report: PictureReport
    validators: Validators | None
    expires_at: float = 0.0
    unmodified: bool = False


class ReportCache:
    """Reports by kind and URL, for one sensor in one process. Threads may share it.

    :param clock: returns the time in seconds.
    :param jitter: returns a random number from 0 to 1, so that thousands of pictures do not expire at once.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._jitter = clock, jitter
        self._entries: dict[PictureKey, CacheEntry] = {}
        self._lock = threading.Lock()

    def get(self, key: PictureKey) -> CacheEntry | None:
        """Return the entry of a picture, without its validators if they have expired."""
        entry = self._entries.get(key)
        if entry and entry.validators and self._clock() >= entry.expires_at:
            return replace(entry, validators=None)
        return entry

    def put(self, key: PictureKey, report: PictureReport, validators: Validators | None) -> None:
        """Store the report of a download, and remove the oldest entry if the cache is full.

        :param key: the picture.
        :param report: its report; an absent picture is removed from the cache.
        :param validators: the validators of the download; None if it has none.
        """
        if report.state == "absent":
            self.invalidate((key,))
            return
        expires_at = self._clock() + MAX_AGE_S * (1 + self._jitter()) / 2
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = CacheEntry(report, validators, expires_at)
            while len(self._entries) > MAX_ENTRIES:
                del self._entries[next(iter(self._entries))]

    def mark_unmodified(self, key: PictureKey) -> None:
        """Note that the host answered that a picture has not changed."""
        with self._lock:
            if key in self._entries:
                self._entries[key] = replace(self._entries[key], unmodified=True)

    def unmodified(self, keys: Iterable[PictureKey]) -> list[PictureKey]:
        """Return the pictures that were revalidated since their last download."""
        return [key for key in keys if (entry := self._entries.get(key)) and entry.unmodified]

    def invalidate(self, keys: Iterable[PictureKey]) -> None:
        """Remove pictures, so that they are downloaded again."""
        with self._lock:
            for key in keys:
                self._entries.pop(key, None)
