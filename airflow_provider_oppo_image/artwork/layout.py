"""Layout of artwork in a picture: the visible part and its position. Pure, and without Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.errors import ConfigurationError

Fit: TypeAlias = Literal["cover", "contain"]
Size: TypeAlias = tuple[int, int]

FITS: Final[tuple[Fit, ...]] = get_args(Fit)
CENTER: Final = (0.5, 0.5)


@dataclass(frozen=True)
class Layout:
    """The layout of artwork in a picture.

    :param fit: "cover" fills the picture and crops the artwork; "contain" shows the complete artwork with padding.
    :param focus: a point of the artwork, as two fractions from 0 to 1, inclusive, from its left and its top. With
        "cover", the visible part is around this point, as far as the artwork allows. With "contain", it is the position
        of the artwork: 0 at the left or the top, 1 at the right or the bottom.
    :param background: the CSS colour behind the artwork and of the padding. A colour that is not opaque, such as
        "transparent", keeps the artwork's transparency.
    :param enlarge: accept and enlarge artwork that is too small.
    :raises ConfigurationError: if the fit or the focus is not valid.
    """

    fit: Fit = "cover"
    focus: Sequence[float] = CENTER
    background: str = "white"
    enlarge: bool = False

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ConfigurationError(f"fit must be cover or contain, not {self.fit!r}.")
        if not _is_point(self.focus):
            raise ConfigurationError(
                "focus must be two numbers from 0 to 1, as fractions from the left and the top, such as (0.5, 0.3), "
                f"not {self.focus!r}."
            )


@dataclass(frozen=True)
class Placement:
    """The visible part of artwork, and its size and position in the picture.

    :param part: left, top, right and bottom of the visible part, in pixels of the artwork, the first two inclusive.
    :param size: the size of the part in the picture, in pixels.
    :param at: the position of its upper left corner in the picture, in pixels.
    :param scale: pixels of the picture per pixel of the artwork; above 1 the artwork is too small.
    """

    part: tuple[float, float, float, float]
    size: Size
    at: tuple[int, int]
    scale: float


def compute_placement(artwork: Size, picture: Size, layout: Layout) -> Placement:
    """Return the placement of artwork in a picture.

    :param artwork: width and height of the artwork in pixels.
    :param picture: width and height of the picture in pixels.
    :param layout: the layout.
    """
    ratios = [target / available for target, available in zip(picture, artwork, strict=True)]
    if layout.fit == "cover":
        scale = max(ratios)
        (left, right), (top, bottom) = (
            _around(focus * available, min(available, target / scale), available)
            for focus, available, target in zip(layout.focus, artwork, picture, strict=True)
        )
        return Placement((left, top, right, bottom), picture, (0, 0), scale)
    scale = min(ratios)
    width, height = (
        min(target, max(1, round(available * scale))) for available, target in zip(artwork, picture, strict=True)
    )
    at = round((picture[0] - width) * layout.focus[0]), round((picture[1] - height) * layout.focus[1])
    return Placement((0, 0, *artwork), (width, height), at, scale)


def _around(point: float, length: float, available: int) -> tuple[float, float]:
    """Return the start and the end of a length around a point, within the available length."""
    # The start is a whole pixel, so artwork that is not scaled is copied unchanged.
    start = min(max(0, round(point - length / 2)), available - length)
    return start, start + length


def _is_point(value: object) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return False
    return all(isinstance(part, int | float) and math.isfinite(part) and 0 <= part <= 1 for part in value)
