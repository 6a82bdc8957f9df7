"""What a batch takes for a row: memory and time must not grow with the rows."""

from __future__ import annotations

from typing import Final

from bench.report import Figure, at_most, under
from bench.runs import Run, median, run_module
from bench.service import Service

FEW, SOME, MANY = 100, 1_000, 100_000
ROUNDS: Final = 5


def measure(many: int = MANY, rounds: int = ROUNDS) -> list[Figure]:
    """Measure batches of few and of many rows, check and limit off.

    :param many: how many are many.
    :param rounds: how often the small batches are run; the middle one counts.
    """
    few = [_run(FEW) for _ in range(rounds)]
    some = [_run(SOME) for _ in range(rounds)]
    all_of_them = _run(many)
    growth = all_of_them.memory_mb - median(few, lambda run: run.memory_mb)
    longer = all_of_them.ms / median(some, lambda run: run.ms)
    return [
        under(f"memory growth from {FEW} to {many:,} rows", growth, "MB", 30),
        at_most(f"time of a row, of {many:,} against of {SOME:,} rows", longer, "times", 1.1),
        Figure(f"time of a row, of {many:,} rows", all_of_them.ms, "ms"),
        Figure(f"time of a row, of {SOME:,} rows", median(some, lambda run: run.ms), "ms"),
    ]


def _run(rows: int) -> Run:
    with Service() as service:
        return run_module("batch_process", service.url, rows)
