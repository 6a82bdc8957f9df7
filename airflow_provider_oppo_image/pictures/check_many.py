"""Concurrent checks of many pictures, with a circuit breaker per host."""

from __future__ import annotations

import asyncio
import functools
import queue
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.net.redaction import redact_url
from airflow_provider_oppo_image.pictures.per_host import PerHostExecutor, PerHostQueue, hostname
from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, PollResult
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.pictures.report_cache import PictureKey, ReportCache
from airflow_provider_oppo_image.pictures.session_pool import SessionPool


def timed_out(report: PictureReport) -> bool:
    """Tell whether a picture's host took too long."""
    return any(problem.code == "timed_out" for problem in report.problems)


def skipped_report(kind: PictureKind, url: str, patience: int) -> PictureReport:
    """Return the report of a picture whose host was given up.

    :param kind: "big" or "small".
    :param url: the picture's URL.
    :param patience: for how many pictures in a row the host was too slow.
    """
    problem = Problem(
        "timed_out",
        f"the host was too slow for {patience} pictures in a row, so it was not asked for this one",
        "a picture",
        "Try again later; check that the host is up, or raise the connection's timeouts.",
    )
    return PictureReport(kind, redact_url(url), "absent", problems=(problem,))


def with_circuit_breaker(
    check: Callable[[PictureKind, str], PictureReport], patience: int
) -> Callable[[PictureKind, str], PictureReport]:
    """Return a check that asks a host no more once it was too slow too often; threads may share it.

    :param check: looks at one picture.
    :param patience: pictures in a row for which a host may be too slow.
    """
    in_a_row: Counter[str] = Counter()

    def guarded_check(kind: PictureKind, url: str) -> PictureReport:
        host = hostname(url)
        if in_a_row[host] >= patience:
            return skipped_report(kind, url, patience)
        report = check(kind, url)
        if timed_out(report):
            in_a_row[host] += 1
        elif in_a_row[host] < patience:  # who was given up stays so
            in_a_row[host] = 0
        return report

    return guarded_check


class CheckRun:
    """The pictures of one look, host by host in turn.

    A host that was too slow for as many pictures in a row as it may have at once is asked for no more of them in this
    look: else thousands of its pictures would keep those of other hosts waiting for hours.

    :param places: the pictures, each once.
    :param most: pictures that are looked at side by side, at most.
    :param of_a_host: of these, pictures of one host.
    """

    def __init__(self, places: Sequence[PictureKey], most: int, of_a_host: int) -> None:
        self.reports: dict[PictureKey, PictureReport] = {}
        self._left = len(places)
        self._most, self._of_a_host = most, of_a_host
        self._under_way = 0
        self._too_slow: Counter[str] = Counter()  # by host, pictures in a row
        self._turns: PerHostQueue[PictureKey] = PerHostQueue(of_a_host)
        for place in places:
            self._turns.add(hostname(place[1]), place)

    @property
    def is_over(self) -> bool:
        """Whether there is a report of each picture."""
        return not self._left

    def begin(self) -> Iterator[PictureKey]:
        """Yield the pictures to look at now."""
        while self._under_way < self._most and (place := self._turns.take()):
            self._under_way += 1
            yield place

    def end(self, place: PictureKey, report: PictureReport) -> None:
        """Note what was found of a picture."""
        host = hostname(place[1])
        self._under_way -= 1
        self._note(place, report)
        # What was too slow keeps its turn until the host answers: it has the fewer of them, the longer it is silent.
        self._too_slow[host] += 1
        if not timed_out(report):
            for _ in range(self._too_slow.pop(host)):
                self._turns.end(host)
        elif self._too_slow[host] >= self._of_a_host:
            for each in self._turns.drop(host):
                self._note(each, skipped_report(*each, self._of_a_host))

    def _note(self, place: PictureKey, report: PictureReport) -> None:
        self.reports[place] = report
        self._left -= 1


Check: TypeAlias = Callable[[PictureKind, str], PictureReport]
"""Looks at one picture, given its kind and its URL."""

F = TypeVar("F", Future[Any], "asyncio.Future[Any]")

THREADS: Final = 32
"""Pictures that one process looks at side by side. They wait for hosts most of the time."""

MAX_PER_HOST: Final = THREADS // 4
"""Pictures of one host that a process looks at side by side, so that one which never answers leaves it the others."""

