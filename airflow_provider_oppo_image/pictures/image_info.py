"""Image metadata and format sniffing."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class ImageInfo:
    """What is known about a file.

    :param format: its name, as `formats.name_format` gives it; None when nothing was recognised.
    :param width: pixels, as stored; None where it was not found out.
    :param height: pixels, as stored; None where it was not found out.
    :param animated: it has more than one frame.
    :param cmyk: it is in printing colours.
    :param orientation: how its EXIF turns it, 1 (not at all) to 8.
    :param coding: what is unusual about its coding, where phones cannot decode that.
    :param invisible: every pixel is transparent.
    :param truncated: it ends before the picture does.
    :param broken: why it cannot be decoded.
    """

    format: str | None
    width: int | None = None
    height: int | None = None
    animated: bool = False
    cmyk: bool = False
    orientation: int = 1
    coding: str | None = None
    invisible: bool = False
    truncated: bool = False
    broken: str | None = None


class TruncatedImageError(Exception):
    """The bytes end before the picture does; so far nothing is wrong."""


class BrokenImageError(Exception):
    """The bytes are no picture of their format, or one made to harm; the text says why."""


SNIFF_BYTES: Final = 512
"""With so many first bytes nothing more will be found out."""

WEB_PAGE: Final = "web page (HTML)"

_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"%PDF", "PDF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"8BPS", "Photoshop document"),
    (b"\0\0\1\0", "icon"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"PK\3\4", "ZIP archive"),
    (b"\x1f\x8b", "gzip archive"),
)
_BRANDS: Final = (
    (b"avif", "AVIF"), (b"avis", "AVIF"), (b"heic", "HEIC"), (b"heix", "HEIC"), (b"hevc", "HEIC"), (b"heim", "HEIC"),
    (b"mif1", "HEIF"), (b"msf1", "HEIF"),
)  # fmt: skip
_TAG: Final = re.compile(rb"<(!doctype html|html|head|body|script|title|meta|div|p|h1)\b", re.IGNORECASE)


def sniff_format(first_bytes: bytes) -> str | None:
    """Name the format of content.

    :param first_bytes: the first `SNIFF_BYTES` bytes, or all where there are fewer.
    :return: "PNG" or "JPEG" as Pillow names them, another format's name such as "WebP" or `WEB_PAGE`; None when
        nothing was recognised.
    """
    head = bytes(first_bytes[:SNIFF_BYTES])
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        return next((name for brand, name in _BRANDS if head[8:12] == brand), "video or HEIF file")
    return _name_text(head.removeprefix(b"\xef\xbb\xbf").lstrip())


def _name_text(text: bytes) -> str | None:
    if b"<svg" in text.lower() and text.startswith(b"<"):
        return "SVG"
    if text.startswith(b"<") and _TAG.search(text):
        return WEB_PAGE
    if text.startswith(b"<?xml"):
        return "XML"
    if text.startswith((b"{", b"[")):
        return "JSON"
    if text and all(byte >= 0x20 or byte in b"\t\r\n" for byte in text) and text.isascii():
        return "text"
    return None


MAX_ENTRIES: Final = 1_000
"""More entries than any camera writes; each may point to the whole block, so that their number is a bomb's fuse."""

_ORIENTATION: Final = 0x0112
_BYTES_BY_TYPE: Final = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)


def read_orientation(block: bytes) -> int:
    """Return how viewers that heed EXIF turn the picture.

    :param block: a TIFF structure, as EXIF and multi-picture JPEGs carry it: its first directory is read.
    :return: 1 (as it is) to 8; 1 where the block does not say or cannot be read.
    :raises Broken: when its entries claim more than a decoder should follow.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return 1
    if 43 in block[2:4]:
        raise BrokenImageError("its metadata are a BigTIFF, which no camera writes")
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(f"{order}H", block, start)
    if count > MAX_ENTRIES:
        raise BrokenImageError(f"its metadata have {count:,} entries")
    orientation, claimed = 1, 0
    for position in range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", block, position)
        claimed += number * (_BYTES_BY_TYPE[kind] if kind < len(_BYTES_BY_TYPE) else 0)
        if tag == _ORIENTATION and kind == 3:
            (orientation,) = struct.unpack_from(f"{order}H", block, position + 8)
    if claimed > len(block):
        raise BrokenImageError("its metadata claim to be longer than they are")
    return orientation if 1 <= orientation <= 8 else 1
