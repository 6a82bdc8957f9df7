"""A PNG's structure, read without inflating the picture. Source of all numbers: the PNG specification."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.pictures.image_info import BrokenImageError, TruncatedImageError, read_orientation

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

MAX_CHUNKS: Final = 2_000
"""Far above what a picture of one megabyte has; a decoder works some microseconds on each."""

MAX_TEXT_BYTES: Final = 1_048_576
"""What all compressed texts and profiles together may inflate to, in bytes, inclusive."""

_TEXTS: Final = (b"zTXt", b"iTXt", b"iCCP")


@dataclass(frozen=True)
class Structure:
    """What a whole PNG says about itself.

    :param frames: how many frames its animation has; 0 when it is none.
    :param orientation: how its EXIF turns it, 1 (not at all) to 8.
    """

    frames: int
    orientation: int


def read_dimensions(data: bytes) -> tuple[int, int]:
    """Return width and height, in pixels, from the first 33 bytes.

    :raises Truncated: when there are fewer.
    :raises Broken: when they are no header.
    """
    if data[:8] != SIGNATURE[: len(data)]:
        raise BrokenImageError("its first bytes were changed, as a transfer in text mode does it")
    if len(data) < 33:
        raise TruncatedImageError
    name, header = next(_chunks(data), (b"IEND", b""))
    if name != b"IHDR" or len(header) != 13:
        raise BrokenImageError("its first chunk is no header")
    width, height = struct.unpack_from(">II", header)
    return width, height


def read_structure(data: bytes) -> Structure:
    """Walk through all chunks to the end of the picture; what follows it is no part of it.

    :param data: the whole file.
    :raises Truncated: when it ends before its last chunk.
    :raises Broken: when a chunk is damaged or out of place, or there is more of anything than a picture has.
    """
    read_dimensions(data)
    frames, orientation, texts, seen = 0, 1, 0, set()
    for name, content in _chunks(data):
        if name == b"IHDR" and name in seen:
            raise BrokenImageError("it has two headers")
        if name == b"acTL" and len(content) == 8 and b"IDAT" not in seen:
            (frames,) = struct.unpack_from(">I", content)
        elif name == b"eXIf":
            orientation = read_orientation(content)
        elif name in _TEXTS:
            texts += _inflated(name, content, MAX_TEXT_BYTES - texts)
        seen.add(name)
    if b"IDAT" not in seen:
        raise BrokenImageError("it has no picture data")
    return Structure(frames, orientation)


def refuse_bomb(data: bytes) -> None:
    """Inflate the picture's data as far as a picture of its dimensions goes, and a little further.

    :param data: the whole file, whose structure and dimensions are as they should be.
    :raises Broken: when there is more.
    """
    width, height = read_dimensions(data)
    depth, colour = data[24], data[25]
    channels = {2: 3, 4: 2, 6: 4}.get(colour, 1)
    # One byte a row names its filter; interlacing makes rows shorter and gives it at most twice as many.
    limit = height * (width * channels * depth // 8 + 2) * 2
    packed = b"".join(content for name, content in _chunks(data) if name == b"IDAT")
    if len(zlib.decompressobj().decompress(packed, limit + 1)) > limit:
        raise BrokenImageError("its data inflate to far more than the picture")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            raise TruncatedImageError
        length, name = struct.unpack_from(">I4s", data, position)
        if not name.isalpha() or length > 0x7FFF_FFFF:
            raise BrokenImageError("what follows a chunk is none")
        end = position + 8 + length
        if end + 4 > len(data):
            raise TruncatedImageError
        if zlib.crc32(data[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise BrokenImageError(f"the checksum of a {name.decode()} chunk is wrong")
        if name == b"IEND":
            return
        yield name, data[position + 8 : end]
        position = end + 4
    raise BrokenImageError(f"it has more than {MAX_CHUNKS:,} chunks")


def _inflated(name: bytes, content: bytes, budget: int) -> int:
    """Return how many bytes a text inflates to, without inflating more of it than the budget."""
    packed = content.partition(b"\0")[2][1:]
    if name == b"iTXt":
        if content.partition(b"\0")[2][:1] == b"\0":
            return 0
        packed = packed[1:].partition(b"\0")[2].partition(b"\0")[2]
    try:
        size = len(zlib.decompressobj().decompress(packed, budget + 1))
    except zlib.error:
        return 0  # decoders pass over a text that cannot be read
    if size > budget:
        raise BrokenImageError("it carries texts that inflate to more than a megabyte")
    return size
