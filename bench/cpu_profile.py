"""Processor time of a run by stage, measured with each thread's own clock around the stage's function.

A sampling profiler also counts waiting threads, and a tracing profiler slows every call down.
"""

from __future__ import annotations

import functools
import importlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

PACKAGE: Final = "airflow_provider_oppo_image"

STAGES: Final = {
    "check: download": "pictures.check:download",
    "check: structure of the file": "pictures.check:inspect_structure",
    "check: decoding": "pictures.check:decode",
    "check: the rest": "pictures.check:check_picture",
    "upload: request and answer": "engagelab.http:HttpTransport.send",
    "upload: waiting for the rate": "engagelab.rate_limiter:RateLimiter.acquire",
    "upload: the rest": "engagelab.client:EngageLabClient.upload",
    "batch: reading rows": "batch.plan:Plan._add",
    "batch: noting outcomes": "batch.plan:Plan.record",
    "batch: writing parts": "batch.checkpoint:Checkpoint.write",
}
"""The measured functions. Time that one stage spends inside another one counts for the inner one."""

_thread: Final = threading.local()


class CpuProfile:
    """Measures the stages during the block."""

    def __init__(self) -> None:
        self._spent: dict[str, list[float]] = {name: [] for name in STAGES}
        self._restore: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        for name, target in STAGES.items():
            module, _, path = target.partition(":")
            *owners, function = path.split(".")
            owner: Any = functools.reduce(getattr, owners, importlib.import_module(f"{PACKAGE}.{module}"))
            original = getattr(owner, function)
            self._restore.append(functools.partial(setattr, owner, function, original))
            setattr(owner, function, _clocked(original, self._spent[name]))
        self._cpu, self._wall, self._machine = time.process_time(), time.monotonic(), _machine()
        return self

    def __exit__(self, *_: object) -> None:
        self._cpu = time.process_time() - self._cpu
        self._wall = time.monotonic() - self._wall
        self._machine = [after - before for before, after in zip(self._machine, _machine(), strict=True)]
        for restore in self._restore:
            restore()

    def lines(self, uploads: int) -> list[str]:
        """Return the stages in milliseconds of processor time per upload."""
        spent = {name: sum(times) for name, times in self._spent.items() if times}
        spent["everything else"] = self._cpu - sum(spent.values())
        rows = sorted(spent.items(), key=lambda row: -row[1])
        busy, idle = self._machine
        return [
            *(f"{1000 * took / uploads:6.3f} ms {100 * took / self._cpu:5.1f} %  {name}" for name, took in rows),
            f"{1000 * self._cpu / uploads:6.3f} ms 100.0 %  in total, {self._cpu / self._wall:.2f} processors",
            f"{busy / (busy + idle):.0%} of the machine's processors were busy, with the service and the picture host",
        ]


def _clocked(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    @functools.wraps(function)
    def clocked(*args: Any, **kwargs: Any) -> Any:
        outer = getattr(_thread, "inner", 0.0)
        _thread.inner = 0.0
        start = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            took = time.thread_time() - start
            spent.append(took - _thread.inner)
            _thread.inner = outer + took

    return clocked


def _machine() -> Sequence[float]:
    """Return the busy and idle time of the machine's processors since it started."""
    user, nice, system, idle, iowait, *more = map(float, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return user + nice + system + sum(more[:3]), idle + iowait
