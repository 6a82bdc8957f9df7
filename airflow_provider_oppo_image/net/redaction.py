"""Redaction of secrets and of URL queries in logs, errors and stored data."""

from __future__ import annotations

import binascii
import html
import json
import logging
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

MAX_URL: Final = 4_096
"""Our own limit: characters in a URL, inclusive. It is twice the length of a presigned URL of cloud storage."""

NOT_A_URL: Final = "(not a URL)"
"""Replaces text that is not a valid URL, because it could contain anything."""

REDACTED_QUERY: Final = "?…"
"""Replaces a URL's query."""


def redact_url(url: str) -> str:
    """Return a URL without secrets, for logs, stored data and pages.

    :param url: any text that should be a URL.
    :return: the URL without user info and fragment, with `REDACTED_QUERY` for its query. `NOT_A_URL` for text that is
        not a URL, is longer than `MAX_URL` or has control characters.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        # An unescaped slash in a password ends the host early; the part before it is then an invalid port.
        _ = parts.port
    except ValueError:
        return NOT_A_URL
    if not parts.scheme or not host or len(url) > MAX_URL or not url.isprintable():
        return NOT_A_URL
    return urlunsplit((parts.scheme, host, parts.path, "", "")) + (REDACTED_QUERY if parts.query else "")


def redact_path(path: str) -> str:
    """Return a local path unchanged, and a URL redacted by `redact_url`."""
    return redact_url(path) if "://" in path and not path.startswith("file://") else path


def strip_query(url: str) -> str:
    """Return a URL redacted by `redact_url`, without the mark that it had a query."""
    return redact_url(url).removesuffix(REDACTED_QUERY)


_URL_QUERY: Final = re.compile(r"(://[^\s?]+)\?\S+")


def redact_queries(text: str) -> str:
    """Return a text with `REDACTED_QUERY` for the query of each URL in it, which can be a signature."""
    return _URL_QUERY.sub(rf"\1{REDACTED_QUERY}", text)


def without_query(error: BaseException) -> BaseException | None:
    """Return the exception as a cause; None if it, or one of its own causes, shows the query of a URL."""
    each: BaseException | None = error
    while each:
        if redact_queries(shown := f"{each} {each.args!r}") != shown:
            return None
        each = each.__cause__ or each.__context__
    return error


_LOGGERS: Final = ("urllib3.connection", "urllib3.connectionpool")
_QUERY: Final = re.compile(r"\?\S+")


class _RedactingFilter(logging.Filter):
    def __init__(self, is_our_request: Callable[[], bool]) -> None:
        super().__init__()
        self._is_our_request = is_our_request

    def filter(self, record: logging.LogRecord) -> bool:
        if self._is_our_request():
            # urllib3 logs an exception only for headers that it cannot parse; the message contains them.
            message = str(record.msg).partition(" (")[0] if record.exc_info else record.getMessage()
            record.msg, record.args, record.exc_info = _QUERY.sub(REDACTED_QUERY, message), (), None
        return True


def redact_urllib3_logs(is_our_request: Callable[[], bool]) -> None:
    """Redact the URLs in urllib3's log records from now on.

    :param is_our_request: returns whether to redact the records of the request that the current thread makes.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_RedactingFilter(is_our_request))


MIN_FRAGMENT: Final = 8
"""Our own limit: characters in the shortest fragment of a secret that is redacted. Shorter ones are of no use."""

LONG_FRAGMENT: Final = 2 * MIN_FRAGMENT
"""Characters in a fragment that cannot be in another text, such as an id, by chance."""

MASK: Final = "***"

HIDDEN: Final = "(hidden, because it contains an encoded secret)"
"""Replaces a text with an encoded secret."""

MAX_DECODED: Final = 2
"""Our own limit: how many encodings of a secret, one in the other, are undone."""

_SHORTEST_DECODED: Final = 4
"""Characters in the shortest secret that is looked for in decoded text, which can contain shorter ones by chance."""

