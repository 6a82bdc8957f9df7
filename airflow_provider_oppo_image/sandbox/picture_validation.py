"""The sandbox's own validation of uploads: from the body of a request to an accepted picture or a refusal.

It shares only the download and the data of `contract` with the client, on purpose: a mistake in `pictures` must show as
a difference between the two.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from airflow_provider_oppo_image.contract import (
    PICTURE_FORMATS,
    PICTURE_KINDS,
    PICTURE_RULES,
    PictureKind,
    PictureRule,
)
from airflow_provider_oppo_image.net.deadline import TransportOptions
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.download import DownloadError, download
from airflow_provider_oppo_image.sandbox.responses import RefusedError

INVALID_PARAMETER: Final = 21003
INVALID_PICTURE: Final = 51
MISSING_PICTURE: Final = 23002

# Exceptions that Pillow raises for bytes that are not a picture, or not a complete one.
_PILLOW_ERRORS: Final = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class Picture:
    """An accepted picture.

    :param content: the complete file.
    :param media_type: ``image/png`` or ``image/jpeg``.
    """

    content: bytes
    media_type: str


def requested_kinds(raw: bytes) -> tuple[PictureKind, ...]:
    """Return the kinds of picture in the body of an upload, whether or not the rest of it is valid."""
    try:
        return tuple(_picture_urls(json.loads(raw)))
    except (ValueError, RecursionError):
        return ()


def read_upload(raw: bytes, *, both_urls: bool) -> dict[PictureKind, str]:
    """Read an upload as the service does.

    :param raw: the body of the request.
    :param both_urls: whether one request may contain both pictures.
    :return: the URLs by kind, at least one.
    :raises RefusedError: for the first problem.
    """
    try:
        upload = json.loads(raw)
    except (ValueError, RecursionError):
        raise RefusedError(INVALID_PARAMETER, "The body is not JSON") from None
    if not isinstance(upload, dict):
        raise RefusedError(INVALID_PARAMETER, "The body is not a JSON object")
    urls: dict[PictureKind, str] = {}
    for kind, url in _picture_urls(upload).items():
        if not isinstance(url, str):
            raise RefusedError(INVALID_PARAMETER, f"{PICTURE_RULES[kind].url_key} is not a string")
        urls[kind] = url
    keys = [PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS]
    if not urls:
        raise RefusedError(MISSING_PICTURE, f"Missing parameter! Give {' or '.join(keys)}")
    if len(urls) > 1 and not both_urls:
        raise RefusedError(INVALID_PARAMETER, f"{' and '.join(keys)} cannot be sent together")
    return urls


def _picture_urls(upload: Any) -> dict[PictureKind, Any]:
    """Return the values of the URL keys. On the vendor's page, an empty string means that there is no picture."""
    if not isinstance(upload, dict):
        return {}
    keys = {kind: PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS}
    return {kind: upload[key] for kind, key in keys.items() if upload.get(key, "") != ""}


def fetch_and_validate(url: str, rule: PictureRule, timeout: float) -> Picture:
    """Download a picture as the service does, and validate it.

    Private addresses are allowed: during development, the pictures are on loopback.

    :param timeout: seconds for the complete download.
    :return: the accepted picture.
    :raises RefusedError: with code 21003 if the download fails, and with 51 if the picture breaks the rule.
    """
    options = TransportOptions(timeout, timeout, timeout)
    try:
        found = download(
            PictureUrl.parse(url), max_bytes=rule.max_bytes, allow_private_addresses=True, transport_options=options
        )
    except DownloadError as error:
        raise RefusedError(INVALID_PARAMETER, f"{rule.url_key} cannot be downloaded: {error.problem.found}") from error
    if not found.complete:
        raise _too_large(rule)
    return validate_picture(found.body, rule)


def validate_picture(content: bytes, rule: PictureRule) -> Picture:
    """Check a file's size, format and dimensions, and decode it completely.

    :raises RefusedError: with code 51.
    """
    if len(content) > rule.max_bytes:
        raise _too_large(rule)
    try:
        image = Image.open(io.BytesIO(content), formats=PICTURE_FORMATS)
        if image.size != (rule.width, rule.height):
            found = f"{image.width} x {image.height} px, must be {rule.width} x {rule.height}"
            raise RefusedError(INVALID_PICTURE, f"Invalid Picture: {found}")
        image.load()
    except _PILLOW_ERRORS as error:
        raise RefusedError(
            INVALID_PICTURE, f"Invalid Picture: not a complete {' or '.join(PICTURE_FORMATS)} file"
        ) from error
    return Picture(content, "image/png" if image.format == "PNG" else "image/jpeg")


def _too_large(rule: PictureRule) -> RefusedError:
    return RefusedError(INVALID_PICTURE, f"Invalid Picture: larger than {rule.max_bytes:,} bytes")
