"""Uploads per second and processor time per upload without the check, beside the baselines.

The service is the stub with a latency of 20 ms, over plain HTTP on loopback. The vendor's SDK and `HttpHook` open a new
connection for each request: with TLS and a real network they are slower still.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Final

from bench import batch_process
from bench.baselines import run_calls, run_mapped
from bench.report import Figure, at_least, at_most, under
from bench.runs import LIMIT, RATE, Run, run_apart
from tests.support.service_stub import Service

FEW, SOME, MANY = 100, 1_000, 100_000


def run_batch(url: str, uploads: int) -> Run:
    run: Run = run_apart(batch_process.run, url, uploads)
    return run


COMPARED: Final[dict[str, tuple[Callable[[str, int], Run], int]]] = {
    "this package's batch, one task slot": (run_batch, 12_000),
    "this package's client, 64 threads": (partial(run_apart, run_calls, "client"), 12_000),
    "the vendor's SDK, 32 threads": (partial(run_apart, run_calls, "sdk-threads"), 6_000),
    "HttpHook in a loop": (partial(run_apart, run_calls, "http-hook-loop"), 200),
    "the vendor's SDK in a loop": (partial(run_apart, run_calls, "sdk-loop"), 200),
    "HttpOperator, mapped": (run_mapped, 30),
}
"""The function that runs each alternative, and the number of uploads."""

BATCH, CLIENT, SDK_THREADS, HTTP_HOOK, SDK_LOOP, MAPPED = COMPARED


def measure(rounds: int = 2, part: float = 1.0) -> list[Figure]:
    """Measure uploads without limit and check; each round runs each alternative once.

    :param rounds: the median rate of the rounds and the lowest processor time count.
    :param part: the part of the uploads to make.
    """
    runs: dict[str, list[Run]] = {name: [] for name in COMPARED}
    for _ in range(rounds):
        for name, (run, uploads) in COMPARED.items():
            with Service() as service:
                runs[name].append(run(service.url, max(10, round(uploads * part))))
    rate = {name: statistics.median(run.rate for run in each) for name, each in runs.items()}
    # The lowest, because other processes of the machine only add to it.
    cpu = {name: min(run.cpu_ms for run in each) for name, each in runs.items()}
    relative, note = cpu[BATCH] / cpu[SDK_THREADS], "in `dag.test()`: without the scheduler's time"
    return [
        at_least("batch against the SDK in 32 threads", rate[BATCH] / rate[SDK_THREADS], "times", 1),
        at_least("batch against the SDK in a loop", rate[BATCH] / rate[SDK_LOOP], "times", 10),
        Figure("batch against HttpHook in a loop", rate[BATCH] / rate[HTTP_HOOK], "times"),
        Figure("batch against HttpOperator, mapped", rate[BATCH] / rate[MAPPED], "times", note=note),
        at_most("processor time of an upload, against the SDK in 32 threads", relative, "times", 1),
        under("processor time of an upload", cpu[BATCH], "ms", 1, note="with planning, results and checkpoint"),
        *(Figure(f"uploads, {name}", rate[name], "/s") for name in COMPARED),
        *(Figure(f"processor time of an upload, {name}", cpu[name], "ms") for name in COMPARED),
    ]


def measure_limited(uploads: int = 10_000) -> list[Figure]:
    """Measure uploads at the service's limit, without check."""
    with Service(limit=LIMIT) as service:
        run_apart(batch_process.run, service.url, uploads, rate=RATE)
        counts = service.counts()
    what = f"uploads, batch with --rate {RATE}, over {counts.seconds:.0f} s"
    return [
        at_least(what, counts.rate, "/s", 490, note=counts.note),
        at_most("arrivals in the busiest second, wherever it begins", counts.busiest, "", LIMIT, note=counts.note),
        at_most("refusals for the rate (23008)", counts.refused, "", 0, note=counts.note),
    ]


def measure_rows(many: int = MANY, rounds: int = 3) -> list[Figure]:
    """Measure memory and time of small and large batches: neither may grow with the number of rows.

    :param rounds: how often the small batches run; the median counts.
    """
    few = [_run_rows(FEW) for _ in range(rounds)]
    some = [_run_rows(SOME) for _ in range(rounds)]
    large = _run_rows(many)
    growth = large.memory_mb - statistics.median(run.memory_mb for run in few)
    usual = statistics.median(run.ms for run in some)
    return [
        under(f"memory growth from {FEW} to {many:,} rows", growth, "MB", 30),
        at_most(f"time of a row, of {many:,} against of {SOME:,} rows", large.ms / usual, "times", 1.1),
        Figure(f"time of a row, of {many:,} rows", large.ms, "ms"),
        Figure(f"time of a row, of {SOME:,} rows", usual, "ms"),
    ]


def _run_rows(rows: int) -> Run:
    with Service() as service:
        return run_batch(service.url, rows)
