"""What the page in Airflow takes to show the results of a large batch: the first look at them, and each page after it.

usage: python -m bench.page ROWS
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from airflow_provider_oppo_image.batch.results import RowResult, write_results
from airflow_provider_oppo_image.plugins.results_download import download
from airflow_provider_oppo_image.plugins.results_table import Filter, ResultsTable, ResultsTableCache
from bench.report import ROOT, Figure, under
from bench.runs import CDN, peak_mb

MANY: Final = 100_000
ROUNDS: Final = 5

PAGES: Final = {
    "the first": (Filter(), 1),
    "the last": (Filter(), MANY),
    "the last of those that were uploaded": (Filter("uploaded"), MANY),
    "the first of a cause": (Filter(fault="picture", code="wrong_dimensions"), 1),
    "the first of a text that many have": (Filter(text="SPRING"), 1),
    "the last of a text that many have": (Filter(text="SPRING"), MANY),
    "of a text that none has": (Filter(text="autumn"), 1),
}
"""Which pages are looked at, by what they are called."""

CODES: Final = ("wrong_dimensions", "not_found", "51")


def measure(rows: int = MANY) -> list[Figure]:
    """Measure a file of so many results, in a process of its own.

    :param rows: how many.
    """
    command = [sys.executable, "-m", "bench.page", str(rows)]
    found = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)
    of = f"of {rows:,} results"
    return [
        under(f"first look, {of}", found["index"], "s", 3),
        *(under(f"page {of}: {page}", found[page], "ms", 100) for page in PAGES),
        under(f"memory for all of it, {of}", found["memory"], "MB", 50),
        Figure(f"temporary disk, {of}", found["disk"], "MB", note=f"their file has {found['file']:.0f} MB"),
        Figure(f"download as CSV, {of}", found["download"], "s"),
    ]


def results(rows: int) -> Iterator[RowResult]:
    """Yield so many results, of which one in twenty failed."""
    for line in range(2, rows + 2):
        name, big_id, small_id = f"春天 Spring {line}", f"3653918_{line:024x}", f"3653918_{-line % 16**24:024x}"
        big, small = f"{CDN}/pictures/{line}/big.jpg", f"{CDN}/pictures/{line}/small.png"
        if line % 20:
            yield RowResult(line, name, "uploaded", big_id, small_id, None, None, None, big, small)
        else:
            words = (
                f"big picture {big} is wrong: 876 x 324 px instead of 984 x 369 px. Export it at exactly 984 x 369 px"
            )
            yield RowResult(line, name, "failed", None, small_id, CODES[line % 3], words, "picture", big, small)


def main() -> None:
    """Look at results, and tell what it took."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "night.results.csv")
        write_results(place, results(int(sys.argv[1])))
        before, began = peak_mb(), time.monotonic()
        table = ResultsTableCache().get(str(place))
        found = {"index": time.monotonic() - began, "disk": _disk_mb(), "file": place.stat().st_size / 1e6}
        found |= {name: _ms(table, *page) for name, page in PAGES.items()}
        began = time.monotonic()
        for _ in download(table, "csv"):
            pass
        found |= {"download": time.monotonic() - began, "memory": peak_mb() - before}
    print(json.dumps(found))


def _ms(table: ResultsTable, wanted: Filter, number: int) -> float:
    def timed() -> float:
        began = time.monotonic()
        table.page(wanted, number)
        return time.monotonic() - began

    return 1000 * statistics.median(timed() for _ in range(ROUNDS))


def _disk_mb() -> float:
    """Return how large the files are that this process has open and that have no name any more."""
    files = [file for file in Path("/proc/self/fd").iterdir() if file.exists()]
    return sum(file.stat().st_size for file in files if "(deleted)" in str(file.readlink())) / 1e6


if __name__ == "__main__":
    main()
