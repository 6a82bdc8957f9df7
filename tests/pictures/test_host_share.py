from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from airflow_provider_oppo_image.pictures.per_host import PerHostExecutor

PATIENT = 10


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    go_on = threading.Event()
    yield go_on
    go_on.set()


def test_a_host_that_never_answers_holds_its_share_and_the_others_go_on(
    pool: ThreadPoolExecutor, go_on: threading.Event
) -> None:
    share = PerHostExecutor(pool, 2)
    begun = threading.Semaphore(0)

    def hang() -> bool:
        begun.release()
        return go_on.wait(PATIENT)

    hanging = [share.submit("http://dead/", hang) for _ in range(100)]
    others = [share.submit(f"http://h{number % 3}/", lambda number=number: number) for number in range(100)]
    assert [future.result(PATIENT) for future in others] == list(range(100))
    assert begun.acquire(timeout=PATIENT)
    assert begun.acquire(timeout=PATIENT)
    assert not begun.acquire(timeout=0.05), "more than its share"
    go_on.set()
    assert all(future.result(PATIENT) for future in hanging)


def test_an_error_comes_out_where_the_result_is_asked_for_and_gives_the_turn_back(pool: ThreadPoolExecutor) -> None:
    share = PerHostExecutor(pool, 1)
    failing = share.submit("http://h/", int, "no number")
    after = share.submit("http://h/", int, "7")
    with pytest.raises(ValueError, match="no number"):
        failing.result(PATIENT)
    assert after.result(PATIENT) == 7


def test_what_is_cancelled_while_it_waits_does_not_begin(pool: ThreadPoolExecutor, go_on: threading.Event) -> None:
    share = PerHostExecutor(pool, 1)
    first = share.submit("http://h/", go_on.wait, PATIENT)
    called: list[int] = []
    second, third = (share.submit("http://h/", called.append, number) for number in (2, 3))
    assert second.cancel()
    go_on.set()
    assert first.result(PATIENT)
    third.result(PATIENT)
    assert called == [3]


def test_what_waits_is_cancelled_with_the_pool(go_on: threading.Event) -> None:
    pool = ThreadPoolExecutor(1)
    share = PerHostExecutor(pool, 2)
    running = share.submit("http://a/", go_on.wait, PATIENT)
    rest: list[Future[bool]] = [share.submit(f"http://{host}/", go_on.wait, PATIENT) for host in "aab" * 1_000]
    pool.shutdown(wait=False, cancel_futures=True)
    go_on.set()
    assert running.result(PATIENT)
    for future in rest:
        with pytest.raises(CancelledError):
            future.result(PATIENT)
