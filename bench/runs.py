"""Measured runs, each in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from scripts.checkout import ROOT

APP_KEY: Final = "bench-app-key"
MASTER_SECRET: Final = "bench-master-secret"  # noqa: S105  # not real
CDN: Final = "https://cdn.example.com"
NO_LIMIT: Final = 1_000_000


@dataclass(frozen=True)
class Run:
    """The cost of a run: wall time and processor time in seconds, peak memory in MB of 1,000,000 bytes."""

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


def print_run(run: Run) -> None:
    """Print a run for `run_module`."""
    print(json.dumps(asdict(run)))


def run_module(module: str, *arguments: object) -> Run:
    """Run a module of this package in a process of its own, and return the run that it prints.

    :raises subprocess.CalledProcessError: if it failed; its output is on stderr.
    """
    command = [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def median(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(map(of, runs))


def pictures(count: int, host: str = CDN) -> Iterator[str]:
    """Yield the URLs of `count` different pictures."""
    return (f"{host}/pictures/{number}.jpg?v=1" for number in range(count))
