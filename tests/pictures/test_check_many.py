from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.net.deadline import TransportOptions
from airflow_provider_oppo_image.net.session import Validators
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures import check_many
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.pictures.check_many import CheckRun, with_circuit_breaker
from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, PollResult
from airflow_provider_oppo_image.pictures.report import Code, PictureReport, Problem
from airflow_provider_oppo_image.pictures.report_cache import PictureKey, ReportCache
from airflow_provider_oppo_image.pictures.session_pool import SessionPool
from tests.support import artwork
from tests.support.picture_host import PictureHost

TIMED_OUT = Problem("timed_out", "the host timed out", "a picture", "Try again later.")


def check_from_a_loop(
    pictures: list[ExpectedPicture], check: Any, report_cache: ReportCache | None = None
) -> PollResult:
    return asyncio.run(check_many.check_all_async(pictures, check, report_cache))


both = pytest.mark.parametrize("check_all", [check_many.check_all, check_from_a_loop], ids=["worker", "event loop"])


class CountingCheck:
    """A check that counts concurrent calls. Each call waits until `together` of them run, or for `timeout` seconds."""

    def __init__(self, together: int = 1, timeout: float = 0.05) -> None:
        self.urls: list[str] = []
        self.max_running = 0
        self._running = 0
        self._changed = threading.Condition()
        self._together = together
        self._timeout = timeout

    def __call__(self, kind: PictureKind, url: PictureUrl) -> PictureReport:
        with self._changed:
            self.urls.append(url.full)
            self._running += 1
            self.max_running = max(self.max_running, self._running)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.max_running >= self._together, self._timeout)
            self._running -= 1
        return PictureReport(kind, str(url), "ready")


def expected(kind: PictureKind, url: str, name: str | None = None) -> ExpectedPicture:
    return ExpectedPicture(kind, PictureUrl.parse(url), name)


def pictures(count: int, first: int = 0) -> list[ExpectedPicture]:
    return [expected("big", f"https://h/{number}.png") for number in range(first, first + count)]


def on_many_hosts(count: int, series: int = 0) -> list[ExpectedPicture]:
    return [expected("big", f"https://h{series}-{number}/0.png") for number in range(count)]


class TestCheckAll:
    @both
    def test_returns_a_report_for_each_picture(self, check_all: Callable[..., PollResult]) -> None:
        wanted = [*pictures(20), expected("small", "https://h/0.png", "spring")]
        found = check_all(wanted, CountingCheck())
        assert found.pictures == wanted
        assert [(report.kind, report.url) for report in found.reports] == [(p.kind, p.url.full) for p in wanted]

    @both
    def test_checks_the_same_picture_once(self, check_all: Callable[..., PollResult]) -> None:
        check = CountingCheck()
        wanted = [expected("big", "https://h/0.png", name) for name in ("spring", "summer", "autumn")]
        assert len(check_all(wanted, check).reports) == 3
        assert check.urls == ["https://h/0.png"]

    @both
    def test_uses_the_limit_per_host(self, check_all: Callable[..., PollResult]) -> None:
        check = CountingCheck(together=check_many.MAX_PER_HOST, timeout=10)
        check_all(pictures(check_many.MAX_PER_HOST), check)
        assert check.max_running == check_many.MAX_PER_HOST

    @both
    def test_never_exceeds_the_limit_per_host(self, check_all: Callable[..., PollResult]) -> None:
        check = CountingCheck(together=check_many.MAX_PER_HOST + 1)
        check_all(pictures(3 * check_many.THREADS), check)
        assert check.max_running <= check_many.MAX_PER_HOST == check_many.THREADS / 4

    def test_worker_never_exceeds_its_threads(self) -> None:
        check = CountingCheck(together=check_many.THREADS + 1)
        check_many.check_all(on_many_hosts(3 * check_many.THREADS), check)
        assert check.max_running <= check_many.THREADS


