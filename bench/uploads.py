"""Uploads per second and processor time per upload, beside the baselines; each round runs each of them once.

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
from bench.runs import Run, run_apart
from bench.servers import Counts, PictureHost, Service

LIMIT: Final = 500
RATE: Final = 495
CHECKED_PART: Final = 0.6
ROUNDS: Final = 5
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

MAPPED_NOTE: Final = "in `dag.test()`: without the scheduler's time"
RATE_OF: Final = "uploads, "
CPU_OF: Final = "processor time of an upload, "


def measure(rounds: int = ROUNDS, part: float = 1.0) -> list[Figure]:
    """Measure uploads without limit and check.

    :param rounds: how often each alternative runs; the median rate and the lowest processor time count.
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
    relative = cpu[BATCH] / cpu[SDK_THREADS]
    return [
        at_least("batch against the SDK in 32 threads", rate[BATCH] / rate[SDK_THREADS], "times", 1),
        at_least("batch against the SDK in a loop", rate[BATCH] / rate[SDK_LOOP], "times", 10),
        Figure("batch against HttpHook in a loop", rate[BATCH] / rate[HTTP_HOOK], "times"),
        Figure("batch against HttpOperator, mapped", rate[BATCH] / rate[MAPPED], "times", note=MAPPED_NOTE),
        at_most("processor time of an upload, against the SDK in 32 threads", relative, "times", 1),
        under("processor time of an upload", cpu[BATCH], "ms", 1, note="with planning, results and checkpoint"),
        *(Figure(RATE_OF + name, rate[name], "/s") for name in COMPARED),
        *(Figure(CPU_OF + name, cpu[name], "ms") for name in COMPARED),
    ]


def measure_limited(seconds: float = 60.0) -> list[Figure]:
    """Measure uploads at the service's limit, without check, for some seconds."""
    with Service(limit=LIMIT) as service:
        run_apart(batch_process.run, service.url, round(RATE * seconds), rate=RATE)
        counts = service.counts()
    note = note_on(counts)
    what = f"uploads, batch with --rate {RATE}, over {counts.seconds:.0f} s"
    return [
        at_least(what, rate_of(counts), "/s", 490, note=note),
        at_most("arrivals in the busiest second, wherever it begins", counts.busiest, "", LIMIT, note=note),
        at_most("refusals for the rate (23008)", counts.refused, "", 0, note=note),
    ]


def measure_checked(uploads: int = 9_000) -> list[Figure]:
    """Measure uploads at the limit, with the check: JPEGs of about 200 KB from a local host.

    The client, the service and the picture host share the machine's processors.
    """
    with PictureHost() as host:
        options = {"rate": RATE, "check": host.url}
        with Service(limit=LIMIT) as service:
            run_apart(batch_process.run, service.url, uploads, **options)
            counts = service.counts()
        # In a separate run, because the profile takes time too.
        with Service(limit=LIMIT) as service:
            profile = run_apart(batch_process.run, service.url, uploads, profiled=True, **options).profile
    rate, what = rate_of(counts), "uploads, batch with the check on, real JPEGs"
    return [
        at_least(what, rate, "/s", CHECKED_PART * LIMIT, note=note_on(counts), profile=profile),
        Figure("that, as a part of the limit", 100 * rate / LIMIT, "%"),
    ]


def measure_rows(many: int = MANY, rounds: int = ROUNDS) -> list[Figure]:
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


def note_on(counts: Counts) -> str:
    return f"as the service counts arrivals, its own timer at most {counts.late_ms:.0f} ms late"


def rate_of(counts: Counts) -> float:
    """Return the accepted uploads per second."""
    return (counts.arrivals - counts.refused) / counts.seconds
