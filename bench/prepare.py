"""Artwork made ready by this package and by ImageMagick: how like the artwork the pictures are, and what that takes.

Both scale in linear light, as ImageMagick does when it is told to, and both may write as many bytes: what the service
is sure to accept, and then a tenth of it, where both must write JPEG. ImageMagick's limit is its `jpeg:extent`. What
the pictures should look like is computed here, in 64 bits and by neither of them. Likeness is the structural similarity
of scikit-image: 1 for what is the same.

usage: python -m bench.prepare
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from airflow_provider_oppo_image.artwork.prepare import prepare
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind, PictureRule
from bench.artworks import Pixels, draw_all
from bench.report import ROOT, Figure, at_least, at_most, circumstances, table

PAGE: Final = ROOT / "docs" / "prepare-benchmark.md"
ROUNDS: Final = 3
PARTS: Final = (1, 10)
"""What part of the limit a picture may take: all of it, and a tenth."""

NAMED: Final = ("pillow", "scikit-image", "numpy")

HEAD: Final = """# Artwork made ready, beside ImageMagick

You find here how like the artwork the pictures are that [this package makes](how-to/prepare-artwork.md) and that
ImageMagick makes, and how long both take. Written by `python -m bench.prepare`; nothing in it is typed by hand.

Both got the same 20 artworks in one run, scaled them in linear light, and had the same limit of bytes: what the service
is sure to accept, and then a tenth of it, with JPEG asked of both. ImageMagick ran as a command, `convert` with
`jpeg:extent`; this package in a running Python, as the operator does. Likeness is the structural similarity to the
artwork scaled in 64 bits by neither of them; 1 is the same. Of the times the best counts.
"""


@dataclass(frozen=True)
class Made:
    """What one of the two made of an artwork.

    :param format: "PNG" or "JPEG".
    :param size: bytes.
    :param likeness: how much it looks like what it should, at most 1.
    :param seconds: how long that took, at best.
    """

    format: str
    size: int
    likeness: float
    seconds: float


@dataclass(frozen=True)
class Pair:
    """An artwork, and what both made of it within a limit.

    :param name: what it shows.
    :param limit: the most bytes.
    """

    name: str
    limit: int
    ours: Made
    theirs: Made

    @property
    def is_as_like(self) -> bool:
        """Whether ours is at least as like the artwork."""
        return self.ours.likeness >= self.theirs.likeness

    @property
    def is_slower(self) -> bool:
        """Whether ours took longer."""
        return self.ours.seconds > self.theirs.seconds


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measure, and write the page; return what it comes to.

    :param rounds: how often each picture is made; the fastest counts.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        made = {part: list(compare(Path(folder), part, rounds)) for part in PARTS}
    figures = [figure for part, pairs in made.items() for figure in summarise(pairs, where(part))]
    PAGE.write_text(render(made, figures, f"{circumstances(start, NAMED)}; {version_of(find_convert())}"))
    return figures


def compare(folder: Path, part: int, rounds: int) -> Iterator[Pair]:
    """Have both make each picture, in turns.

    :param folder: for the files.
    :param part: of the limit, one part in so many.
    :param rounds: how often.
    """
    convert = find_convert()
    for number, artwork in enumerate(draw_all()):
        rule = PICTURE_RULES[artwork.kind]
        limit = rule.recommended_bytes // part
        source = folder / f"{number}{artwork.suffix}"
        source.write_bytes(artwork.file)
        files = {"ours": folder / f"{number}.ours", "theirs": folder / f"{number}.theirs.jpg"}
        ways: dict[str, Callable[[], object]] = {
            "ours": partial(make_ours, source, files["ours"], artwork.kind, limit, part),
            "theirs": partial(make_theirs, convert, source, files["theirs"], rule, limit),
        }
        seconds = dict.fromkeys(ways, math.inf)
        for _ in range(rounds):
            for name, way in ways.items():
                seconds[name] = min(seconds[name], clocked(way))
        wanted = scale(artwork.seen, rule)
        yield Pair(artwork.name, limit, *(judge(files[name], wanted, seconds[name]) for name in ways))


def make_ours(source: Path, target: Path, kind: PictureKind, limit: int, part: int) -> None:
    """Make a picture as the operator does, from file to file."""
    only = None if part == 1 else "JPEG"
    target.write_bytes(prepare(kind, source.read_bytes(), only=only, limit=limit).body)


def make_theirs(convert: str, source: Path, target: Path, rule: PictureRule, limit: int) -> None:
    """Make a picture as a `BashOperator` with ImageMagick would."""
    size = f"{rule.width}x{rule.height}"
    command = [
        convert,
        f"{source}[0]",
        "-auto-orient",
        "-colorspace",
        "sRGB",
        "-background",
        "white",
        "-alpha",
        "remove",
    ]
    command += [
        "-colorspace",
        "RGB",
        "-resize",
        f"{size}^",
        "-gravity",
        "center",
        "-extent",
        size,
        "-colorspace",
        "sRGB",
    ]
    command += ["-strip", "-define", f"jpeg:extent={limit}", str(target)]
    subprocess.run(command, check=True)


def scale(seen: Pixels, rule: PictureRule) -> Pixels:
    """Return what the picture should look like: the artwork's middle, scaled as light by Lanczos' window, in 64 bits.

    :param seen: the artwork, sRGB, 0 to 255.
    :param rule: the size that it is to have.
    """
    height, width, _ = seen.shape
    factor = max(rule.width / width, rule.height / height)
    light = np.where(seen <= 0.04045 * 255, seen / 255 / 12.92, ((seen / 255 + 0.055) / 1.055) ** 2.4)
    light = np.einsum("ij,jkc->ikc", _weights(height, rule.height, factor), light, optimize=True)
    light = np.einsum("ij,kjc->kic", _weights(width, rule.width, factor), light, optimize=True).clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def _weights(length: int, wanted: int, factor: float) -> Pixels:
    """Return how much each pixel of a line counts in each of its middle's pixels when that is scaled."""
    centres = (np.arange(wanted) + 0.5 - wanted / 2) / factor + length / 2
    away = (np.arange(length) + 0.5 - centres[:, None]) * factor
    weights = np.where(abs(away) < 3, np.sinc(away) * np.sinc(away / 3), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def likeness(picture: Pixels, wanted: Pixels) -> float:
    """Return the structural similarity, with the window of the paper that describes it."""
    return float(
        structural_similarity(
            picture,
            wanted,
            channel_axis=2,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def judge(file: Path, wanted: Pixels, seconds: float) -> Made:
    """Look at what was made.

    :param file: where it is.
    :param wanted: what it should look like.
    :param seconds: how long it took.
    """
    with Image.open(file) as image:
        shown = np.asarray(image.convert("RGB"), dtype=float)
        return Made(str(image.format), file.stat().st_size, likeness(shown, wanted), seconds)


def clocked(work: Callable[[], object]) -> float:
    """Return how long something takes, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def find_convert() -> str:
    """Return ImageMagick's `convert`, which is installed where there is none: Debian's package."""
    for again in (False, True):
        for name in ("convert-im6", "/usr/bin/convert", "convert"):
            path = shutil.which(name)
            if path and "ImageMagick" in subprocess.run([path, "-version"], capture_output=True, text=True).stdout:
                return path
        if not again:
            command = ["apt-get", "install", "--yes", "--no-install-recommends", "imagemagick"]
            subprocess.run(command, check=True, stdout=sys.stderr)
    raise SystemExit("ImageMagick's convert is not there, and was not installed.")


def version_of(convert: str) -> str:
    """Return ImageMagick's name and version."""
    said = subprocess.run([convert, "-version"], capture_output=True, text=True, check=True).stdout
    return " ".join(said.split()[1:4])


def where(part: int) -> str:
    """Return a limit in words."""
    return "at the limit" if part == 1 else f"at 1/{part} of the limit"


def summarise(pairs: Sequence[Pair], limit: str) -> list[Figure]:
    """Return what the pictures come to.

    :param pairs: what both made.
    :param limit: within which limit, in words.
    """
    ours, theirs = [pair.ours for pair in pairs], [pair.theirs for pair in pairs]
    ratio = sum(made.seconds for made in ours) / sum(made.seconds for made in theirs)
    like, slow = sum(pair.is_as_like for pair in pairs), sum(pair.is_slower for pair in pairs)
    return [
        at_least(f"pictures at least as like as ImageMagick's, {limit}", like, f"of {len(pairs)}", len(pairs)),
        at_most(f"time for all, against ImageMagick's, {limit}", ratio, "times", 1),
        at_most(f"pictures that took longer than ImageMagick's, {limit}", slow, f"of {len(pairs)}", 0),
    ]


def render(made: Mapping[int, Sequence[Pair]], figures: Sequence[Figure], circumstances: str) -> str:
    """Return the page, in Markdown.

    :param made: what both made, by the part of the limit.
    :param figures: what that comes to.
    :param circumstances: when, on what and with what it was measured.
    """
    lines = [HEAD, circumstances, "", *table(figures)]
    for part, pairs in made.items():
        lines += [
            "",
            f"## {where(part).capitalize()}",
            "",
            "| artwork | limit | made | bytes | likeness | ms | ImageMagick: bytes | likeness | ms |",
            "| --- | --: | --- | --: | --: | --: | --: | --: | --: |",
        ]
        lines += [row(pair) for pair in pairs]
    return "\n".join(lines) + "\n"


def row(pair: Pair) -> str:
    """Return a picture's row of the table."""
    cells = [pair.name, f"{pair.limit:,}", pair.ours.format]
    for made in (pair.ours, pair.theirs):
        cells += [f"{made.size:,}", f"{made.likeness:.6f}", f"{made.seconds * 1_000:.0f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    results = measure()
    print(PAGE.read_text())
    sys.exit(sum(figure.reached is False for figure in results))
