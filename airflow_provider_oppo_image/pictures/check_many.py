"""Concurrent checks of many pictures, with a circuit breaker per host."""

from __future__ import annotations

import asyncio
import functools
import os
import queue
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import Future
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.net.deadline import ThreadPool
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.per_host import PerHostExecutor, PerHostQueue
from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, PollResult
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.pictures.report_cache import PictureKey, ReportCache
from airflow_provider_oppo_image.pictures.session_pool import SessionPool

Check: TypeAlias = Callable[[PictureKind, PictureUrl], PictureReport]
"""Checks one picture, given its kind and its URL."""

THREADS: Final = 160
"""Concurrent checks in one process. Most of the time they wait for hosts."""

MAX_PER_HOST: Final = THREADS // 4
"""Concurrent checks of pictures on one host in a process, so that a host that never answers cannot use all threads.

With 40, a host that answers after 100 ms serves 10,000 pictures in 25 s."""

MAX_PER_TRIGGER: Final = THREADS * 3 // 4
"""Concurrent checks of one trigger, so that the other triggers in the process have threads too."""


class CircuitBreaker:
    """Stops the requests to a host after a number of timeouts in a row. Threads may share it.

    Otherwise thousands of pictures on a host that does not answer would delay all other pictures for hours.

    :param max_timeouts: timeouts in a row after which a host gets no more requests.
    """

    def __init__(self, max_timeouts: int) -> None:
        self._max_timeouts = max_timeouts
        self.timeouts: Counter[str] = Counter()
        """Timeouts in a row, by host."""

    def is_open(self, host: str) -> bool:
        """Return True if a host gets no more requests."""
        return self.timeouts[host] >= self._max_timeouts

    def record(self, host: str, report: PictureReport) -> None:
        """Count a check of a picture on a host. An open circuit stays open."""
        if any(problem.code == "timed_out" for problem in report.problems):
            self.timeouts[host] += 1
        elif not self.is_open(host):
            self.timeouts[host] = 0

    def skipped_report(self, kind: PictureKind, url: PictureUrl) -> PictureReport:
        """Return the report of a picture that was not requested because its host's circuit is open."""
        problem = Problem(
            "timed_out",
            f"the host timed out for {self._max_timeouts} pictures in a row, so this one was not requested",
            "a picture",
            "Try again later. Check that the host is up, or raise the timeouts in the connection.",
        )
        return PictureReport(kind, url.redacted, "absent", problems=(problem,))


def with_circuit_breaker(check: Check, max_timeouts: int) -> Callable[[PictureKind, str | PictureUrl], PictureReport]:
    """Return a check that does not contact a host after `max_timeouts` timeouts in a row. Threads may share it."""
    breaker = CircuitBreaker(max_timeouts)

    def guarded_check(kind: PictureKind, url: str | PictureUrl) -> PictureReport:
        url = PictureUrl.parse(url)
        if breaker.is_open(url.host):
            return breaker.skipped_report(kind, url)
        report = check(kind, url)
        breaker.record(url.host, report)
        return report

    return guarded_check


class CheckRun:
    """The schedule of one concurrent check: hosts take turns, each with a concurrency limit and a circuit breaker.

    :param keys: the pictures, each once.
    :param max_concurrent: concurrent checks.
    :param max_per_host: concurrent checks of pictures on one host, and timeouts in a row that open its circuit.
    """

    def __init__(self, keys: Sequence[PictureKey], max_concurrent: int, max_per_host: int) -> None:
        self.reports: dict[PictureKey, PictureReport] = {}
        self._count = len(keys)
        self._max_concurrent = max_concurrent
        self._running = 0
        self._breaker = CircuitBreaker(max_per_host)
        self._queue: PerHostQueue[PictureKey] = PerHostQueue(max_per_host)
        for key in keys:
            self._queue.put(key[1].host, key)

    @property
    def done(self) -> bool:
        """Whether there is a report for each picture."""
        return len(self.reports) == self._count

    def next_batch(self) -> Iterator[PictureKey]:
        """Yield the pictures to check now."""
        while self._running < self._max_concurrent and (key := self._queue.get()):
            self._running += 1
            yield key

    def complete(self, key: PictureKey, report: PictureReport) -> None:
        """Store the report of a picture from `next_batch`."""
        host = key[1].host
        self._running -= 1
        self.reports[key] = report
        earlier_timeouts = self._breaker.timeouts[host]
        self._breaker.record(host, report)
        if self._breaker.is_open(host):
            self.reports |= {each: self._breaker.skipped_report(*each) for each in self._queue.drain(host)}
        elif not self._breaker.timeouts[host]:
            # A check that times out keeps its slot until the host answers, so a silent host gets fewer and fewer.
            self._queue.release(host, earlier_timeouts + 1)


