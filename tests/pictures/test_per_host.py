from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.errors import NotSentError
from airflow_provider_oppo_image.net.deadline import ThreadPool
from airflow_provider_oppo_image.pictures.per_host import PerHostExecutor, PerHostQueue
from tests.support.hostile import raising

TIMEOUT_S = 10


def queue_of(*items: str, max_per_host: int) -> PerHostQueue[str]:
    """A queue of items whose first letter is their host."""
    queue: PerHostQueue[str] = PerHostQueue(max_per_host)
    for item in items:
        queue.put(item[0], item)
    return queue


class TestPerHostQueue:
    def test_get_serves_hosts_in_turn(self) -> None:
        queue = queue_of("a1", "a2", "a3", "b1", "c1", "c2", max_per_host=8)
        assert [queue.get() for _ in range(7)] == ["a1", "b1", "c1", "a2", "c2", "a3", None]

    def test_release_lets_the_next_item_start(self) -> None:
        queue = queue_of("a1", "a2", max_per_host=1)
        assert (queue.get(), queue.get()) == ("a1", None)
        queue.release("a")
        assert (queue.get(), queue.get()) == ("a2", None)

    def test_release_frees_several_slots(self) -> None:
        queue = queue_of("a1", "a2", "a3", "a4", "a5", max_per_host=2)
        assert [queue.get() for _ in range(3)] == ["a1", "a2", None]
        queue.release("a", 2)
        assert [queue.get() for _ in range(3)] == ["a3", "a4", None]

    def test_drain_removes_waiting_items(self) -> None:
        queue = queue_of("a1", "a2", "a3", "b1", max_per_host=2)
        assert queue.get() == "a1"
        assert queue.drain("a") == ["a2", "a3"]
        assert queue.drain("a") == []
        queue.release("a")
        assert [queue.get(), queue.get()] == ["b1", None]

    @given(
        max_per_host=st.integers(1, 3),
        steps=st.lists(st.one_of(st.tuples(st.just("put"), st.sampled_from("abc")), st.just(("get", "")),
                                 st.tuples(st.just("release"), st.integers(0, 9)))),
    )  # fmt: skip
    def test_get_returns_item_unless_hosts_are_at_limit(
        self, max_per_host: int, steps: list[tuple[str, str | int]]
    ) -> None:
        queue: PerHostQueue[tuple[str, int]] = PerHostQueue(max_per_host)
        waiting: list[tuple[str, int]] = []
        in_progress: list[tuple[str, int]] = []
        for number, (step, value) in enumerate(steps):
            if step == "put":
                queue.put(str(value), (str(value), number))
                waiting.append((str(value), number))
            elif step == "release" and in_progress:
                queue.release(in_progress.pop(int(value) % len(in_progress))[0])
            elif step == "get":
                counts = Counter(host for host, _ in in_progress)
                may_start = [item for item in waiting if counts[item[0]] < max_per_host]
                item = queue.get()
                assert (item is None) == (not may_start)
                if item:
                    assert item == next(each for each in waiting if each[0] == item[0]), "not the host's oldest"
                    waiting.remove(item)
                    in_progress.append(item)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def released() -> Iterator[threading.Event]:
    released = threading.Event()
    yield released
    released.set()


class TestPerHostExecutor:
    def test_dead_host_occupies_only_its_limit(self, pool: ThreadPoolExecutor, released: threading.Event) -> None:
        executor = PerHostExecutor(pool, 2)
        started = threading.Semaphore(0)

        def hang() -> bool:
            started.release()
            return released.wait(TIMEOUT_S)

        hanging = [executor.submit("dead", hang) for _ in range(100)]
        others = [executor.submit(f"h{number % 3}", lambda number=number: number) for number in range(100)]
        assert [future.result(TIMEOUT_S) for future in others] == list(range(100))
        assert started.acquire(timeout=TIMEOUT_S)
        assert started.acquire(timeout=TIMEOUT_S)
        assert not started.acquire(timeout=0.05), "more than its limit"
        released.set()
        assert all(future.result(TIMEOUT_S) for future in hanging)

    def test_exception_is_in_future_and_frees_slot(self, pool: ThreadPoolExecutor) -> None:
        executor = PerHostExecutor(pool, 1)
        failing, after = executor.submit("h", int, "no number"), executor.submit("h", int, "7")
        with pytest.raises(ValueError, match="no number"):
            failing.result(TIMEOUT_S)
        assert after.result(TIMEOUT_S) == 7

    def test_cancelled_call_does_not_start(self, pool: ThreadPoolExecutor, released: threading.Event) -> None:
        executor = PerHostExecutor(pool, 1)
        first = executor.submit("h", released.wait, TIMEOUT_S)
        called: list[int] = []
        second, third = (executor.submit("h", called.append, number) for number in (2, 3))
        assert second.cancel()
        released.set()
        assert first.result(TIMEOUT_S)
        third.result(TIMEOUT_S)
        assert called == [3]

    def test_shutdown_of_the_pool_cancels_waiting_calls(self, released: threading.Event) -> None:
        pool = ThreadPoolExecutor(1)
        executor = PerHostExecutor(pool, 2)
        running = executor.submit("a", released.wait, TIMEOUT_S)
        rest: list[Future[bool]] = [executor.submit(host, released.wait, TIMEOUT_S) for host in "aab" * 1_000]
        pool.shutdown(wait=False, cancel_futures=True)
        released.set()
        assert running.result(TIMEOUT_S)
        for future in rest:
            with pytest.raises(CancelledError):
                future.result(TIMEOUT_S)


NO_THREAD = RuntimeError("can't start new thread")


def test_thread_pool_uses_the_threads_that_started() -> None:
    started = threading.Event()
    with raising(threading.Thread, "start", NO_THREAD, 2) as raised, ThreadPool(2) as pool:
        first, second = pool.submit(started.wait, TIMEOUT_S), pool.submit(started.set)
        assert raised.error
        third = pool.submit(int)
        assert (first.result(TIMEOUT_S), second.result(TIMEOUT_S), third.result(TIMEOUT_S)) == (True, None, 0)


def test_thread_pool_without_a_thread_raises_an_error_of_ours() -> None:
    for submit in (lambda pool: pool.submit(int), lambda pool: PerHostExecutor(pool, 1).submit("a", int)):
        with (
            raising(threading.Thread, "start", NO_THREAD),
            ThreadPool(2) as pool,
            pytest.raises(NotSentError, match="limits of processes") as error,
        ):
            submit(pool)
        assert error.value.__cause__ is NO_THREAD
