"""The time that the page in Airflow takes to show the results of a large batch."""

from __future__ import annotations

import statistics
import tempfile
import time
import timeit
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.plugins.results_download import download
from airflow_provider_oppo_image.plugins.results_table import Filter, ResultsTable, ResultsTableCache
from bench.report import Figure, under
from bench.runs import CDN, peak_mb, run_apart

MANY: Final = 100_000
ROUNDS: Final = 5

PAGES: Final = {
    "the first": (Filter(), 1),
    "the last": (Filter(), MANY),
    "the last of the uploaded": (Filter("uploaded"), MANY),
    "the first of a cause": (Filter(fault="picture", code="wrong_dimensions"), 1),
    "the first of a frequent text": (Filter(text="SPRING"), 1),
    "the last of a frequent text": (Filter(text="SPRING"), MANY),
    "of a text that is not there": (Filter(text="autumn"), 1),
}

CODES: Final = ("wrong_dimensions", "not_found", "51")


def measure(rows: int = MANY) -> list[Figure]:
    """Measure a file with `rows` results, in a process of its own."""
    found = run_apart(measure_here, rows)
    of = f"of {rows:,} results"
    return [
        under(f"first request, {of}", found["index"], "s", 3),
        *(under(f"page {of}: {page}", found[page], "ms", 100) for page in PAGES),
        under(f"memory for all of it, {of}", found["memory"], "MB", 50),
        Figure(f"temporary disk, {of}", found["disk"], "MB", note=f"their file has {found['file']:.0f} MB"),
        Figure(f"download as CSV, {of}", found["download"], "s"),
    ]


def results(rows: int) -> Iterator[RowResult]:
    """Yield results, of which one in twenty failed."""
    for line in range(2, rows + 2):
        name, big_id, small_id = f"春天 Spring {line}", f"3653918_{line:024x}", f"3653918_{-line % 16**24:024x}"
        big, small = f"{CDN}/pictures/{line}/big.jpg", f"{CDN}/pictures/{line}/small.png"
        if line % 20:
            yield RowResult(line, name, "uploaded", big_id, small_id, None, None, None, big, small)
        else:
            text = f"big picture {big} is wrong: 876 x 324 px instead of 984 x 369 px. Export it at 984 x 369 px"
            yield RowResult(line, name, "failed", None, small_id, CODES[line % 3], text, "picture", big, small)


def measure_here(rows: int) -> dict[str, float]:
    """Measure in this process; return times in s and of pages in ms, and sizes in MB."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "night.results.csv")
        write_results(file, results(rows))
        before, start = peak_mb(), time.monotonic()
        table = ResultsTableCache().get(str(file))
        found = {"index": time.monotonic() - start, "disk": _disk_mb(), "file": file.stat().st_size / 1e6}
        found |= {name: _ms(table, *page) for name, page in PAGES.items()}
        start = time.monotonic()
        deque(download(table, "csv"), maxlen=0)
        found |= {"download": time.monotonic() - start, "memory": peak_mb() - before}
        return found


def _ms(table: ResultsTable, wanted: Filter, number: int) -> float:
    return 1000 * statistics.median(timeit.repeat(lambda: table.page(wanted, number), number=1, repeat=ROUNDS))


def _disk_mb() -> float:
    """Return the size of the deleted files that this process has open."""
    files = [file for file in Path("/proc/self/fd").iterdir() if file.exists()]
    return sum(file.stat().st_size for file in files if "(deleted)" in str(file.readlink())) / 1e6
