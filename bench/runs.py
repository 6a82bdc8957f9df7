"""What it takes to upload pictures in one way, measured in a process of its own."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from bench.report import ROOT

APP_KEY: Final = "bench-app-key"
MASTER_SECRET: Final = "bench-master-secret"  # noqa: S105  # of nobody

CDN: Final = "https://cdn.example.com"


@dataclass(frozen=True)
class Run:
    """What a way took.

    :param uploads: how many there were.
    :param seconds: from the first to the last.
    :param cpu: seconds of processor time of the process that uploaded.
    :param memory_mb: the most memory that this process had, in MB of 1,000,000 bytes.
    :param profile: lines that say where its time went; none where that was not looked at.
    """

    uploads: int
    seconds: float
    cpu: float
    memory_mb: float
    profile: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Uploads a second."""
        return self.uploads / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time an upload."""
        return 1000 * self.cpu / self.uploads

    @property
    def ms(self) -> float:
        """Milliseconds an upload."""
        return 1000 * self.seconds / self.uploads


def timed(uploads: int, work: Callable[[], object]) -> Run:
    """Do something in this process, and return what it took."""
    began, cpu = time.monotonic(), time.process_time()
    work()
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    return Run(uploads, seconds, cpu, peak_mb())


def peak_mb(process: int | Literal["self"] = "self") -> float:
    """Return the most memory that a process had, in MB of 1,000,000 bytes.

    What `getrusage` says begins with the peak of the process that started it.

    :param process: its id; "self" for this one.
    """
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    [peak] = [line for line in lines if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024 / 1_000_000


def tell(run: Run) -> None:
    """Print a run for the process that waits for it in `run_module`."""
    print(json.dumps(asdict(run)))


def run_module(module: str, *arguments: object) -> Run:
    """Run a module of this package in a process of its own, and return the run that it tells.

    :param module: its name below `bench`.
    :param arguments: its arguments.
    :raises subprocess.CalledProcessError: if it failed; its words are on stderr.
    """
    command = [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def median(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    """Return the middle one of a figure of several runs."""
    return statistics.median(map(of, runs))


def pictures(count: int, host: str = CDN) -> Iterator[str]:
    """Yield the URLs of so many different pictures.

    :param host: scheme, host and port.
    """
    return (f"{host}/pictures/{number}.jpg?v=1" for number in itertools.islice(itertools.count(), count))
