"""Image metadata and format sniffing."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple


@dataclass(frozen=True)
class ImageInfo:
    """The known metadata of an image file.

    :param format: the format as returned by `sniff_format`; None if not recognised.
    :param width: in pixels, as stored; None if unknown.
    :param height: in pixels, as stored; None if unknown.
    :param animated: whether it has more than one frame.
    :param cmyk: whether it uses CMYK.
    :param orientation: the EXIF orientation, 1 (upright) to 8.
    :param coding: a coding that phones cannot decode; None for a usual one.
    :param invisible: whether every pixel is transparent.
    :param truncated: whether the file ends before the image does.
    :param broken: why the file cannot be decoded; None if it can.
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
    """The bytes end before the image does, and nothing else is wrong with them."""


class BrokenImageError(Exception):
    """The bytes violate their format, or could exhaust a decoder; the text is the reason."""


SNIFF_BYTES: Final = 512
"""Number of bytes after which more bytes do not change the result of `sniff_format`."""

WEB_PAGE: Final = "web page (HTML)"

BASE64: Final = "Base64 text"
_BASE64_PICTURE: Final = re.compile(rb"data:image/|iVBORw0KGgo|/9j/[0-9A-Za-z+/]")  # a data URL; PNG and JPEG

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
    """Return the format of a file.

    :param first_bytes: the first `SNIFF_BYTES` bytes, or the complete file if it is shorter.
    :return: "PNG" or "JPEG", as in Pillow, or another name such as "WebP" or `WEB_PAGE`; None if not recognised.
    """
    head = bytes(first_bytes[:SNIFF_BYTES])
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        return next((name for brand, name in _BRANDS if head[8:12] == brand), "video or HEIF file")
    return _sniff_text(head.removeprefix(b"\xef\xbb\xbf").lstrip())


def _sniff_text(text: bytes) -> str | None:
    if b"<svg" in text.lower() and text.startswith(b"<"):
        return "SVG"
    if text.startswith(b"<") and _TAG.search(text):
        return WEB_PAGE
    if text.startswith(b"<?xml"):
        return "XML"
    if _BASE64_PICTURE.match(text):
        return BASE64
    if text.startswith((b"{", b"[")):
        return "JSON"
    if text and all(byte >= 0x20 or byte in b"\t\r\n" for byte in text) and text.isascii():
        return "text"
    return None


MAX_ENTRIES: Final = 1_000
"""Our own limit, above what any camera writes. Each entry may refer to the complete block, so many can be a bomb."""

_ORIENTATION: Final = 0x0112
_BYTES_BY_TYPE: Final = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)


_BYTE_ORDERS: Final = {b"II": "<", b"MM": ">"}
_BIG_TIFF: Final = 43


class DirectoryEntry(NamedTuple):
    """An entry of a TIFF directory.

    :param tag: its tag.
    :param kind: the type of its values.
    :param number: the number of its values.
    :param short: its value field as a 16-bit integer.
    :param long: its value field as a 32-bit integer.
    """

    tag: int
    kind: int
    number: int
    short: int
    long: int


def read_directory(block: bytes) -> tuple[int, Iterator[DirectoryEntry]]:
    """Return the first directory of a TIFF structure.

    :param block: the structure, as in EXIF segments and multi-picture JPEGs.
    :return: the number of entries that the directory declares, and the entries that the block has. Both are empty if
        the block has no directory.
    """
    order = _BYTE_ORDERS.get(block[:2])
    if order is None or len(block) < 8:
        return 0, iter(())
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return 0, iter(())
    (count,) = struct.unpack_from(f"{order}H", block, start)
    positions = range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12)
    return count, (
        DirectoryEntry(
            *struct.unpack_from(f"{order}HHI", block, position),
            *struct.unpack_from(f"{order}H", block, position + 8),
            *struct.unpack_from(f"{order}I", block, position + 8),
        )
        for position in positions
    )


def read_orientation(block: bytes) -> int:
    """Return the EXIF orientation from the first directory of a TIFF structure.

    :param block: the structure, as in EXIF segments and multi-picture JPEGs.
    :return: 1 (upright) to 8; 1 if it is missing or cannot be read.
    :raises BrokenImageError: if the directory refers to more data than a decoder should follow.
    """
    if block[:2] in _BYTE_ORDERS and len(block) >= 8 and _BIG_TIFF in block[2:4]:
        raise BrokenImageError("its metadata is a BigTIFF, which no camera writes")
    count, entries = read_directory(block)
    if count > MAX_ENTRIES:
        raise BrokenImageError(f"its metadata has {count:,} entries")
    orientation, claimed = 1, 0
    for entry in entries:
        claimed += entry.number * (_BYTES_BY_TYPE[entry.kind] if entry.kind < len(_BYTES_BY_TYPE) else 0)
        if entry.tag == _ORIENTATION and entry.kind == 3:
            orientation = entry.short
    if claimed > len(block):
        raise BrokenImageError("its metadata refers to more data than it has")
    return orientation if 1 <= orientation <= 8 else 1
