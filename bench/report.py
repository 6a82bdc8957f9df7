"""Figures and their goals, written as tables into `bench/RESULTS.md`.

Each part has a section of its own, with the circumstances of its measurement, so that one part can be measured again.
"""

from __future__ import annotations

import operator
import os
import platform
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from scripts import markdown
from scripts.checkout import ROOT

RESULTS: Final = ROOT / "bench" / "RESULTS.md"

PACKAGES: Final = (
    *("apache-airflow", "apache-airflow-providers-http", "engagelab-apppush", "requests", "urllib3", "pillow"),
    *("simplejpeg", "numpy"),
)
"""The packages whose versions are named beside the figures."""

TITLE: Final = """# Benchmarks

`make bench` writes this file; `make bench ONLY=NAME` measures one part again. The service is a stub in a process of its
own, which answers after 20 ms. Where pictures are checked, nginx serves them; its processor time is not the client's.
"""


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    :param unit: for example "uploads/s", "ms" or "times"; "" for a count.
    :param goal: the goal in words; "" for none.
    :param reached: None without a goal.
    :param profile: lines that say where the time goes.
    """

    what: str
    value: float
    unit: str = ""
    goal: str = ""
    reached: bool | None = None
    note: str = ""
    profile: tuple[str, ...] = ()


def at_least(what: str, value: float, unit: str, goal: float | None, **more: Any) -> Figure:
    return _judged(what, value, unit, "at least", goal, operator.ge, more)


def at_most(what: str, value: float, unit: str, goal: float | None, **more: Any) -> Figure:
    return _judged(what, value, unit, "at most", goal, operator.le, more)


def under(what: str, value: float, unit: str, goal: float | None, **more: Any) -> Figure:
    return _judged(what, value, unit, "under", goal, operator.lt, more)


def _judged(what: str, value: float, unit: str, words: str, goal: float | None, reaches: Any, more: Any) -> Figure:
    if goal is None:
        return Figure(what, value, unit, **more)
    return Figure(what, value, unit, f"{words} {goal:g}", bool(reaches(value, goal)), **more)


def circumstances(start: float, packages: Sequence[str] = PACKAGES) -> str:
    """Return the date, the duration, the machine and the versions of a measurement.

    :param start: its start on the monotonic clock.
    :param packages: the packages to name, if they are installed.
    """
    seconds = time.monotonic() - start
    took = f"{seconds / 60:.0f} minutes" if seconds >= 100 else f"{seconds:.0f} seconds"
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    model = processor[1] if processor else platform.machine()
    machine = f"{platform.system()} {platform.release()} on {os.cpu_count()} processors ({model})"
    installed = {one.name: one.version for one in distributions()}
    versions = "".join(f", {name} {installed[name]}" for name in packages if name in installed)
    return f"{datetime.now(UTC):%Y-%m-%d}; {took}; {machine}; Python {platform.python_version()}{versions}"


def section(figures: Sequence[Figure], circumstances: str) -> list[str]:
    """Return a part of the report in Markdown, without its heading."""
    lines = [circumstances, "", *table(figures)]
    for figure in figures:
        if figure.profile:
            lines += ["", f"Where the time of *{figure.what}* goes:", "", "```console", *figure.profile, "```"]
    return lines


def write(heading: str, lines: Iterable[str]) -> None:
    """Write a part of the report, and keep the others."""
    markdown.replace_section(RESULTS, TITLE, heading, lines)


def table(figures: Iterable[Figure]) -> list[str]:
    reached = {None: "", True: "yes", False: "**no**"}
    rows = [(one.what, spell(one), one.goal, reached[one.reached], one.note) for one in figures]
    return markdown.table(("figure", "measured", "goal", "reached", "note"), rows, right=[1])


def spell(figure: Figure) -> str:
    """Return a figure's value with three significant digits, and its unit."""
    value = figure.value
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {figure.unit}".strip()