def check_in_triggers(check: CountingCheck, *pictures: list[ExpectedPicture]) -> None:
    """Check each list in a trigger of its own, in one event loop."""

    async def run() -> None:
        await asyncio.gather(*(check_many.check_all_async(each, check) for each in pictures))

    asyncio.run(run())


class TestCheckAllAsync:
    def test_single_trigger_uses_its_limit(self) -> None:
        check = CountingCheck(together=check_many.MAX_PER_TRIGGER, timeout=10)
        check_in_triggers(check, on_many_hosts(5 * check_many.MAX_PER_TRIGGER))
        assert check.max_running == check_many.MAX_PER_TRIGGER

    def test_trigger_leaves_threads_for_others(self) -> None:
        check = CountingCheck(together=check_many.MAX_PER_TRIGGER + 1)
        check_in_triggers(check, on_many_hosts(5 * check_many.MAX_PER_TRIGGER))
        assert check.max_running <= check_many.MAX_PER_TRIGGER < check_many.THREADS

    def test_triggers_share_threads(self) -> None:
        check = CountingCheck(together=check_many.THREADS + 1)
        check_in_triggers(check, *(on_many_hosts(check_many.MAX_PER_HOST, series) for series in range(10)))
        assert check.max_running <= check_many.THREADS

    def test_triggers_share_limit_per_host(self) -> None:
        check = CountingCheck(together=check_many.MAX_PER_HOST + 1)
        check_in_triggers(check, *(pictures(1, first=number) for number in range(100)))
        assert check.max_running <= check_many.MAX_PER_HOST
        assert len(check.urls) == 100

    def test_does_not_block_the_event_loop(self) -> None:
        running = threading.Event()

        def check(kind: PictureKind, url: PictureUrl) -> PictureReport:
            assert running.wait(10), "the event loop was blocked"
            return PictureReport(kind, str(url), "ready")

        async def run() -> None:
            polls = asyncio.ensure_future(check_many.check_all_async(pictures(1), check))
            await asyncio.sleep(0)
            running.set()
            await polls

        asyncio.run(run())

    @pytest.mark.parametrize("how", ["cancelled", "failed"])
    def test_starts_nothing_after_its_end(self, how: str) -> None:
        started: list[str] = []
        all_slots_used, released = threading.Event(), threading.Event()

        def check(kind: PictureKind, url: PictureUrl) -> PictureReport:
            started.append(url.full)
            if len(started) >= check_many.MAX_PER_HOST:
                all_slots_used.set()
            if how == "failed" and url.full == "https://h/0.png":
                all_slots_used.wait(10)
                raise KeyError("a mistake of ours")
            released.wait(10)
            return PictureReport(kind, str(url), "ready")

        async def run() -> None:
            polls = asyncio.ensure_future(check_many.check_all_async(pictures(100), check))
            await asyncio.to_thread(all_slots_used.wait, 10)
            if how == "cancelled":
                polls.cancel()
            with pytest.raises(asyncio.CancelledError if how == "cancelled" else KeyError):
                await polls
            released.set()
            await asyncio.sleep(0.05)

        asyncio.run(run())
        assert check_many.MAX_PER_HOST <= len(started) <= check_many.MAX_PER_HOST + 1


class CachingCheck:
    """A check that revalidates every cached picture, even if it is now absent."""

    def __init__(self, report_cache: ReportCache, *absent: str) -> None:
        self.report_cache = report_cache
        self.absent = set(absent)
        self.downloads: list[str] = []

    def __call__(self, kind: PictureKind, url: PictureUrl) -> PictureReport:
        if cached := self.report_cache.get((kind, url)):
            self.report_cache.mark_unmodified((kind, url))
            return cached.report
        self.downloads.append(url.full)
        report = PictureReport(kind, str(url), "absent" if url.full in self.absent else "ready")
        self.report_cache.put((kind, url), report, Validators(url.full, '"1"', None))
        return report


