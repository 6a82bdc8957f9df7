"""Figures with their goals: kept as measured, printed as a table, and written into `bench/RESULTS.md`.

Each part of the measurements keeps its figures in a file of its own, with the circumstances in which it was measured,
so that one part can be measured again without the others.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
MEASURED: Final = ROOT / "bench" / "measured"
RESULTS: Final = ROOT / "bench" / "RESULTS.md"

NAMED: Final = (
    "apache-airflow",
    "apache-airflow-providers-http",
    "engagelab-apppush",
    "requests",
    "urllib3",
    "pillow",
)
"""The packages whose versions a figure depends on."""

TITLE: Final = """# What it reaches, beside what a user would pick instead

Written by `make bench`; nothing in it is typed by hand. `make bench ONLY=NAME` measures a part again, and leaves the
others as they stand. The service is a stub in a process of its own, which answers after 20 ms.

![Uploads a second and processor time of an upload, by what uploads](../docs/benchmarks.svg)
"""


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    :param what: what was measured, in words that can stand in a table.
    :param value: how much.
    :param unit: of what, such as "uploads/s", "ms" or "times"; "" for a bare count.
    :param goal: what it must reach, in words; "" where it only stands beside another figure.
    :param reached: whether it does; None without a goal.
    :param note: what a reader must know of how it came about.
    :param profile: lines that say where the time goes; none where that was not looked at.
    """

    what: str
    value: float
    unit: str = ""
    goal: str = ""
    reached: bool | None = None
    note: str = ""
    profile: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """The figures that are measured together, in one run.

    :param heading: what they are about.
    :param circumstances: when, on what and with what they were measured.
    :param figures: the figures, in the order in which they are shown.
    """

    heading: str
    circumstances: str
    figures: tuple[Figure, ...]


def at_least(what: str, value: float, unit: str, goal: float, **more: Any) -> Figure:
    """Return a figure that must not be less than its goal."""
    return Figure(what, value, unit, f"at least {goal:g}", value >= goal, **more)


def at_most(what: str, value: float, unit: str, goal: float, **more: Any) -> Figure:
    """Return a figure that must not be more than its goal."""
    return Figure(what, value, unit, f"at most {goal:g}", value <= goal, **more)


def under(what: str, value: float, unit: str, goal: float, **more: Any) -> Figure:
    """Return a figure that must be less than its goal."""
    return Figure(what, value, unit, f"under {goal:g}", value < goal, **more)


def circumstances(start: float, names: Sequence[str] = NAMED) -> str:
    """Return when, on what and with what something was measured, and how long that took.

    :param start: when it began, as `time.monotonic` tells.
    :param names: the packages to name; those that are not installed are left out.
    """
    packages = "".join(f", {name} {found}" for name in names if (found := _version(name)))
    machine = f"{platform.system()} {platform.release()} on {os.cpu_count()} processors ({processor()})"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {_spell(time.monotonic() - start)}; {machine}; "
        f"Python {platform.python_version()}{packages}"
    )


def processor() -> str:
    """Return the processor's name, or its kind where it has none."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _spell(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 100 else f"{seconds:.0f} seconds"


def save(name: str, part: Part) -> None:
    """Keep a part's figures, for the report."""
    MEASURED.mkdir(exist_ok=True)
    (MEASURED / f"{name}.json").write_text(json.dumps(asdict(part), indent=2, ensure_ascii=False) + "\n")


def load(name: str) -> Part | None:
    """Return a part as it was last measured; None where it never was."""
    file = MEASURED / f"{name}.json"
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    figures = (Figure(**figure | {"profile": tuple(figure["profile"])}) for figure in kept["figures"])
    return Part(kept["heading"], kept["circumstances"], tuple(figures))


def others(names: Collection[str]) -> list[str]:
    """Return the names of the parts that are kept, beside some."""
    return sorted(file.stem for file in MEASURED.glob("*.json") if file.stem not in names)


def render(parts: Iterable[Part]) -> str:
    """Return the whole report in Markdown."""
    return "\n".join([TITLE, *(f"{section(part)}\n" for part in parts)])


def section(part: Part) -> str:
    """Return a part of the report in Markdown."""
    lines = [f"## {part.heading}", "", part.circumstances, "", *table(part.figures)]
    for figure in part.figures:
        if figure.profile:
            lines += ["", f"Where the time of *{figure.what}* goes:", "", "```console", *figure.profile, "```"]
    return "\n".join(lines)


def table(figures: Iterable[Figure]) -> list[str]:
    """Return the lines of a table of figures, in Markdown whose columns stand below one another."""
    rows = [("figure", "measured", "goal", "reached", "note")]
    rows += [(one.what, spell(one), one.goal, _yes_or_no(one.reached), one.note) for one in figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_row(row, widths) for row in rows]
    rule = ["-" * width for width in widths]
    rule[1] = rule[1][:-1] + ":"
    return [lines[0], _row(rule, widths), *lines[1:]]


def spell(figure: Figure) -> str:
    """Return a figure's value with three digits that say something, and its unit."""
    value = figure.value
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {figure.unit}".strip()


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    padded[1] = cells[1].rjust(widths[1])
    return f"| {' | '.join(padded)} |"


def _yes_or_no(reached: bool | None) -> str:
    return "" if reached is None else "yes" if reached else "**no**"
