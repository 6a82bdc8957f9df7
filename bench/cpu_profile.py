"""Processor time of a run by stage, measured with each thread's own clock around the stage's function.

A sampling profiler also counts waiting threads, and a tracing profiler slows every call down.
"""

from __future__ import annotations

import contextlib
import functools
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

PACKAGE: Final = "airflow_provider_oppo_image"

STAGES: Final = {
    "check: download": "pictures.check.download",
    "check: structure of the file": "pictures.check.inspect_structure",
    "check: decoding": "pictures.check.decode",
    "check: the rest": "pictures.check.check_picture",
    "upload: request and answer": "engagelab.http.HttpTransport.send",
    "upload: waiting for the rate": "engagelab.rate_limiter.RateLimiter.acquire",
    "upload: the rest": "engagelab.client.EngageLabClient.upload",
    "batch: reading rows": "batch.plan.Plan._add",
    "batch: noting outcomes": "batch.plan.Plan.record",
    "batch: writing parts": "batch.checkpoint.Checkpoint.write",
}
"""The measured functions. Time that one stage spends inside another one counts for the inner one."""

_thread: Final = threading.local()


@contextlib.contextmanager
def profiled(uploads: int) -> Iterator[list[str]]:
    """Measure the stages during the block; then the list has them, in milliseconds of processor time per upload."""
    spent: dict[str, list[float]] = {name: [] for name in STAGES}
    lines: list[str] = []
    with contextlib.ExitStack() as stack:
        for name, target in STAGES.items():
            original = pkgutil.resolve_name(f"{PACKAGE}.{target}")
            stack.enter_context(mock.patch(f"{PACKAGE}.{target}", _clocked(original, spent[name])))
        before = time.process_time(), time.monotonic(), *_machine()
        yield lines
        after = time.process_time(), time.monotonic(), *_machine()
    cpu, wall, busy, idle = (one - other for one, other in zip(after, before, strict=True))
    total = {name: sum(times) for name, times in spent.items() if times}
    total["everything else"] = cpu - sum(total.values())
    for name, took in sorted(total.items(), key=lambda row: -row[1]):
        lines.append(f"{1000 * took / uploads:6.3f} ms {100 * took / cpu:5.1f} %  {name}")
    lines.append(f"{1000 * cpu / uploads:6.3f} ms 100.0 %  in total, {cpu / wall:.2f} processors")
    lines.append(
        f"{busy / (busy + idle):.0%} of the machine's processors were busy, with the service and the picture host"
    )


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


def _machine() -> tuple[float, float]:
    """Return the busy and idle time of the machine's processors since it started."""
    user, nice, system, idle, iowait, *more = map(float, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return user + nice + system + sum(more[:3]), idle + iowait
