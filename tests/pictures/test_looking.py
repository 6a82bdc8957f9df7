from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures import looking
from airflow_provider_oppo_image.pictures.awaited import AwaitedPicture
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.waiting import Look


def look_from_a_loop(pictures: list[AwaitedPicture], check: Any) -> Look:
    return asyncio.run(looking.look_async(pictures, check))


both = pytest.mark.parametrize("look", [looking.look, look_from_a_loop], ids=["worker", "event loop"])


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


def pictures(count: int) -> list[AwaitedPicture]:
    return [AwaitedPicture("big", f"https://h/{number}.png") for number in range(count)]


@both
def test_each_picture_has_its_report(look: Callable[..., Look]) -> None:
    wanted = [*pictures(20), AwaitedPicture("small", "https://h/0.png", "spring")]
    found = look(wanted, Check())
    assert found.pictures == wanted
    assert [(report.kind, report.url) for report in found.reports] == [(p.kind, p.url) for p in wanted]


@both
def test_the_same_picture_is_looked_at_once_for_all_who_want_it(look: Callable[..., Look]) -> None:
    check = Check()
    wanted = [AwaitedPicture("big", "https://h/0.png", name) for name in ("spring", "summer", "autumn")]
    assert len(look(wanted, check).reports) == 3
    assert check.urls == ["https://h/0.png"]


@both
def test_pictures_are_looked_at_side_by_side(look: Callable[..., Look]) -> None:
    check = Check(together=looking.SHARE, patience=10)
    look(pictures(looking.SHARE), check)
    assert check.most == looking.SHARE


def test_a_worker_looks_at_a_bounded_number_of_pictures_at_once() -> None:
    check = Check(together=looking.THREADS + 1)
    looking.look(pictures(3 * looking.THREADS), check)
    assert check.most <= looking.THREADS


def test_one_of_many_triggers_takes_no_more_than_its_share_of_the_threads() -> None:
    check = Check(together=looking.SHARE + 1)
    look_from_a_loop(pictures(5 * looking.SHARE), check)
    assert check.most <= looking.SHARE


def test_all_triggers_together_take_a_bounded_number_of_threads() -> None:
    check = Check(together=looking.THREADS + 1)

    async def look_many() -> None:
        await asyncio.gather(*(looking.look_async(pictures(looking.SHARE), check) for _ in range(10)))

    asyncio.run(look_many())
    assert check.most <= looking.THREADS


def test_the_event_loop_goes_on_while_it_looks() -> None:
    seen = threading.Event()

    def check(kind: PictureKind, url: str) -> PictureReport:
        assert seen.wait(10), "the event loop was blocked"
        return PictureReport(kind, url, "ready")

    async def look_and_do_something_else() -> None:
        looks = asyncio.ensure_future(looking.look_async(pictures(1), check))
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
        if len(begun) >= looking.SHARE:
            all_seats_taken.set()
        if how == "failed" and url == "https://h/0.png":
            all_seats_taken.wait(10)
            raise KeyError("a mistake of ours")
        go_on.wait(10)
        return PictureReport(kind, url, "ready")

    async def end_early() -> None:
        looks = asyncio.ensure_future(looking.look_async(pictures(100), check))
        await asyncio.to_thread(all_seats_taken.wait, 10)
        if how == "cancelled":
            looks.cancel()
        with pytest.raises(asyncio.CancelledError if how == "cancelled" else KeyError):
            await looks
        go_on.set()
        await asyncio.sleep(0.05)

    asyncio.run(end_early())
    assert looking.SHARE <= len(begun) <= looking.SHARE + 1
