"""A process that attacks the check of pictures and tells what got succeeded; in it, memory is the check's own.

usage: python -m tests.trust.fuzz_process COUNT DIRECTORY

Changed pictures of the seeds 0 to COUNT - 1, and for a COUNT of 0 the bombs. Prints the findings as JSON. The input
that is tried stands in DIRECTORY/input; each that gets succeeded is kept there under its name.
"""

from __future__ import annotations

import dataclasses
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from PIL import Image

from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.pictures.check import check_bytes, check_file
from airflow_provider_oppo_image.pictures.decode import inspect_header, inspect_structure
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.rules import judge_content
from tests.support import artwork
from tests.support.bombs import BOMBS, HEAVY_BOMBS
from tests.support.mutations import mutant, originals

T = TypeVar("T")

MOST_SECONDS: Final = 0.05
MOST_MEGABYTES: Final = 64.0

HONEST_SECONDS: Final = 0.003
"""What a look at an honest picture takes where nothing else is done; limits of time are meant for that."""

EXCEPTION, SLOW, LARGE, REFUSED, OVERTURNED = PROMISES = (
    "another exception",
    f"over {MOST_SECONDS * 1000:.0f} ms",
    f"over {MOST_MEGABYTES:.0f} MB",
    "ready, but not for Pillow",
    "overturned by more bytes",
)


@dataclasses.dataclass
class Findings:
    """What was found out.

    :param tried: how many inputs were tried.
    :param states: how many reports had which state.
    :param slowest_ms: the most processor time that one look took, in milliseconds.
    :param slowest: the input that took it.
    :param peak_mb: the most memory above that at the start, in megabytes.
    :param peak: the input at which it was reached.
    :param succeeded: by promise, the inputs that broke it.
    :param words: the exceptions among them.
    """

    tried: int = 0
    states: Counter[str] = dataclasses.field(default_factory=Counter)
    slowest_ms: float = 0.0
    slowest: str = ""
    peak_mb: float = 0.0
    peak: str = ""
    succeeded: dict[str, list[str]] = dataclasses.field(default_factory=lambda: {promise: [] for promise in PROMISES})
    words: list[str] = dataclasses.field(default_factory=list)


class Attack:
    """Tries one input after another.

    :param directory: where inputs are put.
    """

    def __init__(self, directory: Path) -> None:
        self.findings = Findings()
        self._directory = directory
        self._at_start = megabytes("VmRSS")
        self._longest = 0.0

    def try_out(self, name: str, kind: PictureKind, content: bytes) -> None:
        """Try an input.

        :param name: what it is called in the findings, and the name of its file.
        :param kind: what it is checked as.
        :param content: the file's bytes.
        """
        found = self.findings
        self._longest = 0.0
        try:
            broken = self._look(kind, content)
        except Exception as error:  # noqa: BLE001 - that none comes is what is tried
            found.words.append(f"{name}: {error!r}")
            broken = {EXCEPTION}
        if self._longest > MOST_SECONDS:
            broken.add(SLOW)
        if self._longest * 1000 > found.slowest_ms:
            found.slowest_ms, found.slowest = self._longest * 1000, name
        memory = megabytes("VmHWM") - self._at_start
        if memory > found.peak_mb:
            found.peak_mb, found.peak = memory, name
            broken |= {LARGE} if memory > MOST_MEGABYTES else set()
        found.tried += 1
        for promise in broken:
            found.succeeded[promise].append(name)
            (self._directory / name).write_bytes(content)

    def _look(self, kind: PictureKind, content: bytes) -> set[str]:
        """Look at an input in every way, and return the promises that it broke."""
        rule, broken = PICTURE_RULES[kind], set()
        path = self._directory / "input"
        path.write_bytes(content)
        report = self._timed(check_file, kind, path)
        if len(content) > rule.max_bytes:  # the check has not read it
            self._timed(inspect_structure, content)
        settled = None
        for length in sorted({1, 4, 33, 40, 512, 1_000, *range(0, len(content), len(content) // 4 + 1)}):
            facts = self._timed(inspect_header, content[:length])
            overturned = settled is not None and facts != settled
            refused = facts is not None and judge_content(rule, facts)
            if overturned or (refused and report.state == "ready"):
                broken.add(OVERTURNED)
            settled = facts
        if report.state == "ready" and not decodes(content, report):
            broken.add(REFUSED)
        self.findings.states[report.state] += 1
        return broken

    def _timed(self, look: Callable[..., T], *subject: Any) -> T:
        for _ in range(3):  # this machine may be busy with something else, and the memory with tidying up
            start = time.thread_time()
            seen = look(*subject)
            seconds = time.thread_time() - start
            if seconds <= MOST_SECONDS:
                break
        else:
            seconds /= slowness()
        self._longest = max(self._longest, seconds)
        return seen


def slowness() -> float:
    """Return how many times longer than there a look at an honest picture takes here and now; at least 1."""
    picture = artwork.good("big", "PNG")
    times = []
    for _ in range(5):
        start = time.thread_time()
        check_bytes("big", picture, "honest")
        times.append(time.thread_time() - start)
    return max(min(times) / HONEST_SECONDS, 1.0)


def decodes(content: bytes, report: PictureReport) -> bool:
    """Tell whether Pillow by itself takes a picture for what a report says that it is."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return (image.format, *image.size) == (report.format, report.width, report.height)
    except Exception:  # noqa: BLE001 - whatever it is
        return False


def megabytes(field: str) -> float:
    """Return a number of this process's memory: "VmRSS" for now, "VmHWM" for the most so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def main() -> None:
    """Attack, and print the findings."""
    count, directory = int(sys.argv[1]), Path(sys.argv[2])
    for kind, picture in originals():  # so that all that Pillow imports late is there
        Attack(directory).try_out("original", kind, picture)
    bombs = BOMBS | HEAVY_BOMBS
    attack = Attack(directory)
    for seed in range(count):
        attack.try_out(f"seed {seed}", *mutant(seed))
    for name in () if count else bombs:
        attack.try_out(name, "big", bombs[name]())
    json.dump(vars(attack.findings), sys.stdout)


if __name__ == "__main__":
    main()
