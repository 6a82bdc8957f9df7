"""Artwork prepared by this package and by ImageMagick: similarity to the artwork, and time.

Both scale in linear light and have the same limit of bytes: the recommended size, and then a tenth of it with JPEG for
both. ImageMagick's limit is its `jpeg:extent`. The reference is computed here, in 64 bits. Similarity is scikit-image's
structural similarity (SSIM), which is 1 for identical pictures.

usage: python -m bench.prepare
"""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageOps
from skimage.color import rgb2xyz, xyz2rgb
from skimage.metrics import structural_similarity

from airflow_provider_oppo_image.artwork.prepare import prepare
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind, PictureRule
from bench.report import Figure, at_least, at_most, circumstances, table
from scripts import markdown
from scripts.checkout import ROOT
from tests.support import artwork

CORPUS: Final = ROOT / "build" / "picture-corpus"
PAGE: Final = ROOT / "docs" / "prepare-benchmark.md"
ROUNDS: Final = 3
DIVISORS: Final = {1: "at the limit", 10: "at 1/10 of the limit"}
"""The limit of a picture is the recommended number of bytes, divided by each of these."""

PHOTOS: Final[dict[PictureKind, tuple[str, ...]]] = {
    "big": ("earth.jpg", "night.jpg", "body-background.jpg", "xmp_test.jpg", "itxt_chunks.png", "icc_profile_test.jpg"),
    "small": ("summer.png", "tokyo.png", "large.jpg", "wizard.png", "flower2.jpg", "junk_jpeg_header.jpg"),
}
"""Photographs and paintings from other projects: files that `scripts/picture_corpus.sh` fetches."""

DRAWN: Final[dict[str, tuple[PictureKind, bytes]]] = {
    "gradient, PNG": ("big", artwork.png(1640, 615)),
    "gradient, grey": ("big", artwork.png(1968, 738, "L")),
    "gradient, palette": ("big", artwork.png(1968, 738, "P")),
    "gradient, transparent": ("big", artwork.png(1640, 615, "RGBA")),
    "gradient, JPEG in CMYK": ("big", artwork.jpeg(1640, 615, "CMYK", quality=95)),
    "gradient turned by its EXIF": ("big", artwork.jpeg(615, 1640, orientation=8, quality=92)),
    "gradient, TIFF": ("small", artwork.other_format("TIFF", 480, 480)),
    "gradient, GIF": ("small", artwork.other_format("GIF", 480, 480)),
}

PACKAGES: Final = ("pillow", "scikit-image", "numpy")

HEAD: Final = """# Prepared artwork, beside ImageMagick

This page compares the pictures that [this package makes](how-to/prepare-artwork.md) with those of ImageMagick.
`make bench-prepare` writes it.

Both got the same 20 artworks in one run, scaled them in linear light, and had the same limit of bytes: the recommended
size, and then a tenth of it, with JPEG for both. ImageMagick ran as a command, `convert` with `jpeg:extent`; this
package in a running Python, as the operator does. Similarity is the structural similarity to the artwork, scaled in 64
bits by neither of them; 1 is identical. The best time counts.

Twelve of the artworks are photographs and paintings from other projects; the others are drawn gradients in further
formats and colour modes.
"""

Pixels: TypeAlias = np.ndarray[Any, Any]


class Made(NamedTuple):
    """A prepared picture: its format, bytes, similarity to the reference, and the seconds that it took."""

    format: str
    size: int
    similarity: float
    seconds: float

    def cells(self) -> tuple[str, ...]:
        return f"{self.size:,}", f"{self.similarity:.6f}", f"{self.seconds * 1_000:.0f}"


class Pair(NamedTuple):
    """An artwork with its limit in bytes, and the picture that each of the two made of it."""

    name: str
    limit: int
    ours: Made
    theirs: Made


def measure() -> list[Figure]:
    """Measure, write the page, and return the summary."""
    start = time.monotonic()
    convert, version = find_convert()
    with tempfile.TemporaryDirectory() as folder:
        made = {limit: list(compare(convert, divisor, Path(folder))) for divisor, limit in DIVISORS.items()}
    figures = [figure for limit, pairs in made.items() for figure in summarise(pairs, limit)]
    PAGE.write_text(render(made, figures, f"{circumstances(start, PACKAGES)}; {version}"))
    return figures


