"""Random mutations of pictures, reproducible from a seed.

Structured mutations change chunks and segments, headers and the inflated data of a PNG; lengths and most checksums are
repaired afterwards. Other mutations change arbitrary bytes of the file.
"""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from PIL import Image

from airflow_provider_oppo_image.contract import PictureKind
from tests.support import artwork

Rng: TypeAlias = random.Random

_PNG_NAMES = (
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"hIST",
    b"pHYs", b"tIME", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"cICP", b"teSt",
)  # fmt: skip
_JPEG_MARKERS = (*range(0xC0, 0xD0), *range(0xD8, 0xE3), 0xED, 0xEE, 0xEF, 0xFE, 0x01, 0xD0)
_INTERESTING = (0, 1, 2, 3, 4, 6, 8, 16, 32, 0x40, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)
_LARGE = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 60_000, 984, 369, 144)


@dataclass(frozen=True)
class Part:
    """A chunk of a PNG or a segment of a JPEG; `tail` is raw data that follows, such as a scan."""

    name: bytes
    content: bytes
    tail: bytes = b""


def mutant(seed: int) -> tuple[PictureKind, bytes]:
    """Return the kind to check it as, and the mutated picture, for a seed."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    kind, picture = rng.choice(originals())
    changes = rng.choice((1, 1, 1, 2, 3, 6))
    if rng.random() < 0.65:
        picture = _change_parts(rng, picture, changes)
    else:
        for _ in range(changes):
            picture = damage(rng, picture)
        if rng.random() < 0.7:
            picture = with_right_checksums(picture)
    if rng.random() < 0.04:
        picture = picture[: rng.randrange(len(picture) + 1)]
    if rng.random() < 0.04:
        picture += rng.choice((rng.choice(originals())[1], rng.randbytes(99), b"\xff\xd9", b"\0" * 5_000))
    return kind, picture


@functools.cache
def originals() -> tuple[tuple[PictureKind, bytes], ...]:
    """Return the originals with their kinds. Most are small pictures, which are fast to check."""
    small = [artwork.png(144, 144, mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    small += [raw_png(depth, colour, interlaced) for depth, colour in _DEPTHS for interlaced in (0, 1)]
    small += [artwork.jpeg(144, 144, mode, quality=70) for mode in ("L", "RGB", "CMYK")] * 2
    small += [artwork.jpeg(144, 144, progressive=True), artwork.jpeg(144, 144, "L", progressive=True)] * 3
    small += [artwork.jpeg(144, 144, orientation=turn) for turn in (1, 6)] * 2
    with Image.open(io.BytesIO(artwork.png(144, 144))) as image:
        small += [artwork.encode(image, "JPEG", **options) for options in _JPEG_OPTIONS] * 2
    small += [artwork.animated_png(144, 144), artwork.other_format("MPO", 144, 144), artwork.transparent_png(144, 144)]
    small += [artwork.with_chunks(artwork.png(144, 144), *_TEXTS)] * 2
    big = [artwork.png(), artwork.png(mode="P"), artwork.jpeg(), artwork.jpeg(progressive=True)] * 2
    big += [raw_png(16, 6, 1, 984, 369), raw_png(8, 2, 0, 984, 369), *_noise()]
    return (*(("small", picture) for picture in small), *(("big", picture) for picture in big))


_DEPTHS = (
    (1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (2, 3), (4, 3), (8, 3), (8, 4), (16, 4), (8, 6),
    (16, 6),
)  # fmt: skip
_TEXTS = (
    artwork.chunk(b"tEXt", b"Title\0a picture"),
    artwork.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(5_000))),
    artwork.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0\0" + zlib.compress(b"<x/>" * 200)),
    artwork.chunk(b"iCCP", b"ICC\0\0" + zlib.compress(bytes(3_000))),
    artwork.chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0"),
)
_JPEG_OPTIONS: tuple[dict[str, Any], ...] = (
    {"restart_marker_blocks": 3},
    {"subsampling": "4:4:4", "optimize": True},
    {"subsampling": "4:2:2", "comment": b"a comment"},
    {"icc_profile": bytes(2_000), "xmp": b"<x/>"},
)


def _noise() -> Iterator[bytes]:
    """Yield pictures close to the size limit."""
    rng = random.Random(0)  # noqa: S311 - no secret
    yield artwork.encode(Image.frombytes("L", (984, 369), rng.randbytes(984 * 369)), "PNG")
    colours = Image.frombytes("RGB", (984, 369), rng.randbytes(984 * 369 * 3))
    yield artwork.encode(colours, "JPEG", quality=95)
    yield artwork.encode(colours, "JPEG", quality=95, progressive=True)


def raw_png(depth: int, colour: int, interlaced: int, width: int = 144, height: int = 144) -> bytes:
    """Return a PNG with any pixel format, optionally interlaced, with random filters."""
    rng = random.Random(depth * 100 + colour * 10 + interlaced)  # noqa: S311 - no secret
    bits = depth * {2: 3, 4: 2, 6: 4}.get(colour, 1)
    # Start and step of the seven passes, horizontally and vertically: PNG specification, 8.2.
    passes = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    rows = []
    for left, step, top, down in passes if interlaced else ((0, 1, 0, 1),):
        pixels = (width - left + step - 1) // step
        row = (rng.randbytes(8) * pixels)[: (pixels * bits + 7) // 8]
        rows += [bytes([rng.randrange(5)]) + row for _ in range((height - top + down - 1) // down)]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    palette = artwork.chunk(b"PLTE", rng.randbytes(3 << depth)) if colour == 3 else b""
    packed = zlib.compress(b"".join(rows), 1)
    halves = [artwork.chunk(b"IDAT", half) for half in (packed[: len(packed) // 2], packed[len(packed) // 2 :])]
    return b"".join((artwork.PNG_SIGNATURE, artwork.chunk(b"IHDR", header), palette, *halves, artwork.chunk(b"IEND")))


def damage(rng: Rng, data: bytes) -> bytes:
    """Change some bytes at a random position."""
    changed = bytearray(data)
    # Half of the changes are near the start, where the headers are.
    at = rng.randrange(len(changed) + 1 if rng.random() < 0.5 else min(len(changed) + 1, 700))
    length = rng.choice((1, 1, 2, 4, 8, 60, 1000))
    match rng.randrange(8):
        case 0 if at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        case 1:
            changed[at : at + 1] = bytes([rng.choice(_INTERESTING)])
        case 2:
            changed[at : at + 2] = struct.pack(">H", rng.choice(_LARGE) & 0xFFFF)
        case 3:
            changed[at : at + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(_LARGE))
        case 4:
            changed[at : at + length] = rng.randbytes(length)
        case 5:
            del changed[at : at + length]
        case 6:
            changed[at:at] = changed[at : at + length] * rng.choice((1, 1, 3))
        case _:
            changed[at:at] = rng.randbytes(length)
    return bytes(changed)


def split(picture: bytes) -> list[Part]:
    """Split a complete PNG or JPEG into parts."""
    return _split_png(picture) if picture.startswith(artwork.PNG_SIGNATURE) else _split_jpeg(picture)


def join(parts: list[Part]) -> bytes:
    """Join parts to a file with correct lengths, and for a PNG with correct checksums and the signature."""
    if parts and len(parts[0].name) == 4:
        chunks = (artwork.chunk(part.name, part.content) + part.tail for part in parts)
        return artwork.PNG_SIGNATURE + b"".join(chunks)
    return b"\xff\xd8" + b"".join(_segment(part) + part.tail for part in parts)


def _split_png(picture: bytes) -> list[Part]:
    parts, position = [], 8
    while position < len(picture):
        end = position + 8 + int.from_bytes(picture[position : position + 4])
        parts.append(Part(picture[position + 4 : position + 8], picture[position + 8 : end]))
        position = end + 4
    return parts


def _split_jpeg(picture: bytes) -> list[Part]:
    parts, position = [], 2
    while position < len(picture):
        name = picture[position : position + 2]
        if name == b"\xff\xd9":  # an MPO's other picture follows
            return [*parts, Part(name, b"", picture[position + 2 :])]
        end = position + 2 + int.from_bytes(picture[position + 2 : position + 4])
        tail = end
        while name == b"\xff\xda" and (picture[tail] != 0xFF or picture[tail + 1] in (0, *range(0xD0, 0xD8))):
            tail += 1
        parts.append(Part(name, picture[position + 4 : end], picture[end:tail]))
        position = tail
    return parts


def _segment(part: Part) -> bytes:
    bare = part.name in (b"\xff\xd9", b"\xff\xd8", b"\xff\x01")
    return part.name if bare else artwork.segment(part.name[1], part.content[:65_533])


def _change_parts(rng: Rng, picture: bytes, changes: int) -> bytes:
    parts = split(picture)
    png = picture.startswith(artwork.PNG_SIGNATURE)
    for _ in range(changes):
        if parts:
            change = rng.choices(_CHANGES, _WEIGHTS)[0]
            at = rng.randrange(len(parts))
            if at == 0 and change is not _edit:  # a file without its header is refused at once
                at = rng.randrange(len(parts))
            parts[at : at + 1] = change(rng, parts, at, png)
    changed = join(parts) if parts else picture[:8]
    if rng.random() < 0.05:
        changed = damage(rng, changed)  # a length or a checksum, say
    return changed


def _edit(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    """Change the content of a part; for a PNG's data, the inflated content if possible."""
    part = parts[at]
    if png and part.name == b"IHDR" and len(part.content) == 13:
        header = bytearray(part.content)
        header[rng.choice((3, 7, 8, 8, 9, 9, 10, 11, 12, 12))] = rng.choice(_INTERESTING)
        return [replace(part, content=bytes(header))]
    if png and part.name == b"IDAT" and rng.random() < 0.7:
        try:
            rows = zlib.decompressobj().decompress(part.content, 4_000_000)
        except zlib.error:
            rows = b"\5" * 50_000
        return [replace(part, content=zlib.compress(damage(rng, rows), rng.choice((0, 1))))]
    if part.tail and rng.random() < 0.5:
        return [replace(part, tail=damage(rng, part.tail))]
    return [replace(part, content=damage(rng, part.content))]


