"""Retry-After headers and HTTP dates."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
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
