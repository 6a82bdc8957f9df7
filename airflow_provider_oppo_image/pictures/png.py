"""Strict parser and decoder for PNG: it applies libpng's rules, and requires every row.

Android and nearly every other decoder use libpng. The rules are checked in one pass: the data is inflated once, into
no more memory than the image needs. Source of the numbers: the PNG specification and libpng 1.6 (pngrutil.c).
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
    :param depth: bits per channel.
    :param colour: the colour type.
    :param interlaced: whether its rows are stored in seven passes.
    """

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def pixel_bits(self) -> int:
        """Bits per pixel."""
        return self.depth * _CHANNELS[self.colour]

    def passes(self) -> Iterator[tuple[int, range]]:
        """Yield each pass: the number of columns, and the positions of its filtered rows in the inflated data.

        The step of the positions is the length of a row in bytes, with its filter.
        """
        end = 0
        for left, top, right, down in _ADAM7 if self.interlaced else ((0, 0, 1, 1),):
            columns = -(-(self.width - left) // right)
            rows = -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                length = (columns * self.pixel_bits + 7) // 8 + 1
                start, end = end, end + rows * length
                yield columns, range(start, end, length)

    @property
    def data_bytes(self) -> int:
        """Size of the inflated data: all filtered rows."""
        return max(rows.stop for _, rows in self.passes())


def _read_ihdr(content: bytes) -> Header:
    """Read a header.

    :param content: the content of the IHDR chunk, 13 bytes.
    :raises BrokenImageError: if the PNG specification does not define one of its values.
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
    inflated = _inflate(packed, header)
    for _, rows in header.passes():
        if max(inflated[rows.start : rows.stop : rows.step]) > _MAX_FILTER:
            raise BrokenImageError("a row has an unknown filter")
    return replace(info, invisible=_is_invisible(header, inflated, transparency, data))


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
        elif name == b"IDAT" and (not packed or last == b"IDAT"):  # decoders ignore those after another chunk
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
    expected = header.data_bytes
    # As in libpng, the data must not refer back further than the window size in its own header allows.
    stream = zlib.decompressobj(wbits=0)
    try:
        if packed and packed[0] >> 4 < _LARGEST_WINDOW:
            shortest = min(rows.step for _, rows in header.passes())
            inflated, rest = _inflate_by_rows(stream, packed, expected, shortest)
        else:
            inflated, rest = stream.decompress(packed, expected), stream.unconsumed_tail
        more = len(stream.decompress(rest, expected + 1)) if not stream.eof else 0
    except zlib.error as error:
        raise BrokenImageError(f"its picture data are damaged ({error})") from error
    if more > expected:
        raise BrokenImageError("its data inflate to far more than the picture")
    if len(inflated) < expected:
        raise BrokenImageError("rows of the picture are missing")
    if not stream.eof:
        raise BrokenImageError("its picture data have no end")
    return inflated


def _inflate_by_rows(stream: zlib._Decompress, packed: bytes, expected: int, row: int) -> tuple[bytes, bytes]:
    """Inflate one row at a time, so that zlib keeps only its window of the earlier rows."""
    rows = bytearray()
    for start in range(0, len(packed), _PIECE):
        rest = packed[start : start + _PIECE]
        while (more := min(row, expected - len(rows))) and (piece := stream.decompress(rest, more)):
            rows += piece
            rest = stream.unconsumed_tail
        if len(rows) == expected:
            return bytes(rows), rest + packed[start + _PIECE :]
    return bytes(rows), b""


def _is_invisible(header: Header, inflated: bytes, transparency: bytes | None, data: bytes) -> bool:
    if header.colour in (_GREY_ALPHA, _RGB_ALPHA):
        return _has_no_opacity(header, inflated)
    if transparency is None:
        return False
    if header.colour == _PALETTE:
        return b"\0" in transparency and _is_invisible_by_palette(data)
    return _has_only_colour(header, inflated, transparency)


def _has_no_opacity(header: Header, inflated: bytes) -> bool:
    """Return whether the alpha of all pixels is 0. With every filter, it is then 0 in the filtered rows too."""
    size = header.pixel_bits // 8
    opacity = range(size - header.depth // 8, size)
    for _, rows in header.passes():
        for row in rows:
            if any(any(inflated[row + 1 + byte : row + rows.step : size]) for byte in opacity):
                return False
    return True


def _has_only_colour(header: Header, inflated: bytes, transparency: bytes) -> bool:
    """Return whether all pixels have the transparent colour."""
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
    for columns, rows in header.passes():
        size = columns * header.pixel_bits // 8  # without a last byte that is not full, whose other bits are undefined
        for row in rows:
            expected = _filter_one_colour(pixel, inflated[row], first=row == rows.start, size=size)
            if inflated[row + 1 : row + 1 + size] != expected:
                return False
    return True


def _filter_one_colour(pixel: bytes, filter_type: int, *, first: bool, size: int) -> bytes:
    """Return a filtered row of a picture that has only one colour.

    :param pixel: the colour.
    :param filter_type: the row's filter, 0 to 4.
    :param first: whether it is the first row of its pass.
    :param size: bytes to return.
    """
    half = bytes(value - value // 2 for value in pixel)
    none = bytes(len(pixel))
    # By filter: None, Sub, Up, Average, Paeth.
    beginning = (pixel, pixel, pixel, pixel, pixel) if first else (pixel, pixel, none, half, none)
    others = (pixel, none, pixel, half, none) if first else (pixel, none, none, none, none)
    return (beginning[filter_type] + others[filter_type] * (size // len(pixel)))[:size]


def _is_invisible_by_palette(data: bytes) -> bool:
    """Return whether the palette's colours of all pixels are transparent."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return image.convert("RGBA").getchannel("A").getextrema() == (0, 0)
