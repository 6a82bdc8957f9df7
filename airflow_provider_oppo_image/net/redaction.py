"""Redaction of secrets and of URL queries in logs, errors and stored data."""

from __future__ import annotations

import html
import json
import logging
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

MAX_URL: Final = 4_096
"""The longest URL, in characters, inclusive: ours, twice what cloud storage needs to sign one."""

NOT_A_URL: Final = "(not a URL)"
"""What is shown in place of text that is no URL, since nobody knows what is in it."""


REDACTED_QUERY: Final = "?…"
"""What is shown in place of a URL's query."""


def redact_url(url: str) -> str:
    """Return a URL that is fit to be logged, stored and shown.

    :param url: any text that should be a URL.
    :return: the URL without user info and fragment, its query shortened to ``?…`` where there was one; `NOT_A_URL` for
        other text, and for a URL that is too long or holds control characters.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        # A password with a slash in it ends the host early, and its first part then stands where a port should.
        _ = parts.port
    except ValueError:
        return NOT_A_URL
    if not parts.scheme or not host or len(url) > MAX_URL or not url.isprintable():
        return NOT_A_URL
    return urlunsplit((parts.scheme, host, parts.path, "", "")) + (REDACTED_QUERY if parts.query else "")


def redact_path(place: str) -> str:
    """Return where a file lies as it may be shown: a local path as it is, a URL as `redact_url` shortens it.

    :param place: a path, or a URL.
    """
    return redact_url(place) if "://" in place and not place.startswith("file://") else place


def strip_query(url: str) -> str:
    """Return a URL as `redact_url` does, and without a sign that it had a query: to store it, not to log it.

    :param url: any text that should be a URL.
    """
    return redact_url(url).removesuffix(REDACTED_QUERY)


_LOGGERS: Final = ("urllib3.connection", "urllib3.connectionpool")
_QUERY: Final = re.compile(r"\?\S+")


class _RedactingFilter(logging.Filter):
    def __init__(self, ours: Callable[[], bool]) -> None:
        super().__init__()
        self._ours = ours

    def filter(self, record: logging.LogRecord) -> bool:
        if self._ours():
            # Only of headers that it cannot parse does it show an exception.
            words = str(record.msg).partition(" (")[0] if record.exc_info else record.getMessage()
            record.msg, record.args, record.exc_info = _QUERY.sub("?…", words), (), None
        return True


def redact_urllib3_logs(ours: Callable[[], bool]) -> None:
    """Shorten the lines about some requests from now on; those about others stay as they are.

    :param ours: tells whether the request that this thread is making is one of these.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_RedactingFilter(ours))


MIN_FRAGMENT: Final = 8
"""The shortest piece of a secret, in characters, that is hidden: ours, too short to be of use to anybody."""

LONG_FRAGMENT: Final = 2 * MIN_FRAGMENT
"""A piece that is long enough not to be in a text, such as an id, by chance."""

MASK: Final = "***"


class SecretRedactor:
    """Texts that must not be shown.

    :param secrets: the texts; an empty one is none.
    """

    def __init__(self, *secrets: str) -> None:
        forms = {form for secret in secrets if secret for form in _encodings(secret)}
        self._pieces, self._long_pieces = _fragments(forms, MIN_FRAGMENT), _fragments(forms, LONG_FRAGMENT)
        self._lengths = {len(piece) for piece in self._pieces}

    def __repr__(self) -> str:
        return "Secrets(...)"

    def contains_secret(self, text: str) -> bool:
        """Tell whether a text holds one of the secrets, or a long piece of one.

        :param text: anything.
        """
        return any(piece in text for piece in self._long_pieces)

    def redact(self, text: str) -> str:
        """Return a text with `MASK` in place of the secrets and of each piece of one.

        :param text: anything.
        """
        shown: list[str] = []
        hidden_until = 0
        for at, character in enumerate(text):
            ends = [at + length for length in self._lengths if text[at : at + length] in self._pieces]
            hidden_until = max(hidden_until, *ends, 0)
            if at >= hidden_until:
                shown.append(character)
            elif not shown or shown[-1] != MASK:
                shown.append(MASK)
        return "".join(shown)


def _fragments(forms: set[str], length: int) -> set[str]:
    """Return the pieces of texts, so many characters each; one that is shorter is a piece of its own."""
    return {form[at : at + length] for form in forms for at in range(max(len(form) - length, 0) + 1)}


def _encodings(secret: str) -> tuple[str, ...]:
    """Return a text as it is, and as JSON, URLs and HTML write it."""
    return (
        secret,
        secret.replace("/", r"\/"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        html.escape(secret),
    )
