"""Strict parser and decoder for PNG: what libpng refuses is refused, and every row must be there.

Android and nearly every other decoder use libpng. Its rules are checked in one pass: the data is inflated once, into no
more memory than the image has. Numbers are from the PNG specification and from libpng 1.6 (pngrutil.c).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image

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
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS: Final = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS: Final = {
    _GREY: (1, 2, 4, 8, 16),
    _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GREY_ALPHA: (8, 16),
    _RGB_ALPHA: (8, 16),
}
_LOWER_CASE: Final = 0x20
_CRITICAL: Final = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_MAX_PALETTE_BYTES: Final = 3 * 256
_MAX_FILTER: Final = 4
_LARGEST_WINDOW: Final = 7
_PIECE: Final = 16_384
"""Bytes that are inflated at once where the data's window matters."""

# Of each pass of an interlaced picture: the first column and row, and the steps to the next ones.
_ADAM7: Final = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip


@dataclass(frozen=True)
class Header:
    """A PNG's header.

    :param width: pixels.
    :param height: pixels.
    :param depth: bits a channel.
    :param colour: the colour type.
    :param interlaced: whether its rows come in seven passes.
    """

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def pixel_bits(self) -> int:
        """How many bits a pixel has."""
        return self.depth * _CHANNELS[self.colour]

    def passes(self) -> Iterator[tuple[int, int]]:
        """Yield the number of columns and of rows, by pass."""
        for left, top, right, down in _ADAM7 if self.interlaced else ((0, 0, 1, 1),):
            columns = -(-(self.width - left) // right)
            rows = -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                yield columns, rows

    def row_bytes(self, columns: int) -> int:
        """Return the bytes of a filtered row, its filter included."""
        return (columns * self.pixel_bits + 7) // 8 + 1


def _read_ihdr(content: bytes) -> Header:
    """Read a header.

    :param content: what stands in the IHDR chunk, 13 bytes.
    :raises BrokenImageError: if it asks for what no decoder has.
    """
    width, height, depth, colour, compression, filtering, interlacing = struct.unpack(">IIBBBBB", content)
    if depth not in _DEPTHS.get(colour, ()):
        raise BrokenImageError(f"its header names the colour type {colour} with {depth} bits, which does not exist")
    if compression or filtering or interlacing > 1:
        raise BrokenImageError("its header names an unknown compression, filter or interlace method")
    return Header(width, height, depth, colour, bool(interlacing))


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
    ihdr = _read_ihdr(header)
    return ImageInfo("PNG", ihdr.width, ihdr.height)


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


def _chunks(data: bytes, *, check_crc: bool = True) -> Iterator[tuple[bytes, bytes]]:
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
        if check_crc and zlib.crc32(data[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
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


def decode(data: bytes, info: ImageInfo) -> ImageInfo:
    """Decode a PNG completely.

    :param data: the complete file.
    :param info: the result of `inspect_structure`, without a problem and with acceptable dimensions.
    :raises BrokenImageError: if a part of the picture is missing or damaged.
    """
    header, transparency, packed = _read_chunks(data)
    if (header.width, header.height) != (info.width, info.height):
        raise BrokenImageError("its headers contradict each other")
    rows = _inflate(packed, header)
    start = 0
    for columns, number in header.passes():
        length = header.row_bytes(columns)
        end = start + length * number
        if max(rows[start:end:length]) > _MAX_FILTER:
            raise BrokenImageError("a row has an unknown filter")
        start = end
    return replace(info, invisible=_is_invisible(header, rows, transparency, data))


def _read_chunks(data: bytes) -> tuple[Header, bytes | None, bytes]:
    """Check the chunks against libpng's rules, and return the header, the transparency and the packed rows."""
    header = _read_ihdr(data[16:29])
    palette = transparency = None
    packed: list[bytes] = []
    last = b""
    for name, content in _chunks(data, check_crc=False):
        _check_order(header, name, has_palette=palette is not None)
        if name == b"PLTE":
            palette = content
            _check_palette(header, palette)
        elif name == b"tRNS" and not packed:
            transparency = content
        elif name == b"IDAT" and (not packed or last == b"IDAT"):  # those that stand apart are not read
            packed.append(content)
        last = name
    return header, transparency, b"".join(packed)


def _check_order(header: Header, name: bytes, *, has_palette: bool) -> None:
    if name == b"PLTE" and has_palette:
        raise BrokenImageError("it has two palettes")
    if name in (b"IDAT", b"tRNS") and header.colour == _PALETTE and not has_palette:
        raise BrokenImageError("it has no palette before its picture data and its transparency")
    if not name[0] & _LOWER_CASE and name not in _CRITICAL:
        raise BrokenImageError(f"it has a chunk {name.decode()}, which no decoder knows")
    if name[2] & _LOWER_CASE:
        raise BrokenImageError(f"the name of its chunk {name.decode()} is reserved")


def _check_palette(header: Header, palette: bytes) -> None:
    if header.colour == _PALETTE and (len(palette) > _MAX_PALETTE_BYTES or len(palette) % 3):
        raise BrokenImageError(f"its palette has a wrong length, {len(palette):,} bytes")
    if header.colour in (_PALETTE, _RGB, _RGB_ALPHA) and not palette:
        raise BrokenImageError("its palette is empty")


def _inflate(packed: bytes, header: Header) -> bytes:
    """Return the filtered rows, without inflating much more than them."""
    expected = sum(header.row_bytes(columns) * number for columns, number in header.passes())
    # As libpng does: a window smaller than the header of the data says is refused.
    stream = zlib.decompressobj(wbits=0)
    try:
        if packed and packed[0] >> 4 < _LARGEST_WINDOW:
            shortest = min(header.row_bytes(columns) for columns, _ in header.passes())
            rows, rest = _inflate_by_rows(stream, packed, expected, shortest)
        else:
            rows, rest = stream.decompress(packed, expected), stream.unconsumed_tail
        more = len(stream.decompress(rest, expected + 1)) if not stream.eof else 0
    except zlib.error as error:
        raise BrokenImageError(f"its picture data are damaged ({error})") from error
    if more > expected:
        raise BrokenImageError("its data inflate to far more than the picture")
    if len(rows) < expected:
        raise BrokenImageError("rows of the picture are missing")
    if not stream.eof:
        raise BrokenImageError("its picture data have no end")
    return rows


def _inflate_by_rows(stream: zlib._Decompress, packed: bytes, expected: int, row: int) -> tuple[bytes, bytes]:
    """Inflate a row at a time, so that nothing but the window is remembered of those before."""
    rows = bytearray()
    for start in range(0, len(packed), _PIECE):
        rest = packed[start : start + _PIECE]
        while (more := min(row, expected - len(rows))) and (piece := stream.decompress(rest, more)):
            rows += piece
            rest = stream.unconsumed_tail
        if len(rows) == expected:
            return bytes(rows), rest + packed[start + _PIECE :]
    return bytes(rows), b""


def _is_invisible(header: Header, rows: bytes, transparency: bytes | None, data: bytes) -> bool:
    if header.colour in (_GREY_ALPHA, _RGB_ALPHA):
        return _has_no_opacity(header, rows)
    if transparency is None:
        return False
    if header.colour == _PALETTE:
        return b"\0" in transparency and _is_invisible_by_palette(data)
    return _is_of_one_colour(header, rows, transparency)


def _has_no_opacity(header: Header, rows: bytes) -> bool:
    """Tell whether the alpha of all pixels is 0. Then it is 0 in filtered rows too, whatever the filters."""
    size = header.pixel_bits // 8
    opacity = range(size - header.depth // 8, size)
    start = 0
    for columns, number in header.passes():
        length = header.row_bytes(columns)
        for row in range(start, start + length * number, length):
            if any(any(rows[row + 1 + byte : row + length : size]) for byte in opacity):
                return False
        start += length * number
    return True


def _is_of_one_colour(header: Header, rows: bytes, transparency: bytes) -> bool:
    """Tell whether all pixels have the one colour that is transparent."""
    channels = _CHANNELS[header.colour]
    if len(transparency) != 2 * channels:
        return False
    key = struct.unpack(f">{channels}H", transparency)
    if header.depth == 16:
        pixel = transparency
    elif header.depth == 8:
        pixel = bytes(value & 0xFF for value in key)
    else:
        value = key[0] & ((1 << header.depth) - 1)
        pixel = bytes((sum(value << shift for shift in range(0, 8, header.depth)),))
    start = 0
    for columns, number in header.passes():
        length = header.row_bytes(columns)
        size = columns * header.pixel_bits // 8  # a byte that is not full is filled with anything
        for row in range(number):
            filtered = rows[start : start + length]
            if filtered[1 : 1 + size] != _one_coloured_row(pixel, filtered[0], first=row == 0, size=size):
                return False
            start += length
    return True


def _one_coloured_row(pixel: bytes, filtered: int, *, first: bool, size: int) -> bytes:
    """Return what a row becomes by a filter where it and the rows before it have one colour."""
    half = bytes(value - value // 2 for value in pixel)
    none = bytes(len(pixel))
    # By filter: None, Sub, Up, Average, Paeth.
    beginning = (pixel, pixel, pixel, pixel, pixel) if first else (pixel, pixel, none, half, none)
    others = (pixel, none, pixel, half, none) if first else (pixel, none, none, none, none)
    return (beginning[filtered] + others[filtered] * (size // len(pixel)))[:size]


def _is_invisible_by_palette(data: bytes) -> bool:
    """Tell whether every pixel has a transparent one of the palette's colours."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return image.convert("RGBA").getchannel("A").getextrema() == (0, 0)
