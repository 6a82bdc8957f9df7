"""Checked uploads at the service's limit, by kind of picture, and concurrent checks of many pictures.

nginx serves the pictures. Processor times are those of the client's process alone.
"""

from __future__ import annotations

import logging
import statistics
import time
from typing import Any, Final

from bench import batch_process
from bench.baselines import run_calls
from bench.nginx import Nginx, run_nginx
from bench.report import Figure, at_least, at_most, under
from bench.runs import LIMIT, RATE, Run, run_apart
from tests.support.service_stub import Counts, Service

MANY: Final = 10_000
THREADS: Final = 64
GOALS: Final[dict[str, tuple[float | None, float | None]]] = {
    "artwork": (98, 1.2),
    "progressive_artwork": (None, None),
    "photograph": (80, 2.5),
    "PNG": (None, 4),
}
"""By kind of picture: the rate in percent of the limit, and milliseconds of processor time; None without a goal."""


def measure(uploads: int = 4_000, rounds: int = 2) -> list[Figure]:
    """Measure uploads at the limit with the check, beside the vendor's SDK after requests and Pillow."""
    with run_nginx() as nginx:
        unchecked = min(_run(uploads)[0].cpu_ms for _ in range(rounds))
        return [
            Figure("processor time of an upload at the limit, check off", unchecked, "ms"),
            *(figure for kind in GOALS for figure in _measure_kind(nginx, kind, uploads, rounds)),
        ]


def _measure_kind(nginx: Nginx, kind: str, uploads: int, rounds: int) -> list[Figure]:
    (part, milliseconds), host = GOALS[kind], f"{nginx.http}/{kind}"
    runs = [_run(uploads, check=host) for _ in range(rounds)]
    rates = [100 * counts.rate / LIMIT for _, counts in runs]
    # The lowest, because other processes of the machine only add to it.
    cpu = min(run.cpu_ms for run, _ in runs)
    profile = _run(uploads // 2, check=host, profiled=True)[0].profile
    with Service() as service:
        other = run_apart(run_calls, "checked-sdk-threads", service.url, uploads // 4, host)
    name = f"checked uploads, {kind.replace('_', ' ')} of {nginx.kilobytes(kind):.0f} KB"
    note = f"{min(rates):.1f} to {max(rates):.1f} in {rounds} rounds; {runs[0][1].note}"
    beside = f"{other.cpu_ms:.2f} ms, {other.rate:.0f}/s without a limit"
    return [
        at_least(name, statistics.median(rates), "% of the limit", part, note=note, profile=profile),
        under(f"processor time of {name}", cpu, "ms", milliseconds),
        Figure("that, against requests, Pillow and the SDK in 32 threads", cpu / other.cpu_ms, "times", note=beside),
    ]


def _run(uploads: int, **options: Any) -> tuple[Run, Counts]:
    with Service(limit=LIMIT) as service:
        return run_apart(batch_process.run, service.url, uploads, rate=RATE, **options), service.counts()


def measure_hosts(many: int = MANY, rounds: int = 2) -> list[Figure]:
    """Measure the connections to a host with TLS, and the checks of a slow host with a faster one beside it."""
    with run_nginx() as nginx, Service() as service:
        trusted = {"REQUESTS_CA_BUNDLE": nginx.authority}
        before, _ = nginx.counts()
        lines = run_apart(count_log_lines, service.url, many, f"{nginx.https}/artwork", environment=trusted)
        opened = nginx.counts()[0] - before
    with Service(latency=0.1) as slow, Service(latency=0.02) as fast:
        quick, few = fast.url.replace("127.0.0.1", "localhost"), many // 2
        runs = [
            (run_apart(check_hosts, {quick: few}), run_apart(check_hosts, {quick: few, slow.url: many}))
            for _ in range(rounds)
        ]
    seconds = statistics.median(beside[1] for _, beside in runs)
    lost = statistics.median(100 * (1 - alone[0] / beside[0]) for alone, beside in runs)
    note = f"median of {rounds} rounds; pictures that are absent"
    return [
        at_most(f"connections for {many:,} pictures over TLS 1.3", opened, "", THREADS, note=f"{THREADS} threads"),
        at_most("log lines of urllib3 about them", lines, "", 0),
        under(f"{many:,} pictures on a host of 100 ms", seconds, "s", 30, note=f"beside the other host; {note}"),
        at_most(f"what {few:,} pictures on a host of 20 ms lose beside them", lost, "%", 10, note="of their rate"),
    ]


def count_log_lines(url: str, rows: int, check: str) -> int:
    """Run a batch, and return the number of warnings that urllib3 logs."""
    records: list[object] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger("urllib3").addHandler(handler)
    batch_process.run(url, rows, check=check, warm_up=0)
    return len(records)


def check_hosts(hosts: dict[str, int]) -> list[float]:
    """Return the seconds until all pictures of each host are checked."""
    from airflow_provider_oppo_image.net.urls import PictureUrl
    from airflow_provider_oppo_image.pictures.check import check_picture
    from airflow_provider_oppo_image.pictures.check_many import MAX_PER_HOST, check_all
    from airflow_provider_oppo_image.pictures.polling import ExpectedPicture
    from airflow_provider_oppo_image.pictures.session_pool import SessionPool

    urls = [PictureUrl.parse(f"{host}/absent/{at}.jpg") for host, count in hosts.items() for at in range(count)]
    ends: dict[str, float] = {url.host: 0 for url in urls}
    with SessionPool(MAX_PER_HOST) as pool:

        def check(kind: Any, url: PictureUrl) -> Any:
            report = check_picture(kind, url, allow_private_addresses=True, session_pool=pool)
            ends[url.host] = time.monotonic()
            return report

        start = time.monotonic()
        check_all([ExpectedPicture("big", url) for url in urls], check)
        return [end - start for end in ends.values()]
