"""Resampling: downscaling in linear light (gamma-correct), and upscaling in sRGB.

sRGB values are not proportional to light: their mean for black and white is too dark a grey. So downscaling averages
linear light in floating point, weighted by opacity, and fine lines and text keep their weight. Upscaling in linear
light would make the ringing of the filter visible.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from PIL import Image, ImageMath

from airflow_provider_oppo_image.artwork.layout import Placement, Size

_MAX_LIGHT: Final = 65_535
_ROWS: Final = 512
"""Rows that are in floating point at once, since this needs four times as much memory."""

_LANCZOS: Final = Image.Resampling.LANCZOS
_LOBES: Final = 3

_GetStrip: TypeAlias = Callable[[tuple[int, int, int, int]], Image.Image]


def _to_light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _from_light(light: float) -> float:
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


# Source of the curve: IEC 61966-2-1, sRGB.
_TO_LIGHT: Final = [_to_light(value / 255) * _MAX_LIGHT for value in range(256)]
_FROM_LIGHT: Final = [round(_from_light(light / _MAX_LIGHT) * 255) for light in range(_MAX_LIGHT + 1)]


def resample(image: Image.Image, placement: Placement) -> Image.Image:
    """Return a part of an image, scaled to its size in the picture.

    :param image: in the mode "RGB" or "RGBA".
    :param placement: the part and the size.
    """
    if placement.scale >= 1:
        return image.resize(placement.size, _LANCZOS, box=placement.part)
    if image.mode == "RGB":
        light = [_downscale(_light_of(band), image.size, placement) for band in image.split()]
        return Image.merge("RGB", _to_srgb(light))
    *colours, alpha = image.split()
    opacity = _downscale(lambda box: alpha.crop(box).convert("F"), image.size, placement)
    light = [_unweighted(_downscale(_light_of(band, alpha), image.size, placement), opacity) for band in colours]
    return Image.merge("RGBA", [*_to_srgb(light), opacity.point(lambda value: value * 1.0 + 0.5).convert("L")])


def compute(formula: Callable[[dict[str, Any]], object], **images: Image.Image) -> Image.Image:
    """Return the image of a formula of images, evaluated for each pixel."""
    return cast("Image.Image", ImageMath.lambda_eval(formula, **images))


def _light_of(band: Image.Image, alpha: Image.Image | None = None) -> _GetStrip:
    """Return a function that returns the linear light in a strip of a band, weighted by opacity."""

    def strip(box: tuple[int, int, int, int]) -> Image.Image:
        light = band.crop(box).point(_TO_LIGHT, "F")
        if alpha is None:
            return light
        return compute(lambda a: a["light"] * a["alpha"], light=light, alpha=alpha.crop(box))

    return strip


def _unweighted(light: Image.Image, opacity: Image.Image) -> Image.Image:
    return compute(lambda a: a["light"] / a["max"](a["opacity"], 0.01), light=light, opacity=opacity)


def _to_srgb(bands: list[Image.Image]) -> list[Image.Image]:
    """Return the sRGB values of bands in linear light; of all at once, since Pillow copies the table each time."""
    width, height = bands[0].size
    column = Image.new("F", (width, height * len(bands)))
    for number, band in enumerate(bands):
        column.paste(band, (0, number * height))
    values = column.convert("I").point(_FROM_LIGHT, "L")
    return [values.crop((0, number * height, width, (number + 1) * height)) for number in range(len(bands))]


def _downscale(get_strip: _GetStrip, artwork: Size, placement: Placement) -> Image.Image:
    """Return the part of a band in its new size: first narrower, strip by strip, then lower."""
    left, top, right, bottom = placement.part
    width, rows = placement.size
    margin = math.ceil(_LOBES / placement.scale) + 1  # rows outside the part that the filter uses
    first, last = max(0, math.floor(top) - margin), min(artwork[1], math.ceil(bottom) + margin)
    narrow = Image.new("F", (width, last - first))
    for row in range(first, last, _ROWS):
        strip = get_strip((0, row, artwork[0], min(row + _ROWS, last)))
        narrow.paste(
            strip.resize((width, strip.height), _LANCZOS, box=(left, 0, right, strip.height)), (0, row - first)
        )
    return narrow.resize((width, rows), _LANCZOS, box=(0, top - first, width, bottom - first))
