"""Pictures drawn by code: twenty artworks to prepare, and finished pictures, right and wrong, to check.

The artworks are like those of photographers, designers and printers. Their sizes give whole pixels when they are
scaled, and the same crop on both sides. So all tools crop alike, and only scaling and encoding are compared.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from airflow_provider_oppo_image.contract import PictureKind

Pixels: TypeAlias = np.ndarray[Any, Any]

SIZE: Final = (984, 369)
_WRONG_SIZES: Final = {"wrong-size": (2000, 750), "too-large": SIZE}
_TEXT: Final = "Spring sale: 30 % off everything, today only, in all our shops"
_SUFFIXES: Final = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "GIF": ".gif"}


def artwork(seed: int, *, progressive: bool = False) -> bytes:
    """Return a campaign's JPEG of 30 to 100 KB, larger with the seed, 0 to 9: flat colours and text."""
    return _encode(_campaign(seed), "JPEG", quality=25 + 7 * seed, progressive=progressive)


def photograph(seed: int) -> bytes:
    """Return a JPEG of about 200 KB: a grainy photograph."""
    image = _grainy(_photo(*SIZE, seed))
    files = (_encode(image, "JPEG", quality=quality) for quality in range(96, 40, -2))
    return next(file for file in files if len(file) <= 200_000)


def png(seed: int) -> bytes:
    """Return a PNG of about 300 KB: flat colours and text, and a photograph."""
    image = _campaign(seed)
    image.paste(_grainy(_photo(SIZE[0], 100, seed)))
    return _encode(image, "PNG")


def wrong(what: str, size: int, file_format: str) -> bytes:
    """Return a wrong picture of exactly `size` bytes: noise, then zeros.

    :param what: "wrong-size" in pixels, or "too-large" a file.
    """
    return _encode(_noise(*_WRONG_SIZES[what], size), file_format)[:size].ljust(size, b"\0")


KINDS: Final[dict[str, Callable[[int], bytes]]] = {
    "artwork": artwork,
    "progressive_artwork": lambda seed: artwork(seed, progressive=True),
    "photograph": photograph,
    "PNG": png,
    "wrong": lambda seed: wrong("wrong-size", 150_000 + seed, "JPEG"),
}


@dataclass(frozen=True)
class Drawn:
    """An artwork for a kind of picture. `seen` are its pixels on white: sRGB, 0 to 255, rows x columns x colors."""

    name: str
    kind: PictureKind
    suffix: str
    file: bytes
    seen: Pixels


def draw_all() -> Iterator[Drawn]:
    photo, other = _photo(1640, 915, 1), _photo(1968, 1478, 2)
    yield _drawn("photo, PNG", "big", photo, "PNG")
    yield _drawn("photo, JPEG", "big", other, "JPEG", quality=92)
    yield _drawn("vivid photo, PNG", "big", _vivid(_photo(1312, 540, 3)), "PNG")
    yield _drawn("grainy photo, WebP", "big", _grainy(photo), "WEBP", quality=95)
    yield _drawn("photo, JPEG in CMYK", "big", _photo(1640, 915, 4).convert("CMYK"), "JPEG", quality=95)
    yield _drawn("photo turned by its EXIF", "big", _photo(915, 1640, 5), "JPEG", turned=True, quality=92)
    yield _drawn("photo, grey of 16 bits", "big", _photo(1640, 915, 6).convert("L"), "PNG", deep=True)
    yield _drawn("noise", "big", _noise(1968, 738, 7), "PNG")
    yield _drawn("noise of the very size", "big", _noise(984, 369, 8), "PNG")
    yield _drawn("black text on white", "big", _text(1640, 615, "white", "black"), "PNG")
    yield _drawn("red text on blue", "big", _text(1640, 615, "#1030c0", "#ff2010"), "PNG")
    yield _drawn("flat shapes, palette", "big", _shapes(1968, 738).quantize(64), "PNG")
    yield _drawn("transparent shapes, RGBA", "big", _cut_out(_shapes(1640, 615)), "PNG")
    yield _drawn("fine rings", "big", _rings(1640, 615), "PNG")
    yield _drawn("gradient, TIFF in CMYK", "small", _gradient(480, 480).convert("CMYK"), "TIFF")
    yield _drawn("photo, small", "small", _photo(600, 400, 9), "PNG")
    yield _drawn("grainy photo, small", "small", _grainy(_photo(432, 432, 10)), "PNG")
    yield _drawn("noise, small", "small", _noise(144, 144, 11), "PNG")
    yield _drawn("icon with alpha, small", "small", _cut_out(_shapes(480, 480)), "PNG")
    yield _drawn("text, GIF, small", "small", _text(480, 480, "#ffe000", "#c00060").quantize(32), "GIF")


