"""What counts as no value: what templates make of one."""

from __future__ import annotations


def is_blank(value: object) -> bool:
    """Tell whether a value means "none": None, blank text, and the words that Jinja makes of a missing XCom."""
    return value is None or (isinstance(value, str) and value.strip() in ("", "None", "null"))