def _replicate(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    limit = max(2, 600_000 // (len(parts[at].content) + len(parts[at].tail) + 1))
    return [parts[at]] * min(limit, rng.choice((2, 2, 2, 3, 40, 1_100)))


def _delete(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    return []


def _move(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    other = rng.randrange(len(parts))
    moved, parts[other] = parts[other], parts[at]
    return [moved]


def _split_up(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    part = parts[at]
    cut = rng.randrange(len(part.content) + 1)
    return [Part(part.name, part.content[:cut]), Part(part.name, part.content[cut:], part.tail)]


def _rename(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    return [replace(parts[at], name=_any_name(rng, png))]


def _insert(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    content = rng.choice((b"", rng.randbytes(rng.choice((1, 4, 8, 13, 26))), b"k\0\0" + zlib.compress(bytes(9_000))))
    if not png:
        content = rng.choice((b"Exif\0\0MM\0*", b"MPF\0II*\0", b"ICC_PROFILE\0", b"Adobe", b"JFIF\0", b"")) + content
    return [Part(_any_name(rng, png), content), parts[at]]


def _splice(rng: Rng, parts: list[Part], at: int, png: bool) -> list[Part]:
    """Insert a part of another picture."""
    donors = [picture for _, picture in originals() if picture.startswith(artwork.PNG_SIGNATURE) == png]
    return [rng.choice(split(rng.choice(donors))), *parts[at : at + rng.randrange(2)]]


def _any_name(rng: Rng, png: bool) -> bytes:
    return rng.choice(_PNG_NAMES) if png else bytes([0xFF, rng.choice(_JPEG_MARKERS)])


_CHANGES: tuple[Callable[[Rng, list[Part], int, bool], list[Part]], ...] = (
    _edit, _replicate, _delete, _move, _split_up, _rename, _insert, _splice,
)  # fmt: skip
_WEIGHTS = (8, 2, 1, 2, 1, 1, 2, 3)


def with_right_checksums(content: bytes) -> bytes:
    """Repair the checksums of a PNG, so that the mutation reaches later checks."""
    if content[:8] != artwork.PNG_SIGNATURE:
        return content
    repaired, position = bytearray(content), 8
    while position + 12 <= len(content):
        end = position + 8 + int.from_bytes(content[position : position + 4])
        if end + 4 > len(content):
            break
        repaired[end : end + 4] = struct.pack(">I", zlib.crc32(content[position + 4 : end]))
        position = end + 4
    return bytes(repaired)
