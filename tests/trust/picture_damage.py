"""Damage to picture files, as transfers, disks and editors do it, by name.

Each function takes a source of chance, a picture and another picture of the same format, and returns the damaged file,
or None where this damage is not possible. All of a PNG's lengths and checksums are right afterwards, unless the damage
is to the bytes of the file.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from tests.support import artwork
from tests.support.mutations import Part, join, split

Chance: TypeAlias = random.Random
Damage: TypeAlias = Callable[[Chance, bytes, bytes], bytes | None]

_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_PROGRESSIVE: Final = b"\xff\xc2"


def damage(chance: Chance, picture: bytes, other: bytes) -> tuple[str, bytes]:
    """Return the name of some damage that is possible, and the damaged file."""
    kinds = PNG_DAMAGE if picture.startswith(artwork.PNG_SIGNATURE) else JPEG_DAMAGE
    while True:
        name = chance.choice(list(kinds))
        damaged = kinds[name](chance, picture, other)
        if damaged is not None and damaged != picture:
            return name, damaged


def _start_of_data(picture: bytes) -> int:
    """Return where the picture's data begin."""
    if picture.startswith(artwork.PNG_SIGNATURE):
        return picture.index(b"IDAT") + 4
    parts = split(picture)
    first = next(number for number, part in enumerate(parts) if part.name == _SCAN)
    return len(join([*parts[:first], replace(parts[first], tail=b"")]))


def _end_of_data(picture: bytes) -> int:
    if picture.startswith(artwork.PNG_SIGNATURE):
        return picture.rindex(b"IEND") - 8
    return len(join(split(picture)[:-1]))


