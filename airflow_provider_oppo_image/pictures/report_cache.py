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
from airflow_provider_oppo_image.net.picture_url import PictureUrl
from airflow_provider_oppo_image.net.retry_after import parse_http_date
from airflow_provider_oppo_image.pictures.report import PictureReport

MIN_AGE: Final = timedelta(minutes=1)
"""Minimum age of a file, by its Last-Modified, for validators to be used. HTTP dates, and the ETags that many servers
make of them, have a resolution of one second: two versions within it look the same. Source: RFC 7232, 2.2.2."""

_MAX_VALIDATOR_LENGTH: Final = 200


@dataclass(frozen=True)
class Validators:
    """ETag and Last-Modified of a downloaded file, for conditional requests.

    :param url: the URL that sent them, after redirects; conditional requests go to this URL only.
    :param etag: the ETag, weak or strong; None if there is none.
    :param last_modified: the Last-Modified date as it was sent; None if there is none.
    """

    url: str
    etag: str | None
    last_modified: str | None

    def conditional_headers(self) -> dict[str, str]:
        """Return the headers that request the file only if it has changed."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value is not None}


def read_validators(url: str, headers: Mapping[str, str]) -> Validators | None:
    """Return the validators of a response.

    :param url: the requested URL.
    :param headers: the response's headers, a case-insensitive mapping.
    :return: None if there are none, or if a change could go unnoticed with them.
    """
    etag, last_modified = _header_text(headers.get("ETag")), _header_text(headers.get("Last-Modified"))
    if last_modified is not None:
        modified_at, sent_at = parse_http_date(last_modified), parse_http_date(headers.get("Date"))
        if modified_at is None or sent_at is None:
            last_modified = None
        elif sent_at - modified_at < MIN_AGE:
            return None
    return Validators(url, etag, last_modified) if etag or last_modified else None


def _header_text(value: str | None) -> str | None:
    """Return a header's value if it can be sent back unchanged and is short enough to keep thousands of them."""
    value = (value or "").strip()
    usable = value.isascii() and value.isprintable() and 0 < len(value) <= _MAX_VALIDATOR_LENGTH
    return value if usable else None


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
