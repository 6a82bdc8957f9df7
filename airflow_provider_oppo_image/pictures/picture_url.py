"""What a picture's URL must be before anybody asks its host for anything. Pure."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from airflow_provider_oppo_image.net.address_policy import forbidden_reason
from airflow_provider_oppo_image.net.redaction import MAX_URL, redact_url
from airflow_provider_oppo_image.pictures.report import Problem

_EXPECTED: Final = "an http or https URL, such as https://cdn.example.com/big.png"
_ADVICE: Final = "Give the picture's whole address, as a browser shows it."

# The last label of a name is never a number; of an address in any spelling that the C library accepts it is.
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)

SAME_URL: Final = (
    "Both pictures have the same URL, and no picture is big and small at once. Give each its own, or only one."
)
"""For two pictures that are wanted together."""

BAD_URL: Final = Problem("bad_url", "a URL that cannot be asked for", _EXPECTED, _ADVICE)
"""For what only the parsers of a library refuse."""

ADDRESS_REFUSED: Final = Problem(
    "address_refused",
    "the URL's host is at an address that may not be connected to",
    "a host on the public internet, by its name",
    "Put the picture on a public host. For a private one, whoever runs Airflow can set `allow_private_addresses` in "
    "the connection; clouds' metadata stays refused.",
)
"""The same words for every address: whoever typed the URL must not learn what stands where."""


def url_problem(url: object, *, allow_private_addresses: bool = False) -> Problem | None:
    """Say why a URL cannot be a picture's.

    :param url: what should be a URL; anything.
    :param allow_private_addresses: let loopback and private addresses pass.
    :return: None when its host may be asked.
    """
    if found := _misshapen(url):
        return Problem("bad_url", found, _EXPECTED, _ADVICE)
    parts = urlsplit(str(url))
    if "@" in parts.netloc:
        return Problem(
            "credentials_in_url",
            f"a user or a password in the URL: {redact_url(str(url))}",
            "a URL without them",
            "Take them out, change the password, and let the host sign URLs instead.",
        )
    if not _may_be_asked(parts.hostname or "", allow_private_addresses):
        return ADDRESS_REFUSED
    return None


def _misshapen(url: object) -> str | None:
    """Return what was found instead of a URL, never repeating what may be a secret."""
    if not isinstance(url, str):
        return "no URL" if url is None else f"a {type(url).__name__} instead of a URL"
    if not url.strip():
        return "an empty URL"
    if len(url) > MAX_URL:
        return f"a URL of {len(url):,} characters; {MAX_URL:,} are the most that is taken"
    if not url.isprintable() or " " in url or "\\" in url:
        return "a URL with spaces, control characters or backslashes"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "text that is no URL"
    if not parts.scheme:
        return "text that is no URL"
    if parts.scheme not in ("http", "https"):
        return f"a URL of the scheme {parts.scheme[:20]}"
    if not host or port == 0 or not _is_host(host):
        return "a URL whose host is no name"
    return None


def _is_host(host: str) -> bool:
    """Say whether a host has the shape of a name or of an address."""
    if ":" in host:
        return True
    try:
        labels = host.removesuffix(".").encode("idna").split(b".")
    except UnicodeError:  # a label that is empty or too long
        return False
    return all(labels) and sum(len(label) + 1 for label in labels) <= 254


def _may_be_asked(host: str, allow_private: bool) -> bool:
    """Say whether a host is a name, or an address in its usual spelling that may be connected to.

    A name's addresses are judged when it is resolved. Behind a proxy nobody does that here, so that addresses which
    the URL itself shows are judged now.
    """
    if "%" in host:
        return False
    if ":" not in host and not _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return True
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        return False
    return forbidden_reason(address, allow_private=allow_private) is None
