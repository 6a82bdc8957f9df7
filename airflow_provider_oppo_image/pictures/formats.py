"""What content is, by its first bytes: a name or an extension proves nothing."""

from __future__ import annotations

import re
from typing import Final

ENOUGH: Final = 512
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


def name_format(first_bytes: bytes) -> str | None:
    """Name the format of content.

    :param first_bytes: the first `ENOUGH` bytes, or all where there are fewer.
    :return: "PNG" or "JPEG" as Pillow names them, another format's name such as "WebP" or `WEB_PAGE`; None when
        nothing was recognised.
    """
    head = bytes(first_bytes[:ENOUGH])
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
