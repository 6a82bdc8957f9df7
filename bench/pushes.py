"""Pushes of a batch's results at the service's limit, alone and beside uploads, and the vendor's SDK."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from bench import batch_process
from bench.baselines import run_calls
from bench.report import Figure, at_least, at_most, under
from bench.runs import LIMIT, NO_LIMIT, RATE, Run, run_apart, timed
from tests.support.push_batches import uploaded
from tests.support.service_stub import Counts, Service, reset

GOAL: Final = 98.0
MESSAGE: Final = {
    "to": {"tag": ["${name}"]},
    "body": {"platform": "all", "notification": {"alert": "Spring sale", "android": {"alert": "For ${name}"}}},
}


def measure(pushes: int = 6_000) -> list[Figure]:
    """Measure pushes with one AppKey, and the same number of uploads beside them."""
    alone, cpu = _run(pushes, beside=False)
    together, _ = _run(pushes, beside=True)
    free = _run_sdk("push-threads", pushes // 2)
    loop = _run_sdk("push-loop", max(10, pushes // 40))
    with Service() as service:
        ours = run_apart(run_batches, service.url, pushes, NO_LIMIT, beside=False)
    note = f"{together.arrivals:,} in {together.seconds:.0f} s; {together.note}"
    return [
        at_least("pushes of a batch", 100 * alone.rate / LIMIT, "% of the limit", GOAL, note=alone.note),
        at_least("pushes and uploads of one process", 100 * together.rate / LIMIT, "% of the limit", GOAL, note=note),
        at_most("refusals for the rate (23008), in both", alone.refused + together.refused, "", 0),
        under("processor time of a push at the limit", cpu, "ms", 2, note="with planning, results and checkpoint"),
        Figure("pushes without a limit, against the SDK in 32 threads", ours.rate / free.rate, "times"),
        Figure("the same, against the SDK in a loop", ours.rate / loop.rate, "times"),
        Figure("processor time of a push, against the SDK in 32 threads", ours.cpu_ms / free.cpu_ms, "times"),
        Figure("pushes without a limit, this package's batch", ours.rate, "/s"),
        Figure("pushes without a limit, the vendor's SDK, 32 threads", free.rate, "/s"),
        Figure("pushes without a limit, the vendor's SDK in a loop", loop.rate, "/s"),
    ]


def _run(pushes: int, *, beside: bool) -> tuple[Counts, float]:
    with Service(limit=LIMIT) as service:
        run = run_apart(run_batches, service.url, pushes, RATE, beside=beside)
        return service.counts(), run.cpu_ms


def _run_sdk(baseline: str, pushes: int) -> Run:
    with Service() as service:
        run: Run = run_apart(run_calls, baseline, service.url, pushes)
        return run


def run_batches(url: str, rows: int, rate: float, *, beside: bool) -> Run:
    """Push the results of an upload, and upload other rows in a thread beside that, at one rate.

    A small upload and a push come first: they import everything.
    """
    from airflow_provider_oppo_image.batch.results import write_results
    from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter

    hook, shared = batch_process.hook_for(url), AdaptiveRate(rate)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor() as pool:

        def upload(part: str, rows: int) -> Path:
            return batch_process.upload(hook, Path(name, part), rows, RateLimiter(shared))

        def push(results: Path, rows: int) -> None:
            end = hook.push_batch(results, MESSAGE, rate_limiter=RateLimiter(shared))
            batch_process.require_all(end, end.summary.sent, rows)

        push(upload("warm-up", batch_process.WARM_UP), batch_process.WARM_UP)
        write_results(Path(name, "results.csv"), uploaded(rows, account=None))
        reset(url)

        def work() -> None:
            other = pool.submit(upload, "beside", rows) if beside else None
            push(Path(name, "results.csv"), rows)
            if other:
                other.result()

        return timed(rows, work)
