"""Hand-made ICC profiles with primaries and a curve, as cameras and screens write them (ICC.1:2001)."""

from __future__ import annotations

import struct
from typing import Final

_SRGB: Final = {"r": (0.4361, 0.2225, 0.0139), "g": (0.3851, 0.7169, 0.0971), "b": (0.1431, 0.0606, 0.7141)}
"""The primaries of sRGB, adapted to the white point of profiles."""


def swapped() -> bytes:
    """Return a profile that swaps red and blue."""
    return _profile(b"RGB ", {"r": _SRGB["b"], "g": _SRGB["g"], "b": _SRGB["r"]})


def grey(gamma: float) -> bytes:
    """Return a grey profile with this gamma."""
    return _profile(b"GRAY", {}, gamma)


def _profile(space: bytes, primaries: dict[str, tuple[float, float, float]], gamma: float = 2.2) -> bytes:
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": _xyz(0.9642, 1.0, 0.8249), b"desc": _text(), b"cprt": b"text" + bytes(4) + b"none\0\0\0\0"}
    if primaries:
        tags |= {name.encode() + b"XYZ": _xyz(*primary) for name, primary in primaries.items()}
        tags |= {name.encode() + b"TRC": curve for name in primaries}
    else:
        tags[b"kTRC"] = curve
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp"
    header = header.ljust(68, b"\0") + _xyz(0.9642, 1.0, 0.8249)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(value * 65_536)) for value in values)


def _text() -> bytes:
    words = b"made by hand\0"
    return (b"desc" + bytes(4) + struct.pack(">I", len(words)) + words + bytes(78)).ljust(104, b"\0")