_ESCAPED: Final = re.compile(r"[%&\\]")
_ESCAPE: Final = re.compile(
    r"(?:\\+|%)u([0-9A-Fa-f]{4})|\\+(?:u\{([0-9A-Fa-f]{1,6})\}|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([/\"']))"
)
_BASE64: Final = re.compile(r"[0-9A-Za-z+/_-]{6,}")
_HEX: Final = re.compile(r"(?:(?:0x)?[0-9A-Fa-f]{2}[ :,-]{0,2}){4,}[0-9A-Fa-f]?")
_NO_DIGIT: Final = re.compile("0x|[^0-9A-Fa-f]")
_URL_SAFE: Final = str.maketrans("-_", "+/")


class SecretRedactor:
    """Finds and redacts secrets in text that comes from elsewhere.

    :param secrets: the secrets; empty ones are ignored.
    """

    def __init__(self, *secrets: str) -> None:
        encoded = {text for secret in secrets if secret for text in _encodings(secret)}
        self._fragments, self._long_fragments = _fragments(encoded, MIN_FRAGMENT), _fragments(encoded, LONG_FRAGMENT)
        self._lengths = {len(fragment) for fragment in self._fragments}
        decoded = _fragments({secret for secret in secrets if secret}, MIN_FRAGMENT)
        self._decoded_fragments = {fragment for fragment in decoded if len(fragment) >= _SHORTEST_DECODED}

    def __repr__(self) -> str:
        return "SecretRedactor(...)"

    def contains_secret(self, text: str) -> bool:
        """Return whether a text contains a secret, or a fragment of `LONG_FRAGMENT` characters, also if encoded."""
        return any(fragment in text for fragment in self._long_fragments) or self._is_encoded_in(text)

    def redact(self, text: str) -> str:
        """Replace each secret, and each fragment of `MIN_FRAGMENT` characters or more, by `MASK`.

        A text that contains one in percent, HTML, backslash or hexadecimal escapes, in Base64, or in a mixture of them,
        is replaced by `HIDDEN`.
        """
        redacted = self._mask(text)
        return HIDDEN if self._is_encoded_in(redacted) else redacted

    def _is_encoded_in(self, text: str) -> bool:
        for _ in range(MAX_DECODED):
            text = _decode(text)
            if any(fragment in text for fragment in self._decoded_fragments):
                return True
        return False

    def _mask(self, text: str) -> str:
        redacted: list[str] = []
        masked_until = 0
        for start, character in enumerate(text):
            ends = [start + length for length in self._lengths if text[start : start + length] in self._fragments]
            masked_until = max(masked_until, *ends, 0)
            if start >= masked_until:
                redacted.append(character)
            elif not redacted or redacted[-1] != MASK:
                redacted.append(MASK)
        return "".join(redacted)


def _decode(text: str) -> str:
    """Return a text without its escapes, and the contents of its hexadecimal and Base64 words, one a line."""
    contents: list[bytes] = []
    for match in _HEX.finditer(text):
        digits = _NO_DIGIT.sub("", match[0])
        for start in (0, 1):  # the first digit may belong to another word
            contents.append(bytes.fromhex(digits[start : start + (len(digits) - start) // 2 * 2]))
    for match in _BASE64.finditer(text):
        word = match[0].translate(_URL_SAFE)
        for start in range(4):  # likewise
            part = word[start : len(word) - ((len(word) - start) % 4 == 1)]  # one character alone encodes nothing
            contents.append(binascii.a2b_base64(part + "=" * (-len(part) % 4)))
    for unescape in (_unescape_backslashes, unquote, html.unescape) if _ESCAPED.search(text) else ():
        text = unescape(text)
        contents.append(text.encode(errors="replace"))
    return b"\n".join(contents).decode(errors="replace")


def _unescape_backslashes(text: str) -> str:
    # In UTF-16, because JSON escapes some characters as two halves.
    return _ESCAPE.sub(_character, text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _character(match: re.Match[str]) -> str:
    if match[5]:
        return match[5]
    code = int(next(filter(None, match.groups())), 16)
    return chr(code) if code <= 0x10FFFF else match[0]


def _fragments(texts: set[str], length: int) -> set[str]:
    """Return all fragments of this length; a shorter text is its own fragment."""
    return {text[start : start + length] for text in texts for start in range(max(len(text) - length, 0) + 1)}


def _encodings(secret: str) -> tuple[str, ...]:
    """Return a secret unchanged and as it is written in JSON, URLs and HTML."""
    return (
        secret,
        secret.replace("/", r"\/"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        html.escape(secret),
    )
