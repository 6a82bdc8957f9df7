"""Blank values of templates."""

from __future__ import annotations


def is_blank(value: object) -> bool:
    """Return whether a value is None, blank text, or the text that Jinja renders for a missing XCom."""
    return value is None or (isinstance(value, str) and value.strip() in ("", "None", "null"))
