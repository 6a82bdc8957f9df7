"""Parser for the structure of a PNG, without inflating the image. Source of all numbers: the PNG specification."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from airflow_provider_oppo_image.pictures.image_info import (
    BrokenImageError,
    ImageInfo,
    TruncatedImageError,
    read_orientation,
)

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

MAX_CHUNKS: Final = 2_000
"""Our own limit, far above what a file of one megabyte has; a decoder needs some microseconds for each."""

MAX_TEXT_BYTES: Final = 1_048_576
"""Maximum inflated size of all compressed texts and profiles together, in bytes, inclusive. Our own limit."""

_TEXTS: Final = (b"zTXt", b"iTXt", b"iCCP")


def read_header(data: bytes) -> ImageInfo:
    """Parse the header, which is in the first 33 bytes.

    :raises TruncatedImageError: if there are fewer bytes.
    :raises BrokenImageError: if they are not a PNG header.
    """
    if data[:8] != SIGNATURE[: len(data)]:
        raise BrokenImageError("its first bytes are changed, as by a transfer in text mode")
    if len(data) < 33:
        raise TruncatedImageError
    name, header = next(_chunks(data), (b"IEND", b""))
    if name != b"IHDR" or len(header) != 13:
        raise BrokenImageError("its first chunk is not a header")
    return ImageInfo("PNG", *struct.unpack_from(">II", header))


def read_structure(data: bytes) -> ImageInfo:
    """Parse all chunks up to the end of the image; bytes after it are ignored.

    :param data: the complete file.
    :raises TruncatedImageError: if the file ends before the last chunk.
    :raises BrokenImageError: if a chunk is damaged or misplaced, or a limit is exceeded.
    """
    info = read_header(data)
    frames, orientation, texts, seen = 0, 1, 0, set()
    for name, content in _chunks(data):
        if name == b"IHDR" and name in seen:
            raise BrokenImageError("it has two headers")
        if name == b"acTL" and len(content) == 8 and b"IDAT" not in seen:
            (frames,) = struct.unpack_from(">I", content)
        elif name == b"eXIf":
            orientation = read_orientation(content)
        elif name in _TEXTS:
            texts += _inflated_size(name, content, MAX_TEXT_BYTES - texts)
        seen.add(name)
    if b"IDAT" not in seen:
        raise BrokenImageError("it has no image data")
    return replace(info, animated=frames > 1, orientation=orientation)


def refuse_bomb(data: bytes) -> None:
    """Inflate the image data only up to the maximum for its dimensions.

    :param data: a complete file with a valid structure and acceptable dimensions.
    :raises BrokenImageError: if there is more data.
    """
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    channels = {2: 3, 4: 2, 6: 4}.get(colour, 1)
    # Each row has one byte for its filter. Interlacing has shorter rows, but at most twice as many.
    limit = height * (width * channels * depth // 8 + 2) * 2
    packed = b"".join(content for name, content in _chunks(data) if name == b"IDAT")
    if len(zlib.decompressobj().decompress(packed, limit + 1)) > limit:
        raise BrokenImageError("its image data inflates to far more than the image")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            raise TruncatedImageError
        length, name = struct.unpack_from(">I4s", data, position)
        if not name.isalpha() or length > 0x7FFF_FFFF:
            raise BrokenImageError("the bytes after a chunk are not a chunk")
        end = position + 8 + length
        if end + 4 > len(data):
            raise TruncatedImageError
        if zlib.crc32(data[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise BrokenImageError(f"the checksum of a {name.decode()} chunk is incorrect")
        if name == b"IEND":
            return
        yield name, data[position + 8 : end]
        position = end + 4
    raise BrokenImageError(f"it has more than {MAX_CHUNKS:,} chunks")


def _inflated_size(name: bytes, content: bytes, budget: int) -> int:
    """Return the inflated size of a text chunk, without inflating more than the budget."""
    packed = content.partition(b"\0")[2][1:]
    if name == b"iTXt":
        if content.partition(b"\0")[2][:1] == b"\0":
            return 0
        packed = packed[1:].partition(b"\0")[2].partition(b"\0")[2]
    try:
        size = len(zlib.decompressobj().decompress(packed, budget + 1))
    except zlib.error:
        return 0  # decoders ignore an invalid text
    if size > budget:
        raise BrokenImageError("its texts inflate to more than a megabyte")
    return size