def _drawn(
    name: str,
    kind: PictureKind,
    image: Image.Image,
    file_format: str,
    turned: bool = False,
    deep: bool = False,
    **options: Any,
) -> Drawn:
    if turned:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 8  # viewers must rotate it to the left
    stored = Image.fromarray(np.asarray(image).astype(np.uint16) * 257) if deep else image
    file = _encode(stored, file_format, **options)
    # A lossy file shows its decoded pixels.
    seen = _on_white(image if deep else Image.open(io.BytesIO(file)))
    return Drawn(name, kind, _SUFFIXES[file_format], file, np.rot90(seen) if turned else seen)


def _encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def _on_white(image: Image.Image) -> Pixels:
    if image.mode == "CMYK":
        ink = np.asarray(image, dtype=float) / 255
        return 255 * (1 - ink[..., :3]) * (1 - ink[..., 3:])
    values = np.asarray(image.convert("RGBA"), dtype=float)
    cover = values[..., 3:] / 255
    return values[..., :3] * cover + 255 * (1 - cover)


def _photo(width: int, height: int, seed: int) -> Image.Image:
    """Return soft shapes of all sizes, like clouds, leaves and skin, with edges, and light from one side."""
    random = np.random.default_rng(seed)
    planes = np.zeros((height, width, 3))
    for octave in range(2, 10):
        cells = 2**octave
        size = (max(2, cells * width // 1024), max(2, cells * height // 1024))
        grid = Image.fromarray((random.random((size[1], size[0], 3)) * 255).astype(np.uint8))
        planes += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC), dtype=float) * 0.62**octave
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    for _ in range(12):
        x, y, radius = random.random(3) * (1, 1, 0.2)
        inside = (across - x) ** 2 + ((down - y) * height / width) ** 2 < radius**2
        planes[inside] += (random.random(3) - 0.5) * planes.std() * 3
    light = planes.mean(axis=2, keepdims=True)
    planes = light + (planes - light) * 0.6 + (across - down)[..., None] * planes.std()
    low, high = np.percentile(planes, (1, 99))
    return Image.fromarray((np.clip((planes - low) / (high - low), 0, 1) * 255).astype(np.uint8))


def _vivid(photo: Image.Image) -> Image.Image:
    values = np.asarray(photo, dtype=float)
    light = values.mean(axis=2, keepdims=True)
    return Image.fromarray(np.clip(light + (values - light) * 4, 0, 255).astype(np.uint8))


def _grainy(photo: Image.Image) -> Image.Image:
    grain = np.random.default_rng(12).normal(0, 18, (photo.height, photo.width, 3))
    return Image.fromarray(np.clip(np.asarray(photo) + grain, 0, 255).astype(np.uint8))


def _noise(width: int, height: int, seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def _text(width: int, height: int, paper: str, ink: str) -> Image.Image:
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    top = 8
    for step in range(40):
        size = 14 + step * 5 % 60
        draw.text((8 + step * 3, top), _TEXT, ink, font=ImageFont.load_default(size))
        top += size + 6
        if top > height:
            break
    return image


def _campaign(seed: int) -> Image.Image:
    image = _shapes(*SIZE, seed)
    for top in range(20, SIZE[1], 110):
        ImageDraw.Draw(image).text((20, top), _TEXT, "#1030c0", font=ImageFont.load_default(36))
    return image


def _shapes(width: int, height: int, seed: int = 13) -> Image.Image:
    image = Image.new("RGB", (width * 2, height * 2), "#f4f1ea")
    draw = ImageDraw.Draw(image)
    random = np.random.default_rng(seed)
    for colour in ("#e4572e", "#17bebb", "#ffc914", "#2e282a", "#76b041", "#c0c0f0") * 3:
        x, y, size = random.random(3) * (width * 2, height * 2, height)
        draw.ellipse((x - size / 2, y - size / 2, x + size / 2, y + size / 2), fill=colour)
        draw.line((x, y, width * 2 - x, y + size), fill=colour, width=9)
    return image.resize((width, height), Image.Resampling.BOX)


def _cut_out(image: Image.Image) -> Image.Image:
    mask = Image.new("L", (image.width * 2, image.height * 2))
    ImageDraw.Draw(mask).rounded_rectangle((30, 30, image.width * 2 - 30, image.height * 2 - 30), 200, fill=255)
    image.putalpha(mask.resize(image.size, Image.Resampling.BOX))
    return image


def _rings(width: int, height: int) -> Image.Image:
    across, down = np.meshgrid(np.arange(width) - width / 2, np.arange(height) - height / 2)
    rings = np.cos((across**2 + down**2) * np.pi / 3 / width)
    return Image.fromarray(((rings * 0.5 + 0.5) * 255).astype(np.uint8)).convert("RGB")


def _gradient(width: int, height: int) -> Image.Image:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, 255 - (across + down) / 2], axis=2).astype(np.uint8))
