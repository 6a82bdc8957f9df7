"""How long a host asks to be left alone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

MAX_RETRY_AFTER_S: Final = 86_400.0
"""The longest wait, in seconds, that a host's Retry-After is believed for."""


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer's Retry-After asks for.

    A date is compared with the answer's own Date, where it has one: this machine's clock may be wrong.

    :param headers: the answer's headers.
    :return: seconds, from 0 to `MAX_RETRY_AFTER_S`; None for no Retry-After and for nonsense.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    then = parse_http_date(text)
    if then is None:
        return None
    now = parse_http_date(headers.get("Date", "")) or datetime.datetime.now(datetime.UTC)
    return min(max(0.0, (then - now).total_seconds()), MAX_RETRY_AFTER_S)


def parse_http_date(text: str) -> datetime.datetime | None:
    """Parse an HTTP date; a date without a zone is UTC.

    :return: None for text that is not a date.
    """
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.UTC)
