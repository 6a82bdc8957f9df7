"""Picture URLs, parsed and redacted once, before any host is contacted. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from airflow_provider_oppo_image.net.address_policy import forbidden_reason
from airflow_provider_oppo_image.net.redaction import MAX_URL, NOT_A_URL, redact_url

# The last label of a host name is never a number. In an IPv4 address, however it is written, it always is.
_NUMERIC_LABEL: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)

_ADDRESS_REFUSED: Final = "the URL's host is at an address that may not be connected to"


class UrlError(NamedTuple):
    """The reason why a URL cannot be a picture's.

    :param code: the code of the problem in a report.
    :param found: what was found, as a noun phrase; it repeats no secret.
    """

    code: Literal["address_refused", "bad_url", "credentials_in_url"]
    found: str


@dataclass(frozen=True, slots=True)
class PictureUrl:
    """A picture's URL. `str()` and `repr()` show the redacted form, since a query can be a signature.

    :param full: the URL with its query; "" for a value that is not text.
    :param redacted: the URL without user info, query and fragment; `NOT_A_URL` for text that is not a URL.
    :param host: the host in lower case, without a final dot; "" where there is none.
    :param error: why no picture can be downloaded from it; None for a usable URL.
    :param is_private: the host is a loopback, private or carrier's shared address.
    """

    full: str = field(repr=False)
    redacted: str = field(compare=False)
    host: str = field(compare=False)
    error: UrlError | None = field(compare=False, default=None)
    is_private: bool = field(compare=False, default=False)

    @classmethod
    def parse(cls, value: object) -> PictureUrl:
        """Parse a URL without contacting its host.

        :param value: anything that should be a URL; a `PictureUrl` is returned as it is.
        """
        if isinstance(value, PictureUrl):
            return value
        if not isinstance(value, str):
            found = "no URL" if value is None else f"a value of type {type(value).__name__}"
            return cls("", NOT_A_URL, "", UrlError("bad_url", found))
        redacted = redact_url(value)
        host = _host(value)
        if malformed := _malformed(value):
            return cls(value, redacted, host, UrlError("bad_url", malformed))
        if "@" in urlsplit(value).netloc:
            found = f"a user name or a password in the URL: {redacted}"
            return cls(value, redacted, host, UrlError("credentials_in_url", found))
        address = _address(urlsplit(value).hostname or "")
        if address and forbidden_reason(address, allow_private=True):
            return cls(value, redacted, host, UrlError("address_refused", _ADDRESS_REFUSED))
        return cls(value, redacted, host, is_private=address is not None and forbidden_reason(address) is not None)

    def __str__(self) -> str:
        return self.redacted


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _malformed(url: str) -> str | None:
    """Return what was found instead of an http or https URL; None for one of these."""
    if not url.strip():
        return "an empty URL"
    if len(url) > MAX_URL:
        return f"a URL of {len(url):,} characters; the maximum is {MAX_URL:,}"
    if not url.isprintable() or " " in url or "\\" in url:
        return "a URL with spaces, control characters or backslashes"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "text that is not a URL"
    if not parts.scheme:
        return "text that is not a URL"
    if parts.scheme not in ("http", "https"):
        return f"a URL with the scheme {parts.scheme[:20]}"
    if not host or port == 0 or not _is_host(host):
        return "a URL without a valid host"
    return None


def _is_host(host: str) -> bool:
    """Return True for text with the syntax of a host name or of an IPv6 address."""
    if ":" in host:
        return True
    try:
        labels = host.removesuffix(".").encode("idna").split(b".")
    except UnicodeError:  # a label that is empty or too long
        return False
    return all(labels) and sum(len(label) + 1 for label in labels) <= 254


def _address(host: str) -> str | None:
    """Return the IP address that a host is, or the host itself if it is an address in unusual spelling; else None.

    The addresses of a host name are judged when it is resolved. A proxy resolves it somewhere else, so addresses that
    stand in the URL itself are judged here.
    """
    if not {":", "%"} & set(host) and not _NUMERIC_LABEL.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return None
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host