class TestReportCache:
    @both
    def test_unmodified_are_downloaded_before_all_are_ready(self, check_all: Callable[..., PollResult]) -> None:
        check = CachingCheck(ReportCache(), "https://h/2.png")
        check_all(pictures(3), check, check.report_cache)
        check.downloads.clear()
        check.absent = {"https://h/0.png"}
        found = check_all(pictures(3), check, check.report_cache)
        assert sorted(check.downloads) == ["https://h/0.png", "https://h/1.png", "https://h/2.png"]
        assert [report.state for report in found.reports] == ["absent", "ready", "ready"]

    @both
    def test_absent_picture_prevents_new_downloads(self, check_all: Callable[..., PollResult]) -> None:
        check = CachingCheck(ReportCache(), "https://h/2.png")
        for _ in range(3):
            check_all(pictures(3), check, check.report_cache)
        assert sorted(check.downloads) == ["https://h/0.png", "https://h/1.png", *["https://h/2.png"] * 3]


def keys(host: str, count: int) -> list[PictureKey]:
    return [("big", PictureUrl.parse(f"https://{host}/{number}.png?key=s3cret")) for number in range(count)]


def complete(run: CheckRun, problems_of: Callable[[PictureKey], tuple[Problem, ...]]) -> list[PictureKey]:
    """Complete a run, and return the pictures that were checked."""
    checked: list[PictureKey] = []
    while not run.done:
        batch = list(run.next_batch())
        assert batch
        for key in batch:
            problems = problems_of(key)
            run.complete(key, PictureReport("big", "", "absent" if problems else "ready", problems=problems))
        checked += batch
    return checked


class TestCheckRun:
    def test_checks_each_picture_once(self) -> None:
        wanted = keys("a", 5) + keys("b", 5)
        run = CheckRun(wanted, 4, 2)
        assert set(complete(run, lambda _: ())) == set(wanted) == set(run.reports)

    def test_limits_all_checks_and_those_of_a_host(self) -> None:
        run = CheckRun(keys("a", 9) + keys("b", 9) + keys("c", 9), 5, 2)
        assert [url.host for _, url in run.next_batch()] == ["a", "b", "c", "a", "b"]
        assert list(run.next_batch()) == []
        run.complete(keys("a", 1)[0], PictureReport("big", "", "ready"))
        assert [url.host for _, url in run.next_batch()] == ["c"]

    def test_skips_the_rest_of_a_host_after_timeouts_in_a_row(self) -> None:
        wanted = keys("slow", 1_000) + keys("quick", 10)
        run = CheckRun(wanted, 32, 8)
        checked = complete(run, lambda key: (TIMED_OUT,) if key[1].host == "slow" else ())
        assert len(checked) == 8 + 10
        last = run.reports[wanted[999]]
        assert (last.state, [problem.code for problem in last.problems]) == ("absent", ["timed_out"])
        assert "not requested" in str(last)
        assert "s3cret" not in str(last)

    def test_checks_all_of_a_host_that_answers_now_and_then(self) -> None:
        wanted = keys("busy", 40)
        answers = {wanted[number] for number in range(7, 40, 8)}
        assert len(complete(CheckRun(wanted, 1, 8), lambda key: () if key in answers else (TIMED_OUT,))) == 40


SLOW = "http://slow.example.com/{}.png?sig=s3cret"


class SlowHost:
    """A check that finds the given problems, one per call."""

    def __init__(self, *codes: Code | None) -> None:
        self.codes = list(codes)
        self.checked = 0

    def check(self, kind: PictureKind, url: PictureUrl) -> PictureReport:
        self.checked += 1
        code = self.codes.pop(0)
        problems = (Problem(code, "found", "expected", "advice"),) if code else ()
        return PictureReport(kind, str(url), "absent" if code else "ready", problems=problems)


