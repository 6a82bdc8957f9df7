"""Scaling, as light does it.

The numbers of a picture are no amounts of light: the mean of black and white is a grey that looks too dark. So what is
made smaller is averaged as light, in floating point, its colours weighted by how much they cover; fine lines and text
keep their weight. What is made larger is scaled as it is stored, since in light the filter's rings would show.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeAlias, cast

from PIL import Image, ImageMath

from airflow_provider_oppo_image.artwork.layout import Placement, Size

_FULL: Final = 65_535
_ROWS: Final = 512
"""So many rows of the artwork are in floating point at once, where they take four times their memory."""

_LANCZOS: Final = Image.Resampling.LANCZOS
_LOBES: Final = 3

_Strips: TypeAlias = Callable[[tuple[int, int, int, int]], Image.Image]


def _to_light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _from_light(light: float) -> float:
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


# Source of the curve: IEC 61966-2-1, sRGB.
_TO_LIGHT: Final = [_to_light(value / 255) * _FULL for value in range(256)]
_FROM_LIGHT: Final = [round(_from_light(light / _FULL) * 255) for light in range(_FULL + 1)]


def resample(image: Image.Image, placement: Placement) -> Image.Image:
    """Return a part of a picture, in the size that it is to have.

    :param image: in the mode "RGB" or "RGBA".
    :param placement: which part, and the size.
    """
    if placement.scale >= 1:
        return image.resize(placement.size, _LANCZOS, box=placement.part)
    if image.mode == "RGB":
        return Image.merge("RGB", _values([_shrink(_light_of(band), image.size, placement) for band in image.split()]))
    *colours, alpha = image.split()
    cover = _shrink(lambda box: alpha.crop(box).convert("F"), image.size, placement)
    light = [_unweighted(_shrink(_light_of(band, alpha), image.size, placement), cover) for band in colours]
    return Image.merge("RGBA", [*_values(light), cover.point(lambda value: value * 1.0 + 0.5).convert("L")])


def _light_of(band: Image.Image, alpha: Image.Image | None = None) -> _Strips:
    """Return what gives the light of a strip of a colour, weighted by how much it covers."""

    def strip(box: tuple[int, int, int, int]) -> Image.Image:
        light = band.crop(box).point(_TO_LIGHT, "F")
        if alpha is None:
            return light
        return cast(
            "Image.Image", ImageMath.lambda_eval(lambda a: a["light"] * a["alpha"], light=light, alpha=alpha.crop(box))
        )

    return strip


def _unweighted(light: Image.Image, cover: Image.Image) -> Image.Image:
    return cast(
        "Image.Image",
        ImageMath.lambda_eval(lambda a: a["light"] / a["max"](a["cover"], 0.01), light=light, cover=cover),
    )


def _values(planes: list[Image.Image]) -> list[Image.Image]:
    """Return the numbers that stand for light; of all planes at once, since Pillow reads the table anew each time."""
    width, height = planes[0].size
    column = Image.new("F", (width, height * len(planes)))
    for number, plane in enumerate(planes):
        column.paste(plane, (0, number * height))
    values = column.convert("I").point(_FROM_LIGHT, "L")
    return [values.crop((0, number * height, width, (number + 1) * height)) for number in range(len(planes))]


def _shrink(strips: _Strips, artwork: Size, placement: Placement) -> Image.Image:
    """Return the part of a plane in its size: made narrower strip by strip, and then lower."""
    left, top, right, bottom = placement.part
    width, rows = placement.size
    reach = math.ceil(_LOBES / placement.scale) + 1  # rows beyond the part that the filter looks at
    first, last = max(0, math.floor(top) - reach), min(artwork[1], math.ceil(bottom) + reach)
    narrow = Image.new("F", (width, last - first))
    for row in range(first, last, _ROWS):
        strip = strips((0, row, artwork[0], min(row + _ROWS, last)))
        narrow.paste(
            strip.resize((width, strip.height), _LANCZOS, box=(left, 0, right, strip.height)), (0, row - first)
        )
    return narrow.resize((width, rows), _LANCZOS, box=(0, top - first, width, bottom - first))