def check_all(pictures: Sequence[ExpectedPicture], check: Check, report_cache: ReportCache | None = None) -> PollResult:
    """Check pictures once, concurrently; pictures with the same kind and URL share one check.

    :param pictures: at least one.
    :param check: checks one picture; called from several threads.
    :param report_cache: the cache that `check` uses. Before all pictures count as ready, those that were only
        revalidated are downloaded again.
    """
    keys = _picture_keys(pictures)
    with ThreadPool(min(THREADS, len(keys)), thread_name_prefix="oppo-image") as pool:

        def reports_for(keys: Sequence[PictureKey]) -> dict[PictureKey, PictureReport]:
            run = CheckRun(keys, THREADS, MAX_PER_HOST)
            running: dict[Future[PictureReport], PictureKey] = {}
            completed: queue.SimpleQueue[Future[PictureReport]] = queue.SimpleQueue()
            while not run.done:
                for key in run.next_batch():
                    future = pool.submit(check, *key)
                    running[future] = key
                    future.add_done_callback(completed.put)
                future = completed.get()
                run.complete(running.pop(future), future.result())
            return run.reports

        reports = reports_for(keys)
        if again := _to_revalidate(reports, report_cache):
            reports |= reports_for(again)
    return _combine(pictures, reports)


async def check_all_async(
    pictures: Sequence[ExpectedPicture], check: Check, report_cache: ReportCache | None = None
) -> PollResult:
    """Check pictures once, like `check_all`, without blocking the event loop.

    All callers in a process share the threads. On cancellation, checks that have not started are not started, and
    running ones end by their own timeouts.
    """
    reports = await _reports_async(_picture_keys(pictures), check)
    if again := _to_revalidate(reports, report_cache):
        reports |= await _reports_async(again, check)
    return _combine(pictures, reports)


async def _reports_async(keys: Sequence[PictureKey], check: Check) -> dict[PictureKey, PictureReport]:
    run = CheckRun(keys, MAX_PER_TRIGGER, MAX_PER_HOST)
    running: dict[asyncio.Future[PictureReport], PictureKey] = {}
    completed: asyncio.Queue[asyncio.Future[PictureReport]] = asyncio.Queue()
    try:
        while not run.done:
            for key in run.next_batch():
                future = asyncio.wrap_future(_shared_executor().submit(key[1].host, check, *key))
                running[future] = key
                future.add_done_callback(completed.put_nowait)
            future = await completed.get()
            run.complete(running.pop(future), future.result())
    finally:
        for future in running:
            future.cancel()
    return run.reports


@functools.cache
def _shared_executor() -> PerHostExecutor:
    # Not the event loop's default executor: that one is small, and other triggers need it.
    return PerHostExecutor(ThreadPool(THREADS, thread_name_prefix="oppo-image"), MAX_PER_HOST)


# Its threads do not exist in a forked process.
os.register_at_fork(after_in_child=_shared_executor.cache_clear)

_session_pools: Final[MutableMapping[asyncio.AbstractEventLoop, SessionPool]] = WeakKeyDictionary()


def shared_session_pool() -> SessionPool:
    """Return the session pool of the running event loop."""
    return _session_pools.setdefault(asyncio.get_running_loop(), SessionPool(MAX_PER_HOST))


def _picture_keys(pictures: Sequence[ExpectedPicture]) -> list[PictureKey]:
    return list(dict.fromkeys((picture.kind, picture.url) for picture in pictures))


def _to_revalidate(reports: dict[PictureKey, PictureReport], report_cache: ReportCache | None) -> list[PictureKey]:
    """Invalidate and return the pictures that must be downloaded again before all count as ready."""
    if report_cache is None or any(report.state != "ready" for report in reports.values()):
        return []
    unmodified = report_cache.unmodified(reports)
    report_cache.invalidate(unmodified)
    return unmodified


def _combine(pictures: Sequence[ExpectedPicture], reports: dict[PictureKey, PictureReport]) -> PollResult:
    return PollResult(pictures, [reports[picture.kind, picture.url] for picture in pictures])
