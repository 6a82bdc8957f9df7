"""A process that fuzzes the check of pictures. A separate process allows exact measurement of memory.

usage: python -m tests.trust.fuzz_process COUNT DIRECTORY

It tries mutated pictures with the seeds 0 to COUNT - 1; with COUNT 0, it tries the bombs. It prints its findings as
JSON. DIRECTORY/input is the current input; each input that breaks a rule is kept in DIRECTORY under its name.
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

MAX_SECONDS: Final = 0.05
MAX_MEGABYTES: Final = 64.0

REFERENCE_SECONDS: Final = 0.003
"""Duration of the check of a valid picture on an idle machine, to which time limits refer."""

EXCEPTION, SLOW, LARGE, REFUSED, CONTRADICTED = RULES = (
    "another exception",
    f"over {MAX_SECONDS * 1000:.0f} ms",
    f"over {MAX_MEGABYTES:.0f} MB",
    "ready, but not for Pillow",
    "contradicted by more bytes",
)


@dataclasses.dataclass
class Findings:
    """Findings of a run.

    :param tried: the number of inputs.
    :param states: the number of reports by state.
    :param slowest_ms: the highest processor time of one check in milliseconds.
    :param slowest: the input with this time.
    :param peak_mb: the highest memory growth in megabytes.
    :param peak: the input with this growth.
    :param broken: by rule, the inputs that broke it.
    :param exceptions: the exceptions among them.
    """

    tried: int = 0
    states: Counter[str] = dataclasses.field(default_factory=Counter)
    slowest_ms: float = 0.0
    slowest: str = ""
    peak_mb: float = 0.0
    peak: str = ""
    broken: dict[str, list[str]] = dataclasses.field(default_factory=lambda: {rule: [] for rule in RULES})
    exceptions: list[str] = dataclasses.field(default_factory=list)


class Fuzzer:
    """Tries inputs.

    :param directory: the folder for inputs.
    """

    def __init__(self, directory: Path) -> None:
        self.findings = Findings()
        self._directory = directory
        self._at_start = megabytes("VmRSS")
        self._longest = 0.0

    def try_out(self, name: str, kind: PictureKind, content: bytes) -> None:
        """Try an input.

        :param name: its name in the findings, and the name of its file.
        :param kind: the kind that it is checked as.
        """
        found = self.findings
        self._longest = 0.0
        try:
            broken = self._broken_rules(kind, content)
        except Exception as error:  # noqa: BLE001 - no exception may occur
            found.exceptions.append(f"{name}: {error!r}")
            broken = {EXCEPTION}
        if self._longest > MAX_SECONDS:
            broken.add(SLOW)
        if self._longest * 1000 > found.slowest_ms:
            found.slowest_ms, found.slowest = self._longest * 1000, name
        memory = megabytes("VmHWM") - self._at_start
        if memory > found.peak_mb:
            found.peak_mb, found.peak = memory, name
            broken |= {LARGE} if memory > MAX_MEGABYTES else set()
        found.tried += 1
        for broken_rule in broken:
            found.broken[broken_rule].append(name)
            (self._directory / name).write_bytes(content)

    def _broken_rules(self, kind: PictureKind, content: bytes) -> set[str]:
        """Check an input with every function, and return the rules that it breaks."""
        rule, broken = PICTURE_RULES[kind], set()
        path = self._directory / "input"
        path.write_bytes(content)
        report = self._timed(check_file, kind, path)
        if len(content) > rule.max_bytes:  # the check refuses it unread
            self._timed(inspect_structure, content)
        verdict = None
        for length in sorted({1, 4, 33, 40, 512, 1_000, *range(0, len(content), len(content) // 4 + 1)}):
            facts = self._timed(inspect_header, content[:length])
            contradicted = verdict is not None and facts != verdict
            refused = facts is not None and judge_content(rule, facts)
            if contradicted or (refused and report.state == "ready"):
                broken.add(CONTRADICTED)
            verdict = facts
        if report.state == "ready" and not decodes(content, report):
            broken.add(REFUSED)
        self.findings.states[report.state] += 1
        return broken

    def _timed(self, function: Callable[..., T], *arguments: Any) -> T:
        for _ in range(3):  # the machine may be busy, and the garbage collector may run
            start = time.thread_time()
            result = function(*arguments)
            seconds = time.thread_time() - start
            if seconds <= MAX_SECONDS:
                break
        else:
            seconds /= slowness()
        self._longest = max(self._longest, seconds)
        return result


def slowness() -> float:
    """Return the current duration of the check of a valid picture, relative to the reference; at least 1."""
    picture = artwork.good("big", "PNG")
    times = []
    for _ in range(5):
        start = time.thread_time()
        check_bytes("big", picture, "reference")
        times.append(time.thread_time() - start)
    return max(min(times) / REFERENCE_SECONDS, 1.0)


def decodes(content: bytes, report: PictureReport) -> bool:
    """Return whether Pillow alone decodes a picture with the report's format and dimensions."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return (image.format, *image.size) == (report.format, report.width, report.height)
    except Exception:  # noqa: BLE001 - any error means no
        return False


def megabytes(field: str) -> float:
    """Return this process's memory: the current one with "VmRSS", the peak with "VmHWM"."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def main() -> None:
    """Fuzz, and print the findings."""
    count, directory = int(sys.argv[1]), Path(sys.argv[2])
    for kind, picture in originals():  # so that Pillow's lazy imports are done
        Fuzzer(directory).try_out("original", kind, picture)
    bombs = BOMBS | HEAVY_BOMBS
    fuzzer = Fuzzer(directory)
    for seed in range(count):
        fuzzer.try_out(f"seed {seed}", *mutant(seed))
    for name in () if count else bombs:
        fuzzer.try_out(name, "big", bombs[name]())
    json.dump(vars(fuzzer.findings), sys.stdout)


if __name__ == "__main__":
    main()
