"""Blank values of templates, data frames and manifests."""

from __future__ import annotations

from typing import Final

_BLANK_TEXTS: Final = frozenset({"", "None", "null", "nan", "NaN", "NaT", "<NA>"})


def is_blank(value: object) -> bool:
    """Return whether a value is None, blank text, or a missing value of a data frame: NaN, NaT, NA or their texts.

    Jinja renders a missing XCom as the text ``None``.
    """
    if value is None or isinstance(value, (str, float)):
        return value is None or str(value).strip() in _BLANK_TEXTS
    return type(value).__name__ in ("NAType", "NaTType")  # of pandas, which this package does not import
