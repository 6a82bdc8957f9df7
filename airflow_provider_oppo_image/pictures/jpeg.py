"""A JPEG's structure, read without decoding the picture. Source of all numbers: ITU-T T.81."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.pictures.image_info import BrokenImageError, TruncatedImageError, read_orientation

SIGNATURE: Final = b"\xff\xd8\xff"

MAX_SEGMENTS: Final = 1_000
"""Far above what a picture of one megabyte has; a decoder works some microseconds on each."""

MAX_SCANS: Final = 100
"""A progressive picture has about ten; a decoder paints the whole picture again for each."""

MAX_RESOURCES: Final = 1_000
"""Photoshop's resource blocks; it writes about thirty."""

_APP1, _APP2, _APP13, _SOS, _EOI = 0xE1, 0xE2, 0xED, 0xDA, 0xD9
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE: Final = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: what every decoder has
_OUT_OF_PLACE: Final = (0x01, *range(0xD0, 0xD9))  # they have no content, and belong into scans or to the start

# The repetitions are bounded and possessive: a file of nothing but fill bytes must not cost more than its length.
_MARKER: Final = re.compile(rb"\xff{1,64}+([^\x00\xff])")
_MAX_STRAY_BYTES: Final = 16
"""Bytes between two segments that are skipped, as libjpeg does: seen in real files, and no part of the picture."""
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True)
class Header:
    """What a JPEG says about itself before its picture begins.

    :param width: pixels.
    :param height: pixels.
    :param components: 1 for grey, 3 for colour, 4 for printing colours.
    :param coding: what is unusual about how it is coded; None where every phone can decode it.
    :param orientation: how its EXIF turns it, 1 (not at all) to 8.
    """

    width: int
    height: int
    components: int
    coding: str | None
    orientation: int


def read_header(data: bytes) -> Header:
    """Read until the frame's header; EXIF stands before it.

    :param data: the first bytes of the file, or all of them.
    :raises Truncated: when the header is not in them.
    :raises Broken: when they are no JPEG.
    """
    exif = []
    for marker, content in _segments(data):
        if marker == _APP1 and content.startswith(b"Exif\0\0"):
            exif.append(content[6:])
        elif marker in _FRAMES:
            return _read_frame(marker, content, read_orientation(b"".join(exif)))
        elif marker == _SOS:
            break
    raise BrokenImageError("it has no header")


def read_structure(data: bytes) -> Header:
    """Walk through all segments and scans to the end of the picture; what follows it is no part of it.

    :param data: the whole file.
    :raises Truncated: when it ends before its end marker.
    :raises Broken: when a segment is damaged or out of place, or there is more of anything than a picture has.
    """
    header = read_header(data)
    frames = scans = resources = 0
    for marker, content in _segments(data):
        frames += marker in _FRAMES
        scans += marker == _SOS
        if marker == _APP13:
            resources += content.count(b"8BIM")
        elif marker == _APP2 and content.startswith(b"MPF\0"):
            read_orientation(content[4:])  # for its judgement of the directory, which decoders follow
    if frames > 1:
        raise BrokenImageError("it has two headers")
    if scans == 0:
        raise BrokenImageError("it has no picture data")
    if scans > MAX_SCANS or resources > MAX_RESOURCES:
        raise BrokenImageError("it repeats itself more often than a picture does")
    return header


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 2
    for _ in range(MAX_SEGMENTS):
        marker, position = _next_marker(data, position)
        if marker == _EOI:
            return
        if marker in _OUT_OF_PLACE:
            raise BrokenImageError("a marker is out of place")
        content = _content(data, position)
        yield marker, content
        position += 2 + len(content)
        if marker == _SOS:
            scan_end = _END_OF_SCAN.search(data, position)
            if scan_end is None:
                raise TruncatedImageError
            position = scan_end.start()
    raise BrokenImageError(f"it has more than {MAX_SEGMENTS:,} segments")


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Return the marker that stands here, and where it ends."""
    found = _MARKER.search(data, position, position + _MAX_STRAY_BYTES + 66)
    if found and found.start() <= position + _MAX_STRAY_BYTES:
        return found[1][0], found.end()
    if len(data) - position > 64 or data[position:].strip(b"\xff"):
        raise BrokenImageError("what follows a segment is none")
    raise TruncatedImageError


def _content(data: bytes, position: int) -> bytes:
    """Return the content of the segment whose length stands here."""
    if position + 2 > len(data):
        raise TruncatedImageError
    (length,) = struct.unpack_from(">H", data, position)
    if length < 2:
        raise BrokenImageError("a segment has an impossible length")
    if position + length > len(data):
        raise TruncatedImageError
    return data[position + 2 : position + length]


def _read_frame(marker: int, content: bytes, orientation: int) -> Header:
    if len(content) < 6:
        raise BrokenImageError("its header is too short")
    precision, height, width, components = struct.unpack_from(">BHHB", content)
    coding = None
    if marker not in _DECODABLE:
        coding = "arithmetic coding" if marker >= 0xC9 else "a lossless or hierarchical coding"
    elif precision != 8:
        coding = f"{precision} bits a colour"
    return Header(width, height, components, coding, orientation)
