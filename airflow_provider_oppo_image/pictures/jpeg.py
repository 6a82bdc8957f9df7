"""Parser for the structure of a JPEG, without decoding the image. Source of all numbers: ITU-T T.81."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.pictures.image_info import (
    BrokenImageError,
    ImageInfo,
    TruncatedImageError,
    read_orientation,
)

SIGNATURE: Final = b"\xff\xd8\xff"

MAX_SEGMENTS: Final = 1_000
"""Our own limit, far above what a file of one megabyte has; a decoder needs some microseconds for each."""

MAX_SCANS: Final = 100
"""Our own limit. A progressive JPEG has about ten; a decoder processes the complete image for each."""

MAX_RESOURCES: Final = 1_000
"""Our own limit for Photoshop resource blocks; Photoshop writes about thirty."""

APP1, APP2, _APP13, SOS, _EOI = 0xE1, 0xE2, 0xED, 0xDA, 0xD9
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
DECODABLE: Final = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: supported by every decoder
_MISPLACED: Final = (0x01, *range(0xD0, 0xD9))  # markers without content, valid only in scans or at the start

# The repetition is bounded and possessive, so a file of fill bytes is scanned in linear time.
_MARKER: Final = re.compile(rb"\xff{1,64}+([^\x00\xff])")
_MAX_STRAY_BYTES: Final = 16
"""Bytes between two segments that are skipped, as libjpeg does: seen in real files, and no part of the picture."""
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True)
class Segment:
    """A segment.

    :param marker: the second byte of its marker.
    :param content: its bytes, without the marker and the length.
    :param scan_data: the image data after the header of a scan, up to the next marker; empty in other segments.
    """

    marker: int
    content: bytes
    scan_data: bytes = b""


def read_header(data: bytes) -> ImageInfo:
    """Parse the segments up to the frame header, which follows the EXIF segments.

    :param data: the first bytes of the file, or all.
    :raises TruncatedImageError: if they end before the header.
    :raises BrokenImageError: if they are not a JPEG.
    """
    exif = []
    for segment in segments(data):
        if segment.marker == APP1 and segment.content.startswith(b"Exif\0\0"):
            exif.append(segment.content[6:])
        elif segment.marker in _FRAMES:
            return _read_frame(segment, read_orientation(b"".join(exif)))
        elif segment.marker == SOS:
            break
    raise BrokenImageError("it has no header")


def read_structure(data: bytes) -> ImageInfo:
    """Parse all segments and scans up to the end of the image; bytes after it are ignored.

    :param data: the complete file.
    :raises TruncatedImageError: if the file ends before the end marker.
    :raises BrokenImageError: if a segment is damaged or misplaced, or a limit is exceeded.
    """
    info = read_header(data)
    frames = scans = resources = 0
    for segment in segments(data):
        frames += segment.marker in _FRAMES
        scans += segment.marker == SOS
        if segment.marker == _APP13:
            resources += segment.content.count(b"8BIM")
        elif segment.marker == APP2 and segment.content.startswith(b"MPF\0"):
            read_orientation(segment.content[4:])  # raises for a directory that would cost decoders too much
    if frames > 1:
        raise BrokenImageError("it has two headers")
    if scans == 0:
        raise BrokenImageError("it has no image data")
    if scans > MAX_SCANS or resources > MAX_RESOURCES:
        raise BrokenImageError("it has too many scans or resource blocks")
    return info


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments up to the end of the image.

    :param data: the file, or its first bytes.
    :raises TruncatedImageError: if it ends before the end marker.
    :raises BrokenImageError: if a segment is damaged or misplaced, or there are too many.
    """
    position = 2
    for _ in range(MAX_SEGMENTS):
        marker, position = _next_marker(data, position)
        if marker == _EOI:
            return
        if marker in _MISPLACED:
            raise BrokenImageError("a marker is misplaced")
        content = _content(data, position)
        position += 2 + len(content)
        if marker != SOS:
            yield Segment(marker, content)
            continue
        scan_end = _END_OF_SCAN.search(data, position)
        end = scan_end.start() if scan_end else len(data)
        yield Segment(marker, content, data[position:end])
        if scan_end is None:
            raise TruncatedImageError
        position = end
    raise BrokenImageError(f"it has more than {MAX_SEGMENTS:,} segments")


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Return the first marker from a position on, and the position after it."""
    found = _MARKER.search(data, position, position + _MAX_STRAY_BYTES + 66)
    if found and found.start() <= position + _MAX_STRAY_BYTES:
        return found[1][0], found.end()
    if len(data) - position > 64 or data[position:].strip(b"\xff"):
        raise BrokenImageError("the bytes after a segment are not a segment")
    raise TruncatedImageError


def _content(data: bytes, position: int) -> bytes:
    """Return the content of a segment, given the position of its length."""
    if position + 2 > len(data):
        raise TruncatedImageError
    (length,) = struct.unpack_from(">H", data, position)
    if length < 2:
        raise BrokenImageError("a segment has an invalid length")
    if position + length > len(data):
        raise TruncatedImageError
    return data[position + 2 : position + length]


def _read_frame(segment: Segment, orientation: int) -> ImageInfo:
    if len(segment.content) < 6:
        raise BrokenImageError("its header is too short")
    precision, height, width, components = struct.unpack_from(">BHHB", segment.content)
    coding = None
    if segment.marker not in DECODABLE:
        coding = "arithmetic coding" if segment.marker >= 0xC9 else "lossless or hierarchical coding"
    elif precision != 8:
        coding = f"{precision} bits per channel"
    return ImageInfo("JPEG", width, height, cmyk=components == 4, orientation=orientation, coding=coding)
