"""Encoding of a picture in the best quality that fits the size limit."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from PIL import Image, ImageChops, ImageFile

from airflow_provider_oppo_image.artwork.resample import compute

if TYPE_CHECKING:
    from PIL.JpegImagePlugin import JpegImageFile

PictureFormat: TypeAlias = Literal["PNG", "JPEG"]

# The names and values of the paper: Wang et al., Image quality assessment: from error visibility to structural
# similarity, 2004.
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2

_WINDOW: Final = 7
"""Size of an SSIM window in pixels. It does not divide 8, so the windows cross the borders of JPEG blocks."""

_MAX_QUALITY: Final = 100
_STEP: Final = 0.25
"""Between two of libjpeg's hundred qualities, the file size changes by up to a tenth, so there are four steps."""

_NEARLY_LOSSLESS: Final = 96
"""Quality from which subsampling is not tried, since its gain in brightness is invisible."""

_PNG_LEVEL: Final = 4
"""zlib's level: higher ones need up to four times as long for a photo, and hardly make it smaller."""

_MAX_PNG_GAIN: Final = 1.05
"""Maximum factor by which an unoptimised PNG near the limit is larger than an optimised one."""

_TOLERANCE: Final = 1.02
"""Maximum error of the size of an optimised JPEG that is estimated from an unoptimised one."""

_NOISE_BYTES_PER_PIXEL: Final = 2
"""From this size on an image is noise, and a progressive JPEG is not smaller."""

_NOISE_EXPONENT: Final = 0.7
"""For noise, the optimised size grows as (unoptimised size) ** 0.7 (measured)."""

_BUFFER_BYTES_PER_PIXEL: Final = 4
"""A JPEG of noise in the highest quality needs 3.5 bytes per pixel."""


def encode(image: Image.Image, limit: int, only: PictureFormat | None = None) -> bytes | None:
    """Return the best file within a size limit; None if no file fits.

    :param image: in the mode "RGB", or "RGBA" for a PNG with transparency.
    :param limit: maximum size in bytes, inclusive.
    :param only: the format; None chooses PNG if one fits, else JPEG.
    """
    if image.mode == "RGB" and _is_grey(image):
        image = image.getchannel(0)
    if only != "JPEG":
        png = _save(image, "PNG", compress_level=_PNG_LEVEL)
        if limit < len(png) <= limit * _MAX_PNG_GAIN:
            png = _save(image, "PNG", optimize=True)
        if len(png) <= limit:
            return png
    if only == "PNG" or image.mode == "RGBA":
        return None
    return _encode_jpeg(image, limit)


def _encode_jpeg(image: Image.Image, limit: int) -> bytes | None:
    """Return the JPEG within a limit that is most similar to an image.

    Chroma subsampling allows a higher quality of brightness. This is better for most photos, and bad for red text. Both
    are estimated with fast, unoptimised files, and the more similar one is then optimised.
    """
    full = _JpegSearch(image, "4:4:4")
    quality = full.estimate(limit)
    if image.mode == "L" or quality >= _NEARLY_LOSSLESS:
        return full.best(limit)
    halved = _JpegSearch(image, "4:2:0")
    is_better = ssim(image, halved.file(halved.estimate(limit, quality))) > ssim(image, full.file(quality))
    return (halved if is_better else full).best(limit)


def ssim(image: Image.Image, file: bytes) -> float:
    """Return the mean structural similarity (SSIM) of an image and its encoded file; 1 if they are identical.

    :param image: in the mode "RGB" or "L".
    :param file: a file of the same mode and size.
    """
    with Image.open(io.BytesIO(file)) as decoded:
        channels = [_channel_ssim(*bands) for bands in zip(image.split(), decoded.split(), strict=True)]
    return sum(channels) / len(channels)


def _channel_ssim(x: Image.Image, y: Image.Image) -> float:
    x, y = x.convert("F"), y.convert("F")
    xx, yy, xy = (compute(lambda v: v["x"] * v["y"], x=one, y=two) for one, two in ((x, x), (y, y), (x, y)))
    values = {name: image.reduce(_WINDOW) for name, image in {"x": x, "y": y, "xx": xx, "yy": yy, "xy": xy}.items()}
    similarity = compute(
        lambda mean: (
            (2 * mean["x"] * mean["y"] + _C1)
            * (2 * (mean["xy"] - mean["x"] * mean["y"]) + _C2)
            / (mean["x"] * mean["x"] + mean["y"] * mean["y"] + _C1)
            / (mean["xx"] + mean["yy"] - mean["x"] * mean["x"] - mean["y"] * mean["y"] + _C2)
        ),
        **values,
    )
    return cast("float", similarity.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))


