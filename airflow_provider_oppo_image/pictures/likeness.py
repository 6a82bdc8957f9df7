"""How much a file looks like the picture that it was made of.

Source: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004; with tiles in
place of a sliding window.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final, cast

from PIL import Image, ImageMath

_TILE: Final = 7
"""Pixels: no divisor of 8, so that the borders between a JPEG's blocks are looked at too."""

_STEADY_MEAN: Final = (0.01 * 255) ** 2
_STEADY_CONTRAST: Final = (0.03 * 255) ** 2


class Looks:
    """What a picture looks like.

    :param image: in the mode "RGB" or "L".
    """

    def __init__(self, image: Image.Image) -> None:
        self._planes = [_Plane(band) for band in image.split()]

    def like(self, file: bytes) -> float:
        """Return how much a file looks like it, at most 1, which is the same.

        :param file: in the same mode and of the same size.
        """
        with Image.open(io.BytesIO(file)) as decoded:
            planes = [_Plane(band) for band in decoded.split()]
        similar = [one.similarity(other) for one, other in zip(self._planes, planes, strict=True)]
        return sum(similar) / len(similar)


class _Plane:
    """A colour of a picture, with what its tiles look like."""

    def __init__(self, band: Image.Image) -> None:
        self.values = band.convert("F")
        self.mean = _tiles(self.values)
        self.square = _tiles(_compute(lambda a: a["x"] * a["x"], x=self.values))

    def similarity(self, other: _Plane) -> float:
        """Return the mean structural similarity with another plane, at most 1."""
        product = _tiles(_compute(lambda a: a["x"] * a["y"], x=self.values, y=other.values))
        means = {"m": self.mean, "n": other.mean}
        similar = _compute(
            lambda a: (
                (2 * a["m"] * a["n"] + _STEADY_MEAN)
                * (2 * (a["p"] - a["m"] * a["n"]) + _STEADY_CONTRAST)
                / (a["m"] * a["m"] + a["n"] * a["n"] + _STEADY_MEAN)
                / (a["s"] + a["t"] - a["m"] * a["m"] - a["n"] * a["n"] + _STEADY_CONTRAST)
            ),
            **means,
            p=product,
            s=self.square,
            t=other.square,
        )
        return cast("float", similar.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))


def _tiles(plane: Image.Image) -> Image.Image:
    return plane.reduce(_TILE)


def _compute(formula: Callable[[dict[str, Any]], object], **planes: Image.Image) -> Image.Image:
    return cast("Image.Image", ImageMath.lambda_eval(formula, **planes))
