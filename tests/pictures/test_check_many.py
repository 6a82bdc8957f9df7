from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures import check_many
from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, PollResult
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.report_cache import ReportCache, Validators


def look_from_a_loop(pictures: list[ExpectedPicture], check: Any, memory: ReportCache | None = None) -> PollResult:
    return asyncio.run(check_many.check_all_async(pictures, check, memory))


both = pytest.mark.parametrize("look", [check_many.check_all, look_from_a_loop], ids=["worker", "event loop"])


class Check:
    """A check that counts how many look at once; each waits until `together` do, or `patience` is over."""

    def __init__(self, together: int = 1, patience: float = 0.05) -> None:
        self.urls: list[str] = []
        self.most = 0
        self._now = 0
        self._changed = threading.Condition()
        self._together = together
        self._patience = patience

    def __call__(self, kind: PictureKind, url: str) -> PictureReport:
        with self._changed:
            self.urls.append(url)
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._together, self._patience)
            self._now -= 1
        return PictureReport(kind, url, "ready")


def pictures(count: int, first: int = 0) -> list[ExpectedPicture]:
    return [ExpectedPicture("big", f"https://h/{number}.png") for number in range(first, first + count)]


def of_many_hosts(count: int, series: int = 0) -> list[ExpectedPicture]:
    return [ExpectedPicture("big", f"https://h{series}-{number}/0.png") for number in range(count)]


@both
def test_each_picture_has_its_report(look: Callable[..., PollResult]) -> None:
    wanted = [*pictures(20), ExpectedPicture("small", "https://h/0.png", "spring")]
    found = look(wanted, Check())
    assert found.pictures == wanted
    assert [(report.kind, report.url) for report in found.reports] == [(p.kind, p.url) for p in wanted]


@both
def test_the_same_picture_is_looked_at_once_for_all_who_want_it(look: Callable[..., PollResult]) -> None:
    check = Check()
    wanted = [ExpectedPicture("big", "https://h/0.png", name) for name in ("spring", "summer", "autumn")]
    assert len(look(wanted, check).reports) == 3
    assert check.urls == ["https://h/0.png"]


@both
def test_pictures_of_one_host_are_looked_at_side_by_side(look: Callable[..., PollResult]) -> None:
    check = Check(together=check_many.MAX_PER_HOST, patience=10)
    look(pictures(check_many.MAX_PER_HOST), check)
    assert check.most == check_many.MAX_PER_HOST


@both
def test_a_host_has_no_more_than_a_quarter_of_the_threads(look: Callable[..., PollResult]) -> None:
    check = Check(together=check_many.MAX_PER_HOST + 1)
    look(pictures(3 * check_many.THREADS), check)
    assert check.most <= check_many.MAX_PER_HOST == check_many.THREADS / 4


def test_a_worker_looks_at_a_bounded_number_of_pictures_at_once() -> None:
    check = Check(together=check_many.THREADS + 1)
    check_many.check_all(of_many_hosts(3 * check_many.THREADS), check)
    assert check.most <= check_many.THREADS


def test_one_trigger_has_most_of_the_threads_when_the_others_idle() -> None:
    check = Check(together=check_many.MAX_PER_TRIGGER, patience=10)
    look_from_a_loop(of_many_hosts(5 * check_many.MAX_PER_TRIGGER), check)
    assert check.most == check_many.MAX_PER_TRIGGER


def test_one_of_many_triggers_leaves_threads_for_the_others() -> None:
    check = Check(together=check_many.MAX_PER_TRIGGER + 1)
    look_from_a_loop(of_many_hosts(5 * check_many.MAX_PER_TRIGGER), check)
    assert check.most <= check_many.MAX_PER_TRIGGER < check_many.THREADS