class _JpegSearch:
    """Search for the highest JPEG quality within a size limit.

    Most files of the search are unoptimised, which is up to ten times as fast. The ratio to the optimised size hardly
    depends on the quality, so few optimised files are needed.
    """

    def __init__(self, image: Image.Image, subsampling: str) -> None:
        self._image = image
        self._subsampling = subsampling
        self._sizes: dict[float, int] = {}

    def file(self, quality: float, **options: object) -> bytes:
        """Return a file, unoptimised unless the options say otherwise."""
        tables = _tables(quality)[: len(self._image.getbands())]
        return _save(self._image, "JPEG", qtables=tables, subsampling=self._subsampling, **options)

    def estimate(self, limit: float, min_quality: int = 1) -> int:
        """Return the highest whole quality whose unoptimised file fits; `min_quality` if no file fits."""
        low, high = min_quality, _MAX_QUALITY
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._size(middle) <= limit else (low, middle - 1)
        return low

    def best(self, limit: int) -> bytes | None:
        """Return the optimised file of the highest quality that fits; None if no file fits."""
        quality: float = self.estimate(limit)
        is_noise = self._size(quality) > _NOISE_BYTES_PER_PIXEL * self._image.width * self._image.height
        kinds = ({"progressive": False},) if is_noise else ({"progressive": False}, {"progressive": True})
        files = {len(body): (body, kind) for kind in kinds if (body := self.file(quality, optimize=True, **kind))}
        best, kind = files[min(files)]
        too_high = _MAX_QUALITY + _STEP
        while quality + _STEP < too_high:
            target = self._size(quality) * (limit / len(best)) ** (1 / _NOISE_EXPONENT if is_noise else 1)
            likely = self._estimate_steps(target, int(quality))
            if likely <= quality and self._size(quality + _STEP) > target * _TOLERANCE:
                break
            candidate = min(max(likely, quality + _STEP), too_high - _STEP)
            body = self.file(candidate, optimize=True, **kind)
            if len(body) <= limit:
                quality, best = candidate, body
            else:
                too_high = candidate
        return best if len(best) <= limit else None

    def _estimate_steps(self, limit: float, min_quality: int) -> float:
        """Return the same as `estimate`, in steps of `_STEP`."""
        quality: float = self.estimate(limit, min_quality)
        for step in (2 * _STEP, _STEP):
            if quality + step <= _MAX_QUALITY and self._size(quality + step) <= limit:
                quality += step
        return quality

    def _size(self, quality: float) -> int:
        if quality not in self._sizes:
            self._sizes[quality] = len(self.file(quality))
        return self._sizes[quality]


def _tables(quality: float) -> list[list[int]]:
    """Return the quantization tables for luminance and chrominance.

    Source of the formula: libjpeg, `jpeg_quality_scaling`, which accepts only whole qualities.
    """
    percent = 5_000 / quality if quality < 50 else 200 - 2 * quality
    return [[min(max(int((value * percent + 50) / 100), 1), 255) for value in table] for table in _base_tables()]


@functools.cache
def _base_tables() -> list[list[int]]:
    """Return libjpeg's tables for quality 50, of which all others are multiples."""
    with Image.open(io.BytesIO(_save(Image.new("RGB", (8, 8)), "JPEG", quality=50))) as image:
        tables = cast("JpegImageFile", image).quantization
    return [list(tables[0]), list(tables[1])]


def _save(image: Image.Image, format: PictureFormat, **options: object) -> bytes:  # noqa: A002 - Pillow's own name
    # Pillow gives libjpeg one buffer for a complete optimised file. Its default is too small for noise.
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, _BUFFER_BYTES_PER_PIXEL * image.width * image.height)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _is_grey(image: Image.Image) -> bool:
    red, *others = image.split()
    return all(ImageChops.difference(red, other).getbbox() is None for other in others)