MAX_PER_TRIGGER: Final = THREADS * 3 // 4
"""Pictures that one of many triggers in a process looks at side by side, so that there are threads for the others."""


def check_all(pictures: Sequence[ExpectedPicture], check: Check, memory: ReportCache | None = None) -> PollResult:
    """Look at pictures once; those with the same URL and kind are looked at together.

    :param pictures: at least one.
    :param check: looks at one picture; called from several threads.
    :param memory: what `check` remembers. Before all pictures are said to be ready, those that only their host says
        have not changed are downloaded again.
    """
    places = _picture_keys(pictures)
    with ThreadPoolExecutor(min(THREADS, len(places)), thread_name_prefix="oppo-image") as pool:

        def reports_of(places: Sequence[PictureKey]) -> dict[PictureKey, PictureReport]:
            this = CheckRun(places, THREADS, MAX_PER_HOST)
            ended: queue.SimpleQueue[tuple[PictureKey, Future[PictureReport]]] = queue.SimpleQueue()
            while not this.is_over:
                for place in this.begin():
                    future = pool.submit(check, *place)
                    future.add_done_callback(partial(_notify, ended.put, place))
                place, future = ended.get()
                this.end(place, future.result())
            return this.reports

        reports = reports_of(places)
        if doubtful := _to_revalidate(reports, memory):
            reports |= reports_of(doubtful)
    return _combine(pictures, reports)


async def check_all_async(
    pictures: Sequence[ExpectedPicture], check: Check, memory: ReportCache | None = None
) -> PollResult:
    """Look at pictures once, from an event loop and without blocking it; otherwise as `check_all`.

    The threads are shared by all that look in this process. When this is cancelled, what has not begun does not begin;
    what has ends by its own timeouts.
    """
    reports = await _reports_async(_picture_keys(pictures), check)
    if doubtful := _to_revalidate(reports, memory):
        reports |= await _reports_async(doubtful, check)
    return _combine(pictures, reports)


async def _reports_async(places: Sequence[PictureKey], check: Check) -> dict[PictureKey, PictureReport]:
    this = CheckRun(places, MAX_PER_TRIGGER, MAX_PER_HOST)
    ended: asyncio.Queue[tuple[PictureKey, asyncio.Future[PictureReport]]] = asyncio.Queue()
    under_way: dict[PictureKey, asyncio.Future[PictureReport]] = {}
    try:
        while not this.is_over:
            for place in this.begin():
                future = asyncio.wrap_future(_shared_executor().submit(place[1], check, *place))
                future.add_done_callback(partial(_notify, ended.put_nowait, place))
                under_way[place] = future
            place, future = await ended.get()
            del under_way[place]
            this.end(place, future.result())
    finally:
        for future in under_way.values():
            future.cancel()
    return this.reports


def _notify(put: Callable[[tuple[PictureKey, F]], object], place: PictureKey, future: F) -> None:
    put((place, future))


@functools.cache
def _shared_executor() -> PerHostExecutor:
    # Not the event loop's own pool: that one is small, and other triggers need it.
    return PerHostExecutor(ThreadPoolExecutor(THREADS, thread_name_prefix="oppo-image"), MAX_PER_HOST)


_session_pool: Final[MutableMapping[asyncio.AbstractEventLoop, SessionPool]] = WeakKeyDictionary()


def shared_session_pool() -> SessionPool:
    """Return the connections that are kept by all that look in the running event loop."""
    return _session_pool.setdefault(asyncio.get_running_loop(), SessionPool())


def _picture_keys(pictures: Sequence[ExpectedPicture]) -> list[PictureKey]:
    return list(dict.fromkeys((picture.kind, picture.url) for picture in pictures))


def _to_revalidate(reports: dict[PictureKey, PictureReport], memory: ReportCache | None) -> list[PictureKey]:
    """Return the pictures that must be downloaded again before all are ready, and forget them."""
    if memory is None or any(report.state != "ready" for report in reports.values()):
        return []
    doubtful = memory.on_trust(reports)
    memory.forget(doubtful)
    return doubtful


def _combine(pictures: Sequence[ExpectedPicture], reports: dict[PictureKey, PictureReport]) -> PollResult:
    return PollResult(pictures, [reports[picture.kind, picture.url] for picture in pictures])