def _piece(chance: Chance, picture: bytes) -> tuple[int, int]:
    """Return where a piece of the picture's data begins and ends."""
    start, end = _start_of_data(picture), _end_of_data(picture)
    if end - start < 16:
        return start, end
    first = chance.randrange(start, end - 8)
    length = chance.choice((4, 16, 64, 512, 4_096, (end - first) // 3, (end - start) // 2))
    return first, min(first + max(length, 4), end)


def cut(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """An upload that broke off."""
    return picture[: chance.randrange(_start_of_data(picture) + 1, _end_of_data(picture) + 2)]


def cut_with_end(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """A file that broke off, and to which some tool added an end."""
    end = artwork.chunk(b"IEND") if picture.startswith(artwork.PNG_SIGNATURE) else _END
    return picture[: chance.randrange(_start_of_data(picture), _end_of_data(picture))] + end


def hole_of_zeros(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """A block that was never written."""
    start, end = _piece(chance, picture)
    return picture[:start] + bytes(end - start) + picture[end:]


def hole_of_noise(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """A block of another file."""
    start, end = _piece(chance, picture)
    return picture[:start] + chance.randbytes(end - start) + picture[end:]


def piece_removed(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """A packet that was lost."""
    start, end = _piece(chance, picture)
    return picture[:start] + picture[end:]


def piece_doubled(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """A packet that came twice."""
    start, end = _piece(chance, picture)
    return picture[:end] + picture[start:]


def half_old_half_new(chance: Chance, picture: bytes, other: bytes) -> bytes:
    """A file that is being overwritten in place."""
    at = chance.randrange(_start_of_data(picture), _end_of_data(picture))
    return other[:at] + picture[at:] if at < len(other) else picture[:at] + other[at:]


def _with_parts(picture: bytes, change: Callable[[list[Part]], list[Part] | None]) -> bytes | None:
    parts = change(split(picture))
    return None if parts is None else join(parts)


def _scans(parts: Sequence[Part]) -> list[int]:
    return [number for number, part in enumerate(parts) if part.name == _SCAN]


def _choose_scan(chance: Chance, parts: Sequence[Part]) -> int | None:
    """Return the number of a scan of a file with several."""
    scans = _scans(parts)
    return chance.choice(scans) if len(scans) > 1 else None


def no_data(_: Chance, picture: bytes, __: bytes) -> bytes | None:
    """Nothing but headers and an end marker."""
    return _with_parts(picture, lambda parts: [replace(part, tail=b"") for part in parts])


def first_scans_only(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """The first scans, and an end marker: a blur."""

    def change(parts: list[Part]) -> list[Part] | None:
        scans = _scans(parts)
        return None if len(scans) < 2 else [*parts[: chance.choice(scans[1:])], parts[-1]]

    return _with_parts(picture, change)


def scan_removed(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """A scan is missing, such as a colour's."""

    def change(parts: list[Part]) -> list[Part] | None:
        scan = _choose_scan(chance, parts)
        return None if scan is None else parts[:scan] + parts[scan + 1 :]

    return _with_parts(picture, change)


def colour_scans_removed(_: Chance, picture: bytes, __: bytes) -> bytes | None:
    """All scans of nothing but colours are missing."""

    def change(parts: list[Part]) -> list[Part] | None:
        kept = [part for part in parts if part.name != _SCAN or part.content[0] > 1 or part.content[1] in (0, 1)]
        return kept if len(kept) < len(parts) else None

    return _with_parts(picture, change)


def scans_exchanged(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """Two scans stand in each other's place."""

    def change(parts: list[Part]) -> list[Part] | None:
        scans = _scans(parts)
        if len(scans) < 2:
            return None
        one, two = chance.sample(scans, 2)
        parts[one], parts[two] = parts[two], parts[one]
        return parts

    return _with_parts(picture, change)


def scan_data_cut(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """A scan's data end early, and all others are whole."""

    def change(parts: list[Part]) -> list[Part] | None:
        scan = chance.choice(_scans(parts))
        tail = parts[scan].tail
        if len(tail) < 4:
            return None
        parts[scan] = replace(parts[scan], tail=tail[: chance.randrange(len(tail) - 2)].rstrip(b"\xff"))
        return parts

    return _with_parts(picture, change)


def restart_interval_lost(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """The data from one restart marker to the next are missing, or come twice."""

    def change(parts: list[Part]) -> list[Part] | None:
        scan = chance.choice(_scans(parts))
        tail = parts[scan].tail
        markers = [at for at in range(len(tail) - 1) if tail[at] == 0xFF and 0xD0 <= tail[at + 1] <= 0xD7]
        if len(markers) < 3:
            return None
        one = chance.randrange(len(markers) - 2)
        start, end = markers[one], markers[min(one + chance.choice((1, 8)), len(markers) - 1)]
        doubled = chance.random() < 0.5
        parts[scan] = replace(parts[scan], tail=tail[:end] + tail[start:] if doubled else tail[:start] + tail[end:])
        return parts

    return _with_parts(picture, change)


def segment_removed(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """A table or a header is missing."""
    return _with_parts(picture, lambda parts: _without(parts, chance.randrange(len(parts) - 1)))


def segment_doubled(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """A table, a header or a scan comes twice."""
    return _with_parts(picture, lambda parts: _with_two(parts, chance.randrange(len(parts) - 1)))


def stray_bytes_and_cut(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """Stray bytes in the header, of which decoders warn first, and data that end early."""
    parts = split(picture)
    at = len(join(parts[: chance.randrange(1, len(parts) - 1)]))
    if at > _start_of_data(picture):
        return None
    end = chance.randrange(_start_of_data(picture), _end_of_data(picture))
    return picture[:at] + b"\0" * chance.randrange(1, 9) + picture[at:end] + _END


def _without(parts: list[Part], at: int) -> list[Part]:
    return parts[:at] + parts[at + 1 :]


def _with_two(parts: list[Part], at: int) -> list[Part]:
    return parts[: at + 1] + parts[at:]


def _with_data(picture: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change the compressed data of a PNG, as one chunk."""
    parts = split(picture)
    at = next(number for number, part in enumerate(parts) if part.name == b"IDAT")
    packed = b"".join(part.content for part in parts if part.name == b"IDAT")
    rest = [part for part in parts if part.name != b"IDAT"]
    return join([*rest[:at], Part(b"IDAT", change(packed)), *rest[at:]])


def rows_missing(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """The data are whole, and there are fewer rows in them."""

    def change(packed: bytes) -> bytes:
        rows = zlib.decompress(packed)
        return zlib.compress(rows[: chance.randrange(len(rows))], 1)

    return _with_data(picture, change)


def data_without_end(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """The data lack their checksum, or a part of it, or more."""
    return _with_data(picture, lambda packed: packed[: -chance.choice((1, 4, 5, 6, 100))])


def data_with_wrong_checksum(_: Chance, picture: bytes, __: bytes) -> bytes:
    """The data's own checksum is wrong."""
    return _with_data(picture, lambda packed: packed[:-1] + bytes([packed[-1] ^ 1]))


def data_damaged(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """The data are damaged, and the chunk's checksum was made after that."""

    def change(packed: bytes) -> bytes:
        at = chance.randrange(2, max(len(packed) - 4, 3))
        return packed[:at] + chance.choice((b"", bytes(8), chance.randbytes(3))) + packed[at + 8 :]

    return _with_data(picture, change)


def small_window(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """The data say that less must be remembered than they refer to."""

    def change(packed: bytes) -> bytes:
        first = chance.randrange(8) << 4 | 8
        return bytes([first, 31 - (first << 8) % 31]) + packed[2:]

    return _with_data(picture, change)


def unknown_filter(chance: Chance, picture: bytes, _: bytes) -> bytes:
    """A row's filter does not exist."""

    def change(packed: bytes) -> bytes:
        rows = bytearray(zlib.decompress(packed))
        rows[0] = chance.randrange(5, 256)
        return zlib.compress(rows, 1)

    return _with_data(picture, change)


def header_changed(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """The header names another method, depth or colour type."""

    def change(parts: list[Part]) -> list[Part]:
        header = bytearray(parts[0].content)
        header[chance.choice((8, 9, 10, 10, 11, 12))] = chance.choice((0, 1, 2, 3, 4, 6, 7, 8, 16, 32, 128))
        return [replace(parts[0], content=bytes(header)), *parts[1:]]

    return _with_parts(picture, change)


def palette_changed(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """The palette is empty, of a wrong length, missing, doubled or late."""

    def change(parts: list[Part]) -> list[Part] | None:
        at = next((number for number, part in enumerate(parts) if part.name == b"PLTE"), None)
        if at is None:
            return None
        palette, others = parts[at], _without(parts, at)
        changed = chance.choice((b"", palette.content[:13], palette.content + b"\0", None))
        if changed is not None:
            return [*parts[:at], replace(palette, content=changed), *parts[at + 1 :]]
        return chance.choice((others, _with_two(parts, at), [*others[:-1], palette, others[-1]], [palette, *others]))

    return _with_parts(picture, change)


def critical_chunk_added(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """A chunk that a decoder must know, and that none does."""
    chunk = Part(chance.choice((b"ABCD", b"IHDr", b"JDAT")), chance.randbytes(8))
    return _with_parts(picture, lambda parts: [*parts[:1], chunk, *parts[1:]])


def chunks_apart(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """The data's chunks have another chunk between them."""

    def change(parts: list[Part]) -> list[Part] | None:
        data = [number for number, part in enumerate(parts) if part.name == b"IDAT"]
        if len(data) < 2:
            return None
        at = chance.choice(data[1:])
        return [*parts[:at], Part(b"tEXt", b"Title\0apart"), *parts[at:]]

    return _with_parts(picture, change)


def chunks_exchanged(chance: Chance, picture: bytes, _: bytes) -> bytes | None:
    """Two chunks stand in each other's place."""

    def change(parts: list[Part]) -> list[Part] | None:
        one, two = chance.sample(range(len(parts)), 2)
        parts[one], parts[two] = parts[two], parts[one]
        return parts

    return _with_parts(picture, change)


def data_of_another(_: Chance, picture: bytes, other: bytes) -> bytes | None:
    """The header of one picture, and the data of another."""
    parts = [part for part in split(picture) if part.name != b"IDAT"]
    data = [part for part in split(other) if part.name == b"IDAT"]
    return join([*parts[:-1], *data, parts[-1]])


def _named(*functions: Damage) -> Iterator[tuple[str, Damage]]:
    for function in functions:
        yield function.__name__.replace("_", " "), function  # type: ignore[attr-defined]


_BOTH: Final = (
    cut, cut_with_end, hole_of_zeros, hole_of_noise, piece_removed, piece_doubled, half_old_half_new, segment_removed,
    segment_doubled,
)  # fmt: skip

JPEG_DAMAGE: Final[dict[str, Damage]] = dict(
    _named(
        *_BOTH, no_data, first_scans_only, scan_removed, colour_scans_removed, scans_exchanged, scan_data_cut,
        restart_interval_lost, stray_bytes_and_cut,
    )
)  # fmt: skip
PNG_DAMAGE: Final[dict[str, Damage]] = dict(
    _named(
        *_BOTH, rows_missing, data_without_end, data_with_wrong_checksum, data_damaged, small_window, unknown_filter,
        header_changed, palette_changed, critical_chunk_added, chunks_apart, chunks_exchanged, data_of_another,
    )
)  # fmt: skip

MISSING: Final = frozenset(
    ("first scans only", "scan removed", "colour scans removed", "no data", "rows missing", "data without end",
     "data with wrong checksum")
)  # fmt: skip
"""Damage after which something is missing, though decoders do not notice all of it."""


def originals() -> list[tuple[str, bytes]]:
    """Return pictures of many makes, all whole, by name."""
    from tests.support.mutations import _DEPTHS, raw_png

    found = [
        (f"PNG of {depth} bits, colour type {colour}{', interlaced' * interlaced}, {width} px",
         raw_png(depth, colour, interlaced, width, height))
        for depth, colour in _DEPTHS
        for interlaced in (0, 1)
        for width, height in ((144, 144), (984, 369), (61, 33))
    ]  # fmt: skip
    found += [(f"PNG {mode}", artwork.png(984, 369, mode)) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    options = (
        {}, {"optimize": True}, {"progressive": True}, {"restart_marker_blocks": 7}, {"subsampling": "4:4:4"},
        {"progressive": True, "restart_marker_rows": 2}, {"subsampling": "4:2:2"}, {"quality": 30}, {"quality": 95},
    )  # fmt: skip
    for mode in ("RGB", "L"):
        for size in ((984, 369), (144, 144)):
            for turn in (0, 1):
                image = artwork._image(*size, mode, turn)
                found += [
                    (f"JPEG {mode} {size} {turn} {choice}", artwork.encode(image, "JPEG", **choice))
                    for choice in options
                ]
    return found
