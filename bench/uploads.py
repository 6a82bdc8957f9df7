"""How fast pictures reach the service, beside what a user would write instead; each round runs every way once.

The service is the stub with 20 ms latency, over plain http on loopback. The vendor's SDK and `HttpHook` make a
connection for each request: over TLS and a real line they fall further behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bench.chart import Panel
from bench.report import Figure, at_least, at_most, under
from bench.runs import Run, median, run_module
from bench.service import Counts, Service

LIMIT: Final = 500
RATE: Final = 495

WAYS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "this package's batch, one task slot": (("batch_process",), 12_000),
    "this package's client, 64 threads": (("baselines", "client"), 12_000),
    "the vendor's SDK, 32 threads": (("baselines", "sdk-threads"), 6_000),
    "HttpHook in a loop": (("baselines", "http-hook-loop"), 200),
    "the vendor's SDK in a loop": (("baselines", "sdk-loop"), 200),
    "HttpOperator, mapped": (("mapped",), 30),
}
"""What is run for each way, and how many pictures it uploads."""

BATCH, CLIENT, SDK_THREADS, HTTP_HOOK, SDK_LOOP, MAPPED = WAYS

ROUNDS: Final = 5

MAPPED_NOTE: Final = "in `dag.test()`: without the scheduler's time"
RATE_OF: Final = "uploads, "
CPU_OF: Final = "processor time of an upload, "


def measure(rounds: int = ROUNDS, part: float = 1.0) -> list[Figure]:
    """Measure the uploads with the limit off and no check.

    :param rounds: how often each way is run: of its rates the middle one counts, of its processor times the least.
    :param part: what part of the pictures is uploaded.
    """
    runs: dict[str, list[Run]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, (command, uploads) in WAYS.items():
            runs[name].append(_run(command, max(10, round(uploads * part))))
    rate = {name: median(of_way, lambda run: run.rate) for name, of_way in runs.items()}
    # The least, since what else runs on the machine only adds to it.
    cpu = {name: min(run.cpu_ms for run in of_way) for name, of_way in runs.items()}
    return [
        at_least("batch against the SDK in 32 threads", rate[BATCH] / rate[SDK_THREADS], "times", 1),
        at_least("batch against the SDK in a loop", rate[BATCH] / rate[SDK_LOOP], "times", 10),
        Figure("batch against HttpHook in a loop", rate[BATCH] / rate[HTTP_HOOK], "times"),
        Figure("batch against HttpOperator, mapped", rate[BATCH] / rate[MAPPED], "times", note=MAPPED_NOTE),
        at_most(
            "processor time of an upload, against the SDK in 32 threads", cpu[BATCH] / cpu[SDK_THREADS], "times", 1
        ),
        under("processor time of an upload", cpu[BATCH], "ms", 1, note="with planning, results and their checkpoint"),
        *(Figure(RATE_OF + name, rate[name], "/s") for name in WAYS),
        *(Figure(CPU_OF + name, cpu[name], "ms") for name in WAYS),
    ]


def _run(command: tuple[str, ...], uploads: int) -> Run:
    module, *arguments = command
    with Service() as service:
        return run_module(module, *arguments, service.url, uploads)


def measure_limited(seconds: float = 60.0) -> list[Figure]:
    """Measure the uploads with the limit on and no check.

    :param seconds: for how long the rate is held.
    """
    with Service(limit=LIMIT) as service:
        run_module("batch_process", service.url, round(RATE * seconds), "--rate", RATE)
        counts = service.counts()
    note = seen(counts)
    return [
        at_least(
            f"uploads, batch with --rate {RATE}, over {counts.seconds:.0f} s", rate_of(counts), "/s", 490, note=note
        ),
        at_most("arrivals in the busiest second, wherever it begins", counts.busiest, "", LIMIT, note=note),
        at_most("refusals for the rate (23008)", counts.refused, "", 0, note=note),
    ]


def panels(figures: Iterable[Figure]) -> list[Panel]:
    """Return the chart of what `measure` measured."""
    found = {figure.what: figure for figure in figures}
    # A mapped task takes so much of the processor that beside it no other bar would be seen.
    return [
        Panel(title, [(name, found[start + name]) for name in WAYS if name not in without], frozenset({BATCH, CLIENT}))
        for title, start, without in (
            ("Uploads a second (more is better)", RATE_OF, ()),
            ("Processor time of an upload (less is better)", CPU_OF, (MAPPED,)),
        )
    ]


def seen(counts: Counts) -> str:
    """Say who counted, and how well it could."""
    return f"as the service counts arrivals, itself {counts.late_ms:.0f} ms late at most"


def rate_of(counts: Counts) -> float:
    """Return how many uploads a second the service took."""
    return (counts.arrivals - counts.refused) / counts.seconds
