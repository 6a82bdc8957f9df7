"""HTTP headers: Retry-After, and the validators ETag and Last-Modified."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

MAX_RETRY_AFTER_S: Final = 86_400.0
"""Our own limit: the longest wait, in seconds, that a Retry-After header can ask for."""


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a response's Retry-After header asks for.

    A date is compared with the response's own Date header, because the clock of this machine may be wrong.

    :param headers: the response's headers.
    :return: seconds, from 0 to `MAX_RETRY_AFTER_S`; None if the header is missing or invalid.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    retry_at = parse_http_date(text)
    if retry_at is None:
        return None
    now = parse_http_date(headers.get("Date")) or datetime.datetime.now(datetime.UTC)
    return min(max(0.0, (retry_at - now).total_seconds()), MAX_RETRY_AFTER_S)


def parse_http_date(text: str | None) -> datetime.datetime | None:
    """Parse an HTTP date; a date without a time zone is UTC.

    :return: None if there is no text, or it is not a date.
    """
    try:
        date = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.UTC)


MIN_AGE: Final = datetime.timedelta(minutes=1)
"""Minimum age of a file, by its Last-Modified, for validators to be used. HTTP dates, and the ETags that many servers
make of them, have a resolution of one second: two versions within it look the same. Source: RFC 7232, 2.2.2."""

_MAX_VALIDATOR_LENGTH: Final = 200


@dataclass(frozen=True)
class Validators:
    """ETag and Last-Modified of a downloaded file, for conditional requests.

    :param url: the URL that sent them, after redirects; conditional requests go to this URL only.
    :param etag: the ETag, weak or strong; None if none was sent.
    :param last_modified: the Last-Modified date as it was sent; None if none was sent.
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
    :return: None if they are missing, or if a change could go unnoticed with them.
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
