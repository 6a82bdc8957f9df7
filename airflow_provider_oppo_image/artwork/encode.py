"""Encoding of a picture in the best quality that fits the size limit."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from PIL import Image, ImageChops, ImageFile, ImageMath

if TYPE_CHECKING:
    from PIL.JpegImagePlugin import JpegImageFile


_TILE: Final = 7
"""Pixels: no divisor of 8, so that the borders between a JPEG's blocks are looked at too."""

_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2


class Looks:
    """What a picture looks like.

    :param image: in the mode "RGB" or "L".
    """

    def __init__(self, image: Image.Image) -> None:
        self._planes = [_Channel(band) for band in image.split()]

    def like(self, file: bytes) -> float:
        """Return how much a file looks like it, at most 1, which is the same.

        :param file: in the same mode and of the same size.
        """
        with Image.open(io.BytesIO(file)) as decoded:
            planes = [_Channel(band) for band in decoded.split()]
        similar = [one.similarity(other) for one, other in zip(self._planes, planes, strict=True)]
        return sum(similar) / len(similar)


class _Channel:
    """A colour of a picture, with what its tiles look like."""

    def __init__(self, band: Image.Image) -> None:
        self.values = band.convert("F")
        self.mean = _tiles(self.values)
        self.square = _tiles(_compute(lambda a: a["x"] * a["x"], x=self.values))

    def similarity(self, other: _Channel) -> float:
        """Return the mean structural similarity with another plane, at most 1."""
        product = _tiles(_compute(lambda a: a["x"] * a["y"], x=self.values, y=other.values))
        means = {"m": self.mean, "n": other.mean}
        similar = _compute(
            lambda a: (
                (2 * a["m"] * a["n"] + _C1)
                * (2 * (a["p"] - a["m"] * a["n"]) + _C2)
                / (a["m"] * a["m"] + a["n"] * a["n"] + _C1)
                / (a["s"] + a["t"] - a["m"] * a["m"] - a["n"] * a["n"] + _C2)
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


PictureFormat: TypeAlias = Literal["PNG", "JPEG"]

_BEST: Final = 100
_STEP: Final = 0.25
"""From one of libjpeg's hundred qualities to the next, a file's size changes by up to a tenth: there are four steps."""

_FINE: Final = 96
"""From this quality on so little is lost that finer brightness is worth no colour."""

_FAST: Final = 4
"""zlib's level: above it, a photo takes up to four times as long and becomes no smaller."""

_MOST_GAIN: Final = 1.05
"""How much larger than the smallest a fast PNG may be, where it is so large that it hardly can be packed."""

_DOUBT: Final = 1.02
"""How far the sizes of small files may be from what those of fast ones say."""

_NOISE: Final = 2
"""Bytes a pixel from which on there is no order in a picture that a progressive file could use."""

_NOISE_EXPONENT: Final = 0.7
"""Where the fast file of noise becomes n times as large, the small one becomes n ** 0.7 times as large: measured."""

_BUFFER_BYTES_PER_PIXEL: Final = 4
"""Bytes; the finest JPEG of noise takes three and a half."""


def encode(image: Image.Image, limit: int, only: PictureFormat | None = None) -> bytes | None:
    """Return the finest file that fits; None where none does.

    :param image: in the mode "RGB", or "RGBA" for a PNG with transparency.
    :param limit: the most bytes, inclusive.
    :param only: the format that it must have; None takes whichever is finer.
    """
    if image.mode == "RGB" and _is_grey(image):
        image = image.getchannel(0)
    if only != "JPEG":
        png = _save(image, "PNG", compress_level=_FAST)
        if limit < len(png) <= limit * _MOST_GAIN:
            png = _save(image, "PNG", optimize=True)
        if len(png) <= limit:
            return png
    if only == "PNG" or image.mode == "RGBA":
        return None
    return _finest_jpeg(image, limit)


def _finest_jpeg(image: Image.Image, limit: int) -> bytes | None:
    """Return the JPEG within a limit that looks most like a picture.

    To write colours at half the width and height buys finer brightness, which suits most photos and ruins red text. So
    both are tried in files that are made fast, and what comes out of them is looked at; the better way is then taken to
    its end.
    """
    full = _JpegSearch(image, "4:4:4")
    quality = full.finest_fast(limit)
    if image.mode == "L" or quality >= _FINE:
        return full.finest(limit)
    halved, looks = _JpegSearch(image, "4:2:0"), Looks(image)
    is_better = looks.like(halved.file(halved.finest_fast(limit, quality))) > looks.like(full.file(quality))
    return (halved if is_better else full).finest(limit)


class _JpegSearch:
    """A way to write a picture as JPEG.

    Most files are made fast and are larger than need be: how much larger hardly depends on the quality, so that few of
    the small ones have to be made, which take up to ten times as long.
    """

    def __init__(self, image: Image.Image, subsampling: str) -> None:
        self._image = image
        self._subsampling = subsampling
        self._sizes: dict[float, int] = {}

    def file(self, quality: float, **options: object) -> bytes:
        """Return a file, which is made fast unless the options say otherwise."""
        tables = _tables(quality)[: len(self._image.getbands())]
        return _save(self._image, "JPEG", qtables=tables, subsampling=self._subsampling, **options)

    def finest_fast(self, limit: float, at_least: int = 1) -> int:
        """Return the highest whole quality of which a file that is made fast fits; `at_least` where none does."""
        low, high = at_least, _BEST
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._size(middle) <= limit else (low, middle - 1)
        return low

    def finest(self, limit: int) -> bytes | None:
        """Return the small file of the highest quality that fits; None where none does."""
        quality: float = self.finest_fast(limit)
        is_noise = self._size(quality) > _NOISE * self._image.width * self._image.height
        kinds = ({"progressive": False},) if is_noise else ({"progressive": False}, {"progressive": True})
        files = {len(body): (body, kind) for kind in kinds if (body := self.file(quality, optimize=True, **kind))}
        best, kind = files[min(files)]
        too_high = _BEST + _STEP
        while quality + _STEP < too_high:
            room = self._size(quality) * (limit / len(best)) ** (1 / _NOISE_EXPONENT if is_noise else 1)
            likely = self._finest_likely(room, int(quality))
            if likely <= quality and self._size(quality + _STEP) > room * _DOUBT:
                break
            tried = min(max(likely, quality + _STEP), too_high - _STEP)
            body = self.file(tried, optimize=True, **kind)
            if len(body) <= limit:
                quality, best = tried, body
            else:
                too_high = tried
        return best if len(best) <= limit else None

    def _finest_likely(self, limit: float, at_least: int) -> float:
        """Return the highest quality of which a file that is made fast fits, whole or not."""
        quality: float = self.finest_fast(limit, at_least)
        for step in (2 * _STEP, _STEP):
            if quality + step <= _BEST and self._size(quality + step) <= limit:
                quality += step
        return quality

    def _size(self, quality: float) -> int:
        if quality not in self._sizes:
            self._sizes[quality] = len(self.file(quality))
        return self._sizes[quality]


def _tables(quality: float) -> list[list[int]]:
    """Return how coarsely brightness and colours are written.

    Source of the formula: libjpeg, `jpeg_quality_scaling`, which knows whole qualities only.
    """
    percent = 5_000 / quality if quality < 50 else 200 - 2 * quality
    return [[min(max(int((value * percent + 50) / 100), 1), 255) for value in table] for table in _middle_tables()]


@functools.cache
def _middle_tables() -> list[list[int]]:
    """Return libjpeg's own tables: those of quality 50, of which all others are multiples."""
    with Image.open(io.BytesIO(_save(Image.new("RGB", (8, 8)), "JPEG", quality=50))) as image:
        tables = cast("JpegImageFile", image).quantization
    return [list(tables[0]), list(tables[1])]


def _save(image: Image.Image, format: PictureFormat, **options: object) -> bytes:  # noqa: A002 - Pillow's own name
    # Pillow gives libjpeg one buffer for the whole of an optimised file, which is too small for the finest of noise.
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, _BUFFER_BYTES_PER_PIXEL * image.width * image.height)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _is_grey(image: Image.Image) -> bool:
    red, *others = image.split()
    return all(ImageChops.difference(red, other).getbbox() is None for other in others)
