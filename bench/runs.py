"""Measured runs, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from unittest import mock

APP_KEY: Final = "bench-app-key"
MASTER_SECRET: Final = "bench-master-secret"  # noqa: S105  # not real
CDN: Final = "https://cdn.example.com"
NO_LIMIT: Final = 1_000_000
LIMIT: Final = 500
"""Requests per second that the service accepts for an AppKey."""

RATE: Final = 495
"""The rate of batches that are measured at the limit."""

SPAWN: Final = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Run:
    """The cost of a run: time and processor time in seconds, peak memory in MB of 1,000,000 bytes."""

    uploads: int
    seconds: float
    cpu: float
    memory_mb: float
    profile: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Uploads per second."""
        return self.uploads / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time per upload in milliseconds."""
        return 1000 * self.cpu / self.uploads

    @property
    def ms(self) -> float:
        """Wall time per upload in milliseconds."""
        return 1000 * self.seconds / self.uploads


def timed(uploads: int, work: Callable[[], object]) -> Run:
    """Run `work` in this process, and return its cost."""
    start, cpu = time.monotonic(), time.process_time()
    work()
    seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    return Run(uploads, seconds, cpu, peak_mb())


def peak_mb(process: int | Literal["self"] = "self") -> float:
    """Return the peak memory of a process in MB; `getrusage` would include that of the process that started it."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    [peak] = [line for line in lines if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024 / 1_000_000


def run_apart(
    function: Callable[..., Any], *arguments: object, environment: Mapping[str, str] | None = None, **options: object
) -> Any:
    """Call a function of a module in a new process, and return its result or raise its exception.

    :param environment: environment variables of the new process, beside those of this one.
    """
    with mock.patch.dict(os.environ, environment or {}), ProcessPoolExecutor(1, SPAWN, discard_output) as pool:
        return pool.submit(function, *arguments, **options).result()


def discard_output() -> None:
    """Discard what this process prints, for example Airflow's logs; stderr remains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def pictures(count: int, host: str = CDN) -> Iterator[str]:
    """Yield the URLs of `count` different pictures."""
    return (f"{host}/pictures/{number}.jpg?v=1" for number in range(count))