def test_all_triggers_together_take_a_bounded_number_of_threads() -> None:
    check = Check(together=check_many.THREADS + 1)

    async def look_many() -> None:
        await asyncio.gather(
            *(check_many.check_all_async(of_many_hosts(check_many.MAX_PER_HOST, at), check) for at in range(10))
        )

    asyncio.run(look_many())
    assert check.most <= check_many.THREADS


def test_all_triggers_together_leave_a_host_no_more_than_a_quarter_of_the_threads() -> None:
    check = Check(together=check_many.MAX_PER_HOST + 1)

    async def look_many() -> None:
        await asyncio.gather(*(check_many.check_all_async(pictures(1, first=at), check) for at in range(100)))

    asyncio.run(look_many())
    assert check.most <= check_many.MAX_PER_HOST
    assert len(check.urls) == 100


def test_the_event_loop_goes_on_while_it_looks() -> None:
    seen = threading.Event()

    def check(kind: PictureKind, url: str) -> PictureReport:
        assert seen.wait(10), "the event loop was blocked"
        return PictureReport(kind, url, "ready")

    async def look_and_do_something_else() -> None:
        looks = asyncio.ensure_future(check_many.check_all_async(pictures(1), check))
        await asyncio.sleep(0)
        seen.set()
        await looks

    asyncio.run(look_and_do_something_else())


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_what_has_not_begun_does_not_begin_once_a_look_has_ended(how: str) -> None:
    begun: list[str] = []
    all_seats_taken, go_on = threading.Event(), threading.Event()

    def check(kind: PictureKind, url: str) -> PictureReport:
        begun.append(url)
        if len(begun) >= check_many.MAX_PER_HOST:
            all_seats_taken.set()
        if how == "failed" and url == "https://h/0.png":
            all_seats_taken.wait(10)
            raise KeyError("a mistake of ours")
        go_on.wait(10)
        return PictureReport(kind, url, "ready")

    async def end_early() -> None:
        looks = asyncio.ensure_future(check_many.check_all_async(pictures(100), check))
        await asyncio.to_thread(all_seats_taken.wait, 10)
        if how == "cancelled":
            looks.cancel()
        with pytest.raises(asyncio.CancelledError if how == "cancelled" else KeyError):
            await looks
        go_on.set()
        await asyncio.sleep(0.05)

    asyncio.run(end_early())
    assert check_many.MAX_PER_HOST <= len(begun) <= check_many.MAX_PER_HOST + 1


class Recalls:
    """A check that says of the pictures it has seen before that they are as they were, whatever has become of them."""

    def __init__(self, memory: ReportCache) -> None:
        self.memory = memory
        self.absent: set[str] = set()
        self.downloads: list[str] = []

    def __call__(self, kind: PictureKind, url: str) -> PictureReport:
        if known := self.memory.recall((kind, url)):
            self.memory.trust((kind, url))
            return known.report
        self.downloads.append(url)
        report = PictureReport(kind, url, "absent" if url in self.absent else "ready")
        self.memory.keep((kind, url), report, Validators(url, '"1"', None))
        return report


class TestBeforeAllAreReady:
    @both
    def test_those_that_only_their_host_vouches_for_are_downloaded_again(self, look: Callable[..., PollResult]) -> None:
        memory = ReportCache()
        check = Recalls(memory)
        check.absent = {"https://h/2.png"}
        look(pictures(3), check, memory)
        check.downloads.clear()
        check.absent = {"https://h/0.png"}
        found = look(pictures(3), check, memory)
        assert sorted(check.downloads) == ["https://h/0.png", "https://h/1.png", "https://h/2.png"]
        assert [report.state for report in found.reports] == ["absent", "ready", "ready"]

    @both
    def test_nothing_is_while_another_picture_is_absent(self, look: Callable[..., PollResult]) -> None:
        memory = ReportCache()
        check = Recalls(memory)
        check.absent = {"https://h/2.png"}
        for _ in range(3):
            look(pictures(3), check, memory)
        assert sorted(check.downloads) == ["https://h/0.png", "https://h/1.png", *["https://h/2.png"] * 3]
