"""What the tests of batches share beside their fixtures."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_provider_oppo_image.batch.manifest import Row, read_row
from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.run import BatchResult

THREADS = 8


def rows(entries: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """Return a manifest's rows."""
    return (read_row(number, entry) for number, entry in enumerate(entries, start=1))


def states(found: BatchResult | Path) -> list[str]:
    """Return how each row ended."""
    return [row.state for row in (read_results(found) if isinstance(found, Path) else found.rows)]


def counts(end: BatchResult) -> tuple[int, int, int]:
    """Return how many rows were uploaded, failed, and were not tried."""
    return end.summary.uploaded, end.summary.failed, end.summary.not_tried


def number_of(url: str) -> int:
    """Return the number of a picture of `upload_service.urls`."""
    return int(url.rpartition("/")[2].partition(".")[0])


class EndedByAirflow(BaseException):
    """As Airflow raises one in the main thread when a task is over its time."""


@contextmanager
def ended_on_signal(error: type[BaseException]) -> Iterator[None]:
    """Have SIGUSR1 raise an error in the main thread.

    Meanwhile no garbage is collected: what is raised in a callback of that, such as hypothesis has, ends nothing.
    """

    def end(*_: object) -> None:
        raise error

    before = signal.signal(signal.SIGUSR1, end)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        signal.signal(signal.SIGUSR1, before)
