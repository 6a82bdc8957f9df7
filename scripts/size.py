"""Check the size of the code against limits: `make size`.

Prints a table, and exits with 1 if a figure is above its limit. Definitions:

- modules: the Python files of the package, `__init__.py` included; lines: all lines of a file, blank ones included.
- import layers: the longest chain of imports between the top-level modules and subpackages of the package, where each
  subpackage counts as one. Imports under TYPE_CHECKING do not count.
- modules in an upload, a poke, a batch row and a push: the modules with a function that runs when the operator (for the
  row: the hook) handles one picture or one push: see `scripts/modules_used.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import grimp

from scripts.checkout import ROOT

PACKAGE: Final = "airflow_provider_oppo_image"
LONG_MODULE: Final = 350
MAX_TEST_RATIO: Final = 1.8
"""Maximum lines of tests for each line of the package."""

MAX_TOOL_LINES: Final = 5_100
"""Maximum lines of scripts and bench, as reached; the goal is 4,500."""

MAX_LINES: Final = 21_400
MAX_MODULES: Final = 140
"""Maximum lines and modules of the package: 15,000 and 126 after the restructuring, and the features that came later.
`docs/decisions/structure.md` lists them."""

USED: Final = {"upload": 28, "poke": 28, "batch row": 37, "push": 24}
"""Maximum number of modules that take part in an operation, as reached; the goal for an upload is 26."""

Graph = Mapping[str, set[str]]


class Figure(NamedTuple):
    """One measured figure, and its limit; the note says where it was found."""

    name: str
    value: float
    limit: float
    note: str = ""


def line_count(files: Iterable[Path]) -> int:
    """Return the number of lines of all files."""
    return sum(len(file.read_text().splitlines()) for file in files)


def import_graph(package: str = PACKAGE) -> Graph:
    """Return the imports of each top-level module and subpackage of the package, its own `__init__` left out."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    parts = graph.find_children(package)
    for part in parts:
        graph.squash_module(part)
    return {part: graph.find_modules_directly_imported_by(part) - {package, part} for part in parts}


def longest_chain(graph: Graph) -> list[str]:
    """Return the longest chain of imports; import-linter checks that there is no cycle."""

    @cache
    def chain_from(name: str) -> list[str]:
        return [name, *max(map(chain_from, sorted(graph[name])), key=len, default=[])]

    return max(map(chain_from, sorted(graph)), key=len)


def figures() -> Iterator[Figure]:
    """Measure everything."""
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    lines = line_count(files)
    long = [file for file in files if line_count([file]) > LONG_MODULE]
    folder, fullest = Counter(file.parent for file in files).most_common(1)[0]
    layers = longest_chain(import_graph())
    tools = [file for name in ("scripts", "bench") for end in ("py", "sh") for file in (ROOT / name).rglob(f"*.{end}")]

    yield Figure("modules of the package", len(files), MAX_MODULES)
    yield Figure("lines of the package", lines, MAX_LINES)
    yield Figure("modules in one folder", fullest, 18, folder.name)
    yield Figure(f"modules above {LONG_MODULE} lines", len(long), 0, ", ".join(file.name for file in long))
    yield Figure("import layers", len(layers), 8, " > ".join(name.removeprefix(f"{PACKAGE}.") for name in layers))
    yield Figure("test lines per package line", line_count((ROOT / "tests").rglob("*.py")) / lines, MAX_TEST_RATIO)
    yield Figure("lines of scripts and bench", line_count(tools), MAX_TOOL_LINES)
    command = [sys.executable, "-m", "scripts.modules_used"]
    used = json.loads(subprocess.check_output(command, cwd=ROOT, text=True).splitlines()[-1])
    for name, limit in USED.items():
        yield Figure(f"modules used by one {name}", len(used[name]), limit)


def main() -> int:
    """Print the table, and return the exit code."""
    exceeded = False
    print(f"{'figure':<34}{'value':>9}{'limit':>9}")
    for name, value, limit, note in figures():
        exceeded |= value > limit
        shown = f"{value:,.2f}".removesuffix(".00")
        print(f"{name:<34}{shown:>9}{limit:>9,}{'  ABOVE THE LIMIT' if value > limit else ''}  {note}".rstrip())
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
