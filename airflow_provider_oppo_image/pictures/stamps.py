"""What a host marks a version of a file with, so that the next request can ask whether it is still that one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LEFT_ALONE: Final = timedelta(minutes=1)
"""How long before its answer a host must have written a file last. Times in HTTP are whole seconds, and so are those
that many servers make an ETag of: two versions of one second would look the same. Source: RFC 7232, 2.2.2."""

_LONGEST: Final = 200


@dataclass(frozen=True)
class Stamp:
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


def read_stamp(url: str, headers: Mapping[str, str]) -> Stamp | None:
    """Return how a host marks what it sent.

    :param url: the URL that was asked for.
    :param headers: the answer's headers, whose names are found however they are written.
    :return: None where it has no mark, or one by which a change might go unnoticed.
    """
    etag, modified = _text(headers.get("ETag")), _text(headers.get("Last-Modified"))
    if modified is not None:
        written, sent = _time(modified), _time(headers.get("Date"))
        if written is None or sent is None:
            modified = None
        elif sent - written < LEFT_ALONE:
            return None
    return Stamp(url, etag, modified) if etag or modified else None


def _text(value: str | None) -> str | None:
    """Return a header's value if it can be sent back as it came, and is short enough to keep thousands of them."""
    value = (value or "").strip()
    return value if value and value.isascii() and value.isprintable() and len(value) <= _LONGEST else None


def _time(value: str | None) -> datetime | None:
    try:
        time = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return time if time.tzinfo else None
