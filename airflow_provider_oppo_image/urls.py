"""Picture URLs as they may be shown: a query string can be a signature, and user info is a password."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

MAX_URL: Final = 4_096
"""The longest URL, in characters, inclusive: ours, twice what cloud storage needs to sign one."""

NOT_A_URL: Final = "(not a URL)"
"""What is shown in place of text that is no URL, since nobody knows what is in it."""


QUERY_MARK: Final = "?…"
"""What is shown in place of a URL's query."""


def without_query(url: str) -> str:
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
    return urlunsplit((parts.scheme, host, parts.path, "", "")) + (QUERY_MARK if parts.query else "")


def shown_place(place: str) -> str:
    """Return where a file lies as it may be shown: a local path as it is, a URL as `without_query` shortens it.

    :param place: a path, or a URL.
    """
    return without_query(place) if "://" in place and not place.startswith("file://") else place


def bare(url: str) -> str:
    """Return a URL as `without_query` does, and without a sign that it had a query: to store it, not to log it.

    :param url: any text that should be a URL.
    """
    return without_query(url).removesuffix(QUERY_MARK)
