"""The sandbox's own judge: a URL goes in, a picture or the service's reason to refuse it comes out.

It shares nothing with `pictures` but the download, on purpose: a mistake in our check must show up as a difference
between the two.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from PIL import Image

from airflow_provider_oppo_image.contract import PICTURE_FORMATS, PictureRule
from airflow_provider_oppo_image.net.deadline import Timeouts
from airflow_provider_oppo_image.net.picture_url import PictureUrl
from airflow_provider_oppo_image.pictures.download import DownloadError, download
from airflow_provider_oppo_image.sandbox.answers import RefusedError

INVALID_PARAMETER: Final = 21003
INVALID_PICTURE: Final = 51

# What Pillow raises on bytes that are no picture, or only the beginning of one.
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
    """A picture that OPPO would show.

    :param content: the whole file.
    :param media_type: ``image/png`` or ``image/jpeg``.
    """

    content: bytes
    media_type: str


def fetch_and_validate(url: str, rule: PictureRule, seconds: float) -> Picture:
    """Download a picture as the service does, and judge it by the contract.

    Private addresses may be connected to: a sandbox lives beside its pictures, on loopback.

    :param url: where the picture is.
    :param rule: what is asked for.
    :param seconds: how long the download may take in all.
    :return: the accepted picture.
    :raises Refused: with 21003 when it cannot be downloaded, with 51 when it is not what the rule asks for.
    """
    return validate_picture(_download(url, rule, seconds), rule)


def validate_picture(content: bytes, rule: PictureRule) -> Picture:
    """Judge a file by the contract: weight, format, dimensions, and whether it can be decoded to its end.

    :param content: the whole file.
    :param rule: what is asked for.
    :return: the accepted picture.
    :raises Refused: with 51.
    """
    if len(content) > rule.max_bytes:
        raise _too_large(rule)
    try:
        image = Image.open(io.BytesIO(content), formats=PICTURE_FORMATS)
        if image.size != (rule.width, rule.height):
            found = f"{image.width} x {image.height} px, asked for {rule.width} x {rule.height}"
            raise RefusedError(INVALID_PICTURE, f"Invalid Picture: {found}")
        image.load()
    except _PILLOW_ERRORS as error:
        raise RefusedError(
            INVALID_PICTURE, f"Invalid Picture: not a whole {' or '.join(PICTURE_FORMATS)} file"
        ) from error
    return Picture(content, "image/png" if image.format == "PNG" else "image/jpeg")


def _download(url: str, rule: PictureRule, seconds: float) -> bytes:
    """Return a URL's bytes."""
    timeout = Timeouts(connect=seconds, read=seconds, total=seconds)
    try:
        found = download(PictureUrl.parse(url), max_bytes=rule.max_bytes, allow_private_addresses=True, timeout=timeout)
    except DownloadError as error:
        raise RefusedError(INVALID_PARAMETER, f"{rule.url_key} cannot be downloaded: {error.problem.found}") from error
    if not found.complete:
        raise _too_large(rule)
    return found.body


def _too_large(rule: PictureRule) -> RefusedError:
    return RefusedError(INVALID_PICTURE, f"Invalid Picture: larger than {rule.max_bytes:,} bytes")
