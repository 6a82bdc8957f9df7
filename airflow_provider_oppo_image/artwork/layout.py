"""How artwork is laid out in a picture: which part of it is shown, and where. Pure, and without Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.errors import ConfigurationError

Fit: TypeAlias = Literal["cover", "contain"]
Size: TypeAlias = tuple[int, int]

FITS: Final[tuple[Fit, ...]] = get_args(Fit)
CENTRE: Final = (0.5, 0.5)


@dataclass(frozen=True)
class Layout:
    """How artwork is to be laid out.

    :param fit: "cover" fills the picture and crops what is too much; "contain" shows all of the artwork and pads.
    :param focus: a point of the artwork, as two fractions from its left and from its top, 0 to 1, inclusive. With
        "cover" what is shown lies around it, as far as the artwork reaches; with "contain" it says where the artwork
        goes: 0 to the left or the top, 1 to the right or the bottom.
    :param background: the colour behind the artwork and of the padding, as CSS names or writes it. One that lets
        something through, such as "transparent", keeps the artwork's transparency.
    :param enlarge: enlarge artwork that is too small, instead of refusing it.
    :raises ConfigurationError: for a fit or a focus that is none.
    """

    fit: Fit = "cover"
    focus: Sequence[float] = CENTRE
    background: str = "white"
    enlarge: bool = False

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ConfigurationError(f"fit is {self.fit!r}; it must be cover or contain.")
        if not _is_point(self.focus):
            raise ConfigurationError(
                f"focus is {self.focus!r}; it must be two numbers from 0 to 1, as fractions from the left and the top, "
                "such as (0.5, 0.3)."
            )


@dataclass(frozen=True)
class Placement:
    """Where a part of the artwork comes to lie.

    :param part: the part that is shown: left, top, right and bottom, in pixels of the artwork, the first two inclusive.
    :param size: the size of that part in the picture, in pixels.
    :param at: where its left upper corner lies in the picture, in pixels.
    :param scale: pixels of the picture for a pixel of the artwork; above 1 the artwork is too small.
    """

    part: tuple[float, float, float, float]
    size: Size
    at: tuple[int, int]
    scale: float


def compute_placement(artwork: Size, picture: Size, layout: Layout) -> Placement:
    """Say which part of the artwork is shown, and where.

    :param artwork: its width and height, in pixels.
    :param picture: the width and height that are asked for, in pixels.
    :param layout: how.
    """
    ratios = [wanted / there for wanted, there in zip(picture, artwork, strict=True)]
    if layout.fit == "cover":
        scale = max(ratios)
        (left, right), (top, bottom) = (
            _around(focus * there, min(there, wanted / scale), there)
            for focus, there, wanted in zip(layout.focus, artwork, picture, strict=True)
        )
        return Placement((left, top, right, bottom), picture, (0, 0), scale)
    scale = min(ratios)
    width, height = (min(wanted, max(1, round(there * scale))) for there, wanted in zip(artwork, picture, strict=True))
    at = round((picture[0] - width) * layout.focus[0]), round((picture[1] - height) * layout.focus[1])
    return Placement((0, 0, *artwork), (width, height), at, scale)


def _around(point: float, length: float, there: int) -> tuple[float, float]:
    """Return the beginning and the end of a length around a point, within what is there."""
    # From a whole pixel on, so that what needs no scaling is copied as it is.
    start = min(max(0, round(point - length / 2)), there - length)
    return start, start + length


def _is_point(value: object) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return False
    return all(isinstance(part, int | float) and math.isfinite(part) and 0 <= part <= 1 for part in value)
