"""What the parsers of PNG and JPEG raise."""

from __future__ import annotations


class Truncated(Exception):  # noqa: N818 - it is no error in the first bytes of a download
    """The bytes end before the picture does; so far nothing is wrong."""


class Broken(Exception):  # noqa: N818 - named as its twin
    """The bytes are no picture of their format, or one made to harm; the text says why."""
