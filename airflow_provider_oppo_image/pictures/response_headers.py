"""What a response's headers say about a picture, read as browsers and phones read them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# https://www.iana.org/assignments/http-parameters, content codings. Whatever else is named is no coding: browsers show
# the bytes as they are.
_CODINGS: Final = frozenset(
    ("aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress", "x-gzip",
     "zstd")
)  # fmt: skip
_BLANKS: Final = " \t\r\n\f\v"
_BARE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def content_coding(header: str) -> str | None:
    """Return the first content coding that a Content-Encoding names.

    :param header: the header's value; empty where there is none.
    :return: None where the body is the picture's own bytes. Object storages serve stored files with values such as
        ``base64`` or ``aws-chunked``, which are not codings.
    """
    names = (name.strip(_BLANKS).lower() for name in header.split(","))
    return next((name for name in names if name in _CODINGS), None)


def redirect_locations(headers: Iterable[str]) -> list[str]:
    """Return the different places to which a response redirects; mostly one.

    :param headers: the values of its Location headers, decoded as Latin-1.
    """
    # A host that redirects to a name with other letters sends UTF-8.
    places = (value.strip(_BLANKS).encode("latin-1", "replace").decode("utf-8", "replace") for value in headers)
    return list(dict.fromkeys(place for place in places if place))


def quote_bare_percent(url: str) -> str:
    """Encode each ``%`` that begins no escape, and nothing else: other escapes stay as they are.

    :param url: a URL.
    """
    return _BARE_PERCENT.sub("%25", url)
