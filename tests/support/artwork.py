"""Pictures for tests as bytes: valid, unusual and broken ones, and bombs.

artwork.png()                       a valid big picture, 984 x 369 px
artwork.jpeg(144, 144)              a valid small one
artwork.png_of_size(1_048_576)      a valid big picture of exactly this many bytes
artwork.cut(artwork.png())          an incomplete upload
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="984" height="369"/>'
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64)


@functools.cache
def _image(width: int, height: int, mode: str = "RGB", turn: int = 0) -> Image.Image:
    """Return a deterministic picture; another `turn` returns another one."""
    light = Image.linear_gradient("L").rotate(90 * turn).resize((width, height))
    rings = Image.radial_gradient("L").resize((width, height))
    image = Image.merge("RGB", (light, rings, light.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    if mode.endswith("A"):
        image.putalpha(rings)
    return image.convert(mode)


def encode(image: Image.Image, format: str, **options: Any) -> bytes:  # noqa: A002 - Pillow's own name for it
    """Return an image's file as bytes."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@functools.cache
def png(width: int = 984, height: int = 369, mode: str = "RGB", turn: int = 0) -> bytes:
    """A still PNG; another `turn` (0 to 3) makes another picture."""
    return encode(_image(width, height, mode, turn), "PNG")


@functools.cache
def jpeg(
    width: int = 984,
    height: int = 369,
    mode: str = "RGB",
    *,
    turn: int = 0,
    progressive: bool = False,
    orientation: int | None = None,
    quality: int = 85,
) -> bytes:
    """A JPEG; `orientation` (1 to 8) goes into its EXIF, `mode` may be "L" or "CMYK"."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image = _image(width, height, mode, turn)
    return encode(image, "JPEG", quality=quality, progressive=progressive, exif=exif)


@functools.cache
def good(kind: str, format: str = "PNG") -> bytes:  # noqa: A002 - Pillow's own name for it
    """A picture that is ready: `kind` "big" or "small", `format` "PNG" or "JPEG"."""
    width, height = {"big": (984, 369), "small": (144, 144)}[kind]
    return png(width, height) if format == "PNG" else jpeg(width, height)


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """A chunk of a PNG, with its length and its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(picture: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks inserted after its header."""
    return picture[:33] + b"".join(chunks) + picture[33:]


def segment(marker: int, data: bytes = b"") -> bytes:
    """A segment of a JPEG, with its length; `data` is at most 65,533 bytes."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def with_segments(picture: bytes, *segments: bytes) -> bytes:
    """A JPEG with segments inserted at its start."""
    return picture[:2] + b"".join(segments) + picture[2:]


@functools.cache
def png_of_size(size: int, width: int = 984, height: int = 369) -> bytes:
    """A good PNG of exactly `size` bytes."""
    picture = png(width, height)
    padding = size - len(picture) - 12
    if padding < 0:
        raise ValueError(f"the size must be at least {len(picture) + 12}")
    return with_chunks(picture, chunk(b"tEXt", b"Comment\0" + b"x" * (padding - 8)))


@functools.cache
def jpeg_of_size(size: int, width: int = 984, height: int = 369) -> bytes:
    """A good JPEG of exactly `size` bytes."""
    picture = jpeg(width, height)
    padding = size - len(picture)
    if padding < 4:
        raise ValueError(f"the size must be at least {len(picture) + 4}")
    comments = []
    while padding:
        length = padding if padding <= 65_537 else min(65_537, padding - 4)
        comments.append(segment(0xFE, b"x" * (length - 4)))
        padding -= length
    return with_segments(picture, *comments)


@functools.cache
def animated_png(width: int = 984, height: int = 369) -> bytes:
    """An animated PNG."""
    first, *others = (_image(width, height, "RGB", turn) for turn in range(3))
    return encode(first, "PNG", save_all=True, append_images=others, duration=200)


@functools.cache
def other_format(format: str, width: int = 984, height: int = 369) -> bytes:  # noqa: A002 - Pillow's own name for it
    """A picture in a format that is not accepted: "GIF", "WEBP", "BMP", "TIFF", "MPO", "AVIF"..."""
    more = {"save_all": True, "append_images": [_image(width, height, "RGB", 1)]} if format == "MPO" else {}
    return encode(_image(width, height), format, **more)


@functools.cache
def transparent_png(width: int = 984, height: int = 369) -> bytes:
    """A completely transparent PNG."""
    return encode(Image.new("RGBA", (width, height), (255, 0, 0, 0)), "PNG")


def cut(picture: bytes, keep: float = 0.5) -> bytes:
    """The first part of a picture, as of an incomplete upload."""
    return picture[: int(len(picture) * keep)]


def header_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of 74 bytes that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND")
    return (PNG_SIGNATURE + data).ljust(74, b"\0")


@functools.cache
def text_bomb(megabytes: int = 1024) -> bytes:
    """A good picture with a compressed text that inflates to a gigabyte."""
    squeeze = zlib.compressobj(9)
    packed = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(megabytes)) + squeeze.flush()
    return with_chunks(png(), chunk(b"zTXt", b"Comment\0\0" + packed))


@functools.cache
def data_bomb(megabytes: int = 512) -> bytes:
    """A PNG of the right dimensions whose picture data inflate to far more than the picture."""
    squeeze = zlib.compressobj(9)
    packed = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(megabytes)) + squeeze.flush()
    return png()[:33] + chunk(b"IDAT", packed) + chunk(b"IEND")


@functools.cache
def deflate_headers(size: int = 1_000_000) -> bytes:
    """A good picture with empty deflate blocks before its data; the decoder builds the tables of each block."""
    block = 0x7EB7F20000000000881C004  # 92 bits: not the last, type 2, 258 codes of which one ends the block (RFC 1951)
    eight = sum(block << 92 * index for index in range(8)).to_bytes(92, "little")
    rows = (b"\0" + bytes(984 * 3)) * 369
    squeeze = zlib.compressobj(9, wbits=-15)
    last = squeeze.compress(rows) + squeeze.flush() + struct.pack(">I", zlib.adler32(rows))
    return png()[:33] + chunk(b"IDAT", b"\x78\x9c" + eight * (size // 92) + last) + chunk(b"IEND")


@functools.cache
def many_chunks(count: int = 80_000) -> bytes:
    """A good picture with thousands of empty chunks."""
    return with_chunks(png(), chunk(b"teSt") * count)


@functools.cache
def endless_markers(size: int = 1_000_000) -> bytes:
    """A JPEG with markers only, without a picture."""
    return b"\xff\xd8" + segment(0xFE) * (size // 4)


@functools.cache
def endless_fill(size: int = 1_000_000) -> bytes:
    """A JPEG of fill bytes."""
    return b"\xff\xd8" + b"\xff" * size


@functools.cache
def many_scans(size: int = 1_000_000) -> bytes:
    """A progressive JPEG with many repeated scans."""
    picture = jpeg(progressive=True)
    start = picture.rindex(b"\xff\xda")
    last_scan = picture[start:-2]
    return (picture[:start] + last_scan * (size // len(last_scan)))[:size] + b"\xff\xd9"


def exif_bomb(entries: int = 5_000) -> bytes:
    """A JPEG with thousands of EXIF entries that point to the same 60,000 bytes."""
    rows = b"".join(struct.pack(">HHII", tag, 7, 60_000, 8) for tag in range(1, entries + 1))
    body = b"MM\0*\0\0\0\x08" + struct.pack(">H", entries) + rows + bytes(4)
    return with_segments(jpeg(), segment(0xE1, b"Exif\0\0" + body.ljust(65_000, b"\0")))
