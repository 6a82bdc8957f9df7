"""Small files that make a careless parser use much time or memory, by name."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

from tests.support import artwork

BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "header": artwork.header_bomb,
    "data": lambda: artwork.data_bomb(90),
    "text": lambda: artwork.text_bomb(90),
    "chunks": artwork.many_chunks,
    "markers": artwork.endless_markers,
    "fill": artwork.endless_fill,
    "scans": artwork.many_scans,
    "EXIF": artwork.exif_bomb,
    "EXIF entries": lambda: artwork.exif_bomb(900),
    "EXIF in parts below the limit": lambda: artwork.with_segments(
        artwork.jpeg(), *[_segment(0xE1, b"Exif\0\0")] * 970
    ),
    "EXIF without end": lambda: b"\xff\xd8" + _segment(0xE1, b"Exif\0\0") * 1_020,
    "scans below the limit": lambda: artwork.many_scans(60_000),
    "chunks below the limit": lambda: artwork.many_chunks(1_900),
    "texts below the limit": lambda: artwork.with_chunks(
        artwork.png(), *(artwork.chunk(b"zTXt", b"%d\0\0" % n + zlib.compress(bytes(520))) for n in range(1_900))
    ),
    "tables below the limit": lambda: artwork.with_segments(
        artwork.jpeg(), *[artwork.segment(0xDB, (b"\0" + bytes(range(1, 65))) * 15)] * 950
    ),
    "stuffing": lambda: artwork.jpeg()[:-2] + b"\xff\0" * 500_000 + b"\xff\xd9",
    "resources": lambda: artwork.with_segments(
        artwork.jpeg(), artwork.segment(0xED, b"Photoshop 3.0\0" + b"8BIM" * 9_000)
    ),
}
"""Bombs below the size limit, which the check reads."""

HEAVY_BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "a text of 1 GB": lambda: artwork.text_bomb(1_024),
    "100,000 chunks": lambda: artwork.many_chunks(100_000),
    "markers by the million": lambda: artwork.endless_markers(4_000_000),
}
"""Bombs above the size limit, which the check refuses."""


def _segment(marker: int, start: bytes) -> bytes:
    return artwork.segment(marker, start.ljust(1_000, b"x"))