def artworks() -> Iterator[tuple[str, PictureKind, bytes]]:
    """Yield names, kinds and files.

    Photographs are cropped, so that all artworks scale to whole pixels and no tool crops them.
    """
    for kind, names in PHOTOS.items():
        rule = PICTURE_RULES[kind]
        unit = math.gcd(rule.width, rule.height)
        width, height = rule.width // unit, rule.height // unit
        for name in names:
            with Image.open(next(CORPUS.rglob(f"*{name}"))) as image:
                times = min(image.width // width, image.height // height)
                cropped = image.crop((0, 0, width * times, height * times))
                yield name, kind, artwork.encode(cropped, str(image.format), quality=92, icc_profile=None)
    yield from ((name, *drawn) for name, drawn in DRAWN.items())


def compare(convert: str, divisor: int, folder: Path) -> Iterator[Pair]:
    """Make each picture with both, alternating; the fastest of the rounds counts."""
    source, ours, theirs = folder / "artwork", folder / "ours", folder / "theirs.jpg"
    for name, kind, file in artworks():
        rule = PICTURE_RULES[kind]
        limit = rule.recommended_bytes // divisor
        source.write_bytes(file)
        works: dict[Path, Callable[[], object]] = {
            ours: partial(make_ours, source, ours, kind, limit, None if divisor == 1 else "JPEG"),
            theirs: partial(make_theirs, convert, source, theirs, rule, limit),
        }
        seconds = dict.fromkeys(works, math.inf)
        for _ in range(ROUNDS):
            for made, work in works.items():
                start = time.perf_counter()
                work()
                seconds[made] = min(seconds[made], time.perf_counter() - start)
        reference = scale(file, rule)
        yield Pair(name, limit, *(evaluate(made, reference, seconds[made]) for made in works))


def make_ours(source: Path, target: Path, kind: PictureKind, limit: int, only: str | None) -> None:
    target.write_bytes(prepare(kind, source.read_bytes(), only=only, limit=limit).body)


def make_theirs(convert: str, source: Path, target: Path, rule: PictureRule, limit: int) -> None:
    """Make a picture as a `BashOperator` with ImageMagick would."""
    size = f"{rule.width}x{rule.height}"
    options = (
        f"-auto-orient -colorspace sRGB -background white -alpha remove -colorspace RGB -resize {size}^ "
        f"-gravity center -extent {size} -colorspace sRGB -strip -define jpeg:extent={limit}"
    )
    subprocess.run([convert, f"{source}[0]", *options.split(), str(target)], check=True)


def scale(file: bytes, rule: PictureRule) -> Pixels:
    """Return the reference: the artwork on white, scaled in linear light with a Lanczos window, 0 to 255."""
    with Image.open(io.BytesIO(file)) as image:
        seen = np.asarray(ImageOps.exif_transpose(image).convert("RGBA"), dtype=float) / 255
    cover = seen[..., 3:]
    light = rgb2xyz(seen[..., :3] * cover + 1 - cover)  # linear, as light is
    light = np.einsum("ij,jkc->ikc", _weights(light.shape[0], rule.height), light, optimize=True)
    light = np.einsum("ij,kjc->kic", _weights(light.shape[1], rule.width), light, optimize=True)
    return np.asarray(xyz2rgb(light) * 255)


def _weights(length: int, wanted: int) -> Pixels:
    """Return the weight of each source pixel of a row in each scaled pixel."""
    factor = wanted / length
    distance = (np.arange(length) + 0.5) * factor - (np.arange(wanted)[:, None] + 0.5)
    weights = np.where(abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def evaluate(file: Path, reference: Pixels, seconds: float) -> Made:
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=float)
        # The window of the paper that describes SSIM.
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        similarity = structural_similarity(pixels, reference, channel_axis=2, data_range=255, **window)
        return Made(str(image.format), file.stat().st_size, float(similarity), seconds)


def find_convert() -> tuple[str, str]:
    """Return the path and the version of ImageMagick's `convert`, which is installed if it is missing."""
    for _ in range(2):
        for path in filter(None, map(shutil.which, ("convert-im6", "/usr/bin/convert", "convert"))):
            version = subprocess.run([path, "-version"], capture_output=True, text=True).stdout.split()
            if "ImageMagick" in version:
                return path, " ".join(version[1:4])
        subprocess.run([ROOT / "scripts" / "packages.sh", "imagemagick"], check=True, stdout=sys.stderr)
    raise SystemExit("ImageMagick's convert is missing, and could not be installed.")


def summarise(pairs: Sequence[Pair], limit: str) -> list[Figure]:
    ratio = sum(pair.ours.seconds for pair in pairs) / sum(pair.theirs.seconds for pair in pairs)
    similar = sum(pair.ours.similarity >= pair.theirs.similarity for pair in pairs)
    slower = sum(pair.ours.seconds > pair.theirs.seconds for pair in pairs)
    of = f"of {len(pairs)}"
    return [
        at_least(f"pictures at least as similar as ImageMagick's, {limit}", similar, of, len(pairs)),
        at_most(f"time for all, against ImageMagick's, {limit}", ratio, "times", 1),
        at_most(f"pictures that took longer than ImageMagick's, {limit}", slower, of, 0),
    ]


def render(made: Mapping[str, Sequence[Pair]], figures: Sequence[Figure], circumstances: str) -> str:
    """Return the page in Markdown."""
    lines = [HEAD, circumstances, "", *table(figures)]
    head = ("artwork", "limit", "made", "bytes", "similarity", "ms", "ImageMagick: bytes", "similarity", "ms")
    for limit, pairs in made.items():
        rows = [(one.name, f"{one.limit:,}", one.ours.format, *one.ours.cells(), *one.theirs.cells()) for one in pairs]
        aligned = markdown.table(head, rows, right=[1, *range(3, len(head))])
        lines += ["", f"## {limit.capitalize()}", "", *aligned]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    results = measure()
    print(PAGE.read_text())
    sys.exit(sum(figure.reached is False for figure in results))
