"""What is known about a file, and what its parsers raise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What is known about a file.

    :param format: its name, as `formats.name_format` gives it; None when nothing was recognised.
    :param width: pixels, as stored; None where it was not found out.
    :param height: pixels, as stored; None where it was not found out.
    :param animated: it has more than one frame.
    :param cmyk: it is in printing colours.
    :param orientation: how its EXIF turns it, 1 (not at all) to 8.
    :param coding: what is unusual about its coding, where phones cannot decode that.
    :param invisible: every pixel is transparent.
    :param truncated: it ends before the picture does.
    :param broken: why it cannot be decoded.
    """

    format: str | None
    width: int | None = None
    height: int | None = None
    animated: bool = False
    cmyk: bool = False
    orientation: int = 1
    coding: str | None = None
    invisible: bool = False
    truncated: bool = False
    broken: str | None = None


class Truncated(Exception):  # noqa: N818 - no error: the first bytes of a download are truncated too
    """The bytes end before the picture does; so far nothing is wrong."""


class Broken(Exception):  # noqa: N818 - named as its twin
    """The bytes are no picture of their format, or one made to harm; the text says why."""
