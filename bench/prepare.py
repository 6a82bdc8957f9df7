"""Artwork prepared by this package and by ImageMagick: similarity to the artwork, and time.

Both scale in linear light and have the same limit of bytes: the recommended size, and then a tenth of it with JPEG for
both. ImageMagick's limit is its `jpeg:extent`. The reference is computed here, in 64 bits. Similarity is scikit-image's
structural similarity (SSIM), which is 1 for identical pictures.

usage: python -m bench.prepare
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from airflow_provider_oppo_image.artwork.prepare import prepare
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureRule
from bench.artworks import Pixels, draw_all
from bench.report import Figure, at_least, at_most, circumstances, table
from scripts import markdown
from scripts.checkout import ROOT

PAGE: Final = ROOT / "docs" / "prepare-benchmark.md"
ROUNDS: Final = 3
LIMITS: Final = {1: "at the limit", 10: "at 1/10 of the limit"}
"""The limit of a picture is the recommended number of bytes, divided by each of these."""

PACKAGES: Final = ("pillow", "scikit-image", "numpy")

HEAD: Final = """# Prepared artwork, beside ImageMagick

This page compares the pictures that [this package makes](how-to/prepare-artwork.md) with those of ImageMagick.
`python -m bench.prepare` writes it.

Both got the same 20 artworks in one run, scaled them in linear light, and had the same limit of bytes: the recommended
size, and then a tenth of it, with JPEG for both. ImageMagick ran as a command, `convert` with `jpeg:extent`; this
package in a running Python, as the operator does. Similarity is the structural similarity to the artwork, scaled in 64
bits by neither of them; 1 is identical. The best time counts.
"""


class Made(NamedTuple):
    """A prepared picture: its format, bytes, similarity to the reference, and the seconds that it took."""

    format: str
    size: int
    similarity: float
    seconds: float

    def cells(self) -> tuple[str, ...]:
        return f"{self.size:,}", f"{self.similarity:.6f}", f"{self.seconds * 1_000:.0f}"


Pair: TypeAlias = tuple[str, int, Made, Made]
"""An artwork's name, its limit in bytes, and the pictures that this package and ImageMagick made of it."""


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measure, write the page, and return the summary; of `rounds` the fastest counts."""
    start = time.monotonic()
    convert = shutil.which("convert-im6") or "/usr/bin/convert"  # `make bench-prepare` installs it
    with tempfile.TemporaryDirectory() as folder:
        made = {divisor: list(compare(convert, Path(folder), divisor, rounds)) for divisor in LIMITS}
    figures = [figure for divisor, pairs in made.items() for figure in summarise(pairs, LIMITS[divisor])]
    version = subprocess.run([convert, "-version"], capture_output=True, text=True, check=True).stdout.split()[1:4]
    PAGE.write_text(render(made, figures, f"{circumstances(start, PACKAGES)}; {' '.join(version)}"))
    return figures


def compare(convert: str, folder: Path, divisor: int, rounds: int) -> Iterator[Pair]:
    """Make each picture with both, alternating."""
    for number, artwork in enumerate(draw_all()):
        rule = PICTURE_RULES[artwork.kind]
        limit = rule.recommended_bytes // divisor
        source = folder / f"{number}{artwork.suffix}"
        source.write_bytes(artwork.file)
        ours, theirs = folder / f"{number}.ours", folder / f"{number}.theirs.jpg"
        only = None if divisor == 1 else "JPEG"
        works: dict[Path, Callable[[], object]] = {
            ours: lambda: ours.write_bytes(prepare(artwork.kind, source.read_bytes(), only=only, limit=limit).body),  # noqa: B023
            theirs: lambda: make_theirs(convert, source, theirs, rule, limit),  # noqa: B023
        }
        seconds = dict.fromkeys(works, math.inf)
        for file, work in [*works.items()] * rounds:
            seconds[file] = min(seconds[file], timeit.timeit(work, number=1))
        reference = scale(artwork.seen, rule)
        yield (
            artwork.name,
            limit,
            evaluate(ours, reference, seconds[ours]),
            evaluate(theirs, reference, seconds[theirs]),
        )


def make_theirs(convert: str, source: Path, target: Path, rule: PictureRule, limit: int) -> None:
    """Make a picture as a `BashOperator` with ImageMagick would."""
    size = f"{rule.width}x{rule.height}"
    options = (
        f"-auto-orient -colorspace sRGB -background white -alpha remove -colorspace RGB -resize {size}^ "
        f"-gravity center -extent {size} -colorspace sRGB -strip -define jpeg:extent={limit}"
    )
    subprocess.run([convert, f"{source}[0]", *options.split(), str(target)], check=True)


def scale(seen: Pixels, rule: PictureRule) -> Pixels:
    """Return the reference: the artwork's center, scaled in linear light with a Lanczos window in 64 bits.

    :param seen: the artwork, sRGB, 0 to 255.
    """
    height, width, _ = seen.shape
    factor = max(rule.width / width, rule.height / height)
    light = np.where(seen <= 0.04045 * 255, seen / 255 / 12.92, ((seen / 255 + 0.055) / 1.055) ** 2.4)
    light = np.einsum("ij,jkc->ikc", _weights(height, rule.height, factor), light, optimize=True)
    light = np.einsum("ij,kjc->kic", _weights(width, rule.width, factor), light, optimize=True).clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def _weights(length: int, wanted: int, factor: float) -> Pixels:
    """Return the weight of each source pixel of a row in each scaled pixel."""
    centers = (np.arange(wanted) + 0.5 - wanted / 2) / factor + length / 2
    distance = (np.arange(length) + 0.5 - centers[:, None]) * factor
    weights = np.where(abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def evaluate(file: Path, reference: Pixels, seconds: float) -> Made:
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=float)
        # The window of the paper that describes SSIM.
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        similarity = structural_similarity(pixels, reference, channel_axis=2, data_range=255, **window)
        return Made(str(image.format), file.stat().st_size, float(similarity), seconds)


def summarise(pairs: Sequence[Pair], limit: str) -> list[Figure]:
    ratio = sum(ours.seconds for _, _, ours, _ in pairs) / sum(theirs.seconds for *_, theirs in pairs)
    similar = sum(ours.similarity >= theirs.similarity for _, _, ours, theirs in pairs)
    slower = sum(ours.seconds > theirs.seconds for _, _, ours, theirs in pairs)
    of = f"of {len(pairs)}"
    return [
        at_least(f"pictures at least as similar as ImageMagick's, {limit}", similar, of, len(pairs)),
        at_most(f"time for all, against ImageMagick's, {limit}", ratio, "times", 1),
        at_most(f"pictures that took longer than ImageMagick's, {limit}", slower, of, 0),
    ]


def render(made: Mapping[int, Sequence[Pair]], figures: Sequence[Figure], circumstances: str) -> str:
    """Return the page in Markdown."""
    lines = [HEAD, circumstances, "", *table(figures)]
    head = ("artwork", "limit", "made", "bytes", "similarity", "ms", "ImageMagick: bytes", "similarity", "ms")
    for divisor, pairs in made.items():
        rows = [
            (name, f"{limit:,}", ours.format, *ours.cells(), *theirs.cells()) for name, limit, ours, theirs in pairs
        ]
        aligned = markdown.table(head, rows, right=[1, *range(3, len(head))])
        lines += ["", f"## {LIMITS[divisor].capitalize()}", "", *aligned]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    results = measure()
    print(PAGE.read_text())
    sys.exit(sum(figure.reached is False for figure in results))
