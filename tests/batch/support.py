"""Helpers that the tests of batches share."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_oppo_image.batch.manifest import Row, parse_rows
from airflow_provider_oppo_image.batch.plan import PlannedPicture
from airflow_provider_oppo_image.batch.progress import Progress
from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.row_result import Outcome
from airflow_provider_oppo_image.batch.run import Batch, BatchResult, UploadWork
from airflow_provider_oppo_image.batch.worker_pool import WorkerPool
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter

THREADS = 8


def rows(entries: Sequence[dict[str, Any]]) -> Iterator[Row]:
    return parse_rows(entries)


def states(results: BatchResult | Path) -> list[str]:
    """The state of each row."""
    return [row.state for row in (read_results(results) if isinstance(results, Path) else results.rows)]


def counts(result: BatchResult) -> tuple[int, int, int]:
    """The numbers of rows that were uploaded, failed, and were not tried."""
    return result.summary.uploaded, result.summary.failed, result.summary.not_tried


def number_of(url: str) -> int:
    """The number of a picture of `upload_service.urls`."""
    return int(url.rpartition("/")[2].partition(".")[0])


@dataclass
class FakeUpload:
    """An upload function that sends nothing, and a pool whose parts are kept in memory."""

    upload_one: Callable[[str], str] = lambda url: f"id_{url}"
    before_write: Callable[[], None] = lambda: None
    started: int = 0
    max_unwritten: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    recorded: list[Outcome] = field(default_factory=list)
    parts: list[list[Outcome]] = field(default_factory=list)
    progress_calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def upload(self, kind: PictureKind, url: str) -> str:
        with self._lock:
            self.started += 1
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
            self.max_unwritten = max(self.max_unwritten, self.started - self.written)
        try:
            return self.upload_one(url)
        finally:
            with self._lock:
                self.in_flight -= 1

    @property
    def written(self) -> int:
        return sum(map(len, self.parts))

    def _write(self, outcomes: Sequence[Outcome]) -> None:
        self.before_write()
        self.parts.append(list(outcomes))

    def _count_call(self, _: Progress) -> None:
        self.progress_calls += 1

    def run(self, pictures: Iterator[PlannedPicture], **options: Any) -> WorkerPool[PlannedPicture, Outcome]:
        """Upload pictures, and return the pool."""
        options = {"rate_limiter": RateLimiter(AdaptiveRate(1e9)), "on_progress": self._count_call} | options
        batch = Batch(self.upload, **options)
        pool = WorkerPool(batch, UploadWork(batch), Progress(0, 0.0), self.recorded.append, self._write)
        pool.run(pictures)
        return pool


def pictures(count: int) -> Iterator[PlannedPicture]:
    return (PlannedPicture(number, "big", str(number)) for number in range(1, count + 1))


def numbers(outcomes: Sequence[Outcome]) -> list[int]:
    return sorted(outcome.number for outcome in outcomes)


class EndedByAirflow(BaseException):
    """Stands for what Airflow raises in the main thread when a task exceeds its timeout."""


@contextmanager
def raise_on_signal(error: type[BaseException]) -> Iterator[None]:
    """Let SIGUSR1 raise an error in the main thread.

    Garbage collection is off meanwhile: an error that is raised in one of its callbacks would be lost.
    """

    def handler(*_: object) -> None:
        raise error

    before = signal.signal(signal.SIGUSR1, handler)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        signal.signal(signal.SIGUSR1, before)
