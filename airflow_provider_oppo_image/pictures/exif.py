"""The directory of an EXIF block: how the picture is to be turned, and whether reading the rest is safe."""

from __future__ import annotations

import struct
from typing import Final

from airflow_provider_oppo_image.pictures.facts import Broken

MAX_ENTRIES: Final = 1_000
"""More entries than any camera writes; each may point to the whole block, so that their number is a bomb's fuse."""

_ORIENTATION: Final = 0x0112
_BYTES_BY_TYPE: Final = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)


def read_orientation(block: bytes) -> int:
    """Return how viewers that heed EXIF turn the picture.

    :param block: a TIFF structure, as EXIF and multi-picture JPEGs carry it: its first directory is read.
    :return: 1 (as it is) to 8; 1 where the block does not say or cannot be read.
    :raises Broken: when its entries claim more than a decoder should follow.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return 1
    if 43 in block[2:4]:
        raise Broken("its metadata are a BigTIFF, which no camera writes")
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(f"{order}H", block, start)
    if count > MAX_ENTRIES:
        raise Broken(f"its metadata have {count:,} entries")
    orientation, claimed = 1, 0
    for position in range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", block, position)
        claimed += number * (_BYTES_BY_TYPE[kind] if kind < len(_BYTES_BY_TYPE) else 0)
        if tag == _ORIENTATION and kind == 3:
            (orientation,) = struct.unpack_from(f"{order}H", block, position + 8)
    if claimed > len(block):
        raise Broken("its metadata claim to be longer than they are")
    return orientation if 1 <= orientation <= 8 else 1