class TestWithCircuitBreaker:
    def test_opens_after_timeouts_in_a_row(self) -> None:
        host = SlowHost("timed_out", "timed_out", "timed_out")
        check = with_circuit_breaker(host.check, 3)
        reports = [check("small", SLOW.format(number)) for number in range(10)]
        assert host.checked == 3
        assert (reports[9].kind, reports[9].state) == ("small", "absent")
        assert reports[9].url == "http://slow.example.com/9.png?…"
        assert "not requested" in str(reports[9])

    def test_any_answer_resets_the_count(self) -> None:
        host = SlowHost("timed_out", "not_found", "timed_out", None, "timed_out")
        check = with_circuit_breaker(host.check, 2)
        for number in range(5):
            check("big", SLOW.format(number))
        assert host.checked == 5

    def test_late_response_keeps_session_open(self) -> None:
        host = SlowHost("timed_out", None)

        def answer_late(kind: PictureKind, url: PictureUrl) -> PictureReport:
            if "late" in url.full:
                check("big", SLOW.format(1))  # meanwhile, the circuit opens
            return host.check(kind, url)

        check = with_circuit_breaker(answer_late, 1)
        assert check("big", SLOW.format("late")).state == "ready"
        check("big", SLOW.format(2))
        assert host.checked == 2


class TestADeadHost:
    """A host that never answers occupies a quarter of the threads, and does not delay checks of other hosts."""

    LIMIT_S = 30.0  # half of the timeouts: a check that is delayed by the dead host needs all of them
    PATIENT = TransportOptions(60, 60, 60)

    @pytest.fixture
    def dead(self) -> Iterator[PictureHost]:
        with PictureHost("127.0.0.2") as dead:
            dead.stall("/big.png")
            yield dead

    @pytest.fixture
    def patient(self) -> Iterator[Callable[..., PictureReport]]:
        with SessionPool(8) as session_pool:
            yield functools.partial(
                check_picture, allow_private_addresses=True, transport_options=self.PATIENT, session_pool=session_pool
            )

    @staticmethod
    def pictures(host: PictureHost, count: int) -> list[ExpectedPicture]:
        return [
            ExpectedPicture("big", PictureUrl.parse(f"{host.base_url}/big.png?{number}")) for number in range(count)
        ]

    def test_does_not_delay_other_triggers(
        self, host: PictureHost, dead: PictureHost, patient: Callable[..., PictureReport]
    ) -> None:
        host.serve("/big.png", artwork.good("big"))

        async def run() -> float:
            stuck = [
                asyncio.ensure_future(check_many.check_all_async([picture], patient))
                for picture in self.pictures(dead, 100)
            ]
            stuck.append(asyncio.ensure_future(check_many.check_all_async(self.pictures(dead, 1_000), patient)))
            while dead.connections < check_many.MAX_PER_HOST:
                await asyncio.sleep(0.01)
            started = time.monotonic()
            polls = await asyncio.gather(
                *(check_many.check_all_async([picture], patient) for picture in self.pictures(host, 50))
            )
            took = time.monotonic() - started
            assert all(poll.decide("fail") == "ready" for poll in polls)
            assert not any(task.done() for task in stuck)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            return took

        assert asyncio.run(run()) < self.LIMIT_S
        assert dead.connections == check_many.MAX_PER_HOST

    def test_does_not_delay_other_pictures(
        self, host: PictureHost, dead: PictureHost, patient: Callable[..., PictureReport]
    ) -> None:
        asked: list[float] = []
        started = time.monotonic()

        def page(handler: Any) -> None:
            asked.append(time.monotonic() - started)
            if len(asked) == 50:
                dead.closing.set()
            handler.begin(404, {"Content-Length": "0"})

        host.add("/big.png", page)
        wanted = self.pictures(dead, check_many.MAX_PER_HOST) + self.pictures(host, 50)
        check_many.check_all(wanted, patient)
        assert max(asked) < self.LIMIT_S
        assert dead.connections <= check_many.MAX_PER_HOST
