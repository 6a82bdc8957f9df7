"""Per-host concurrency limit: a round-robin queue and an executor."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from airflow_provider_oppo_image.errors import NotSentError

T = TypeVar("T")


class PerHostQueue(Generic[T]):
    """A queue that serves hosts in turn, and each host's items in their order, with a concurrency limit per host.

    :param max_per_host: items of one host that may be in progress.
    """

    def __init__(self, max_per_host: int) -> None:
        self._max_per_host = max_per_host
        self._waiting: dict[str, deque[T]] = {}
        self._in_progress: Counter[str] = Counter()
        self._ready: deque[str] = deque()  # the hosts with items waiting and below their limit

    def put(self, host: str, item: T) -> None:
        """Add an item to a host's queue."""
        waiting = self._waiting.setdefault(host, deque())
        waiting.append(item)
        if len(waiting) == 1 and self._in_progress[host] < self._max_per_host:
            self._ready.append(host)

    def get(self) -> T | None:
        """Return the next item, which is then in progress; None if no item may start."""
        if not self._ready:
            return None
        host = self._ready.popleft()
        waiting = self._waiting[host]
        item = waiting.popleft()
        self._in_progress[host] += 1
        if not waiting:
            del self._waiting[host]
        elif self._in_progress[host] < self._max_per_host:
            self._ready.append(host)
        return item

    def release(self, host: str, items: int = 1) -> None:
        """End the progress of items of a host."""
        was_full = self._in_progress[host] >= self._max_per_host
        self._in_progress[host] -= items
        if was_full and host in self._waiting:
            self._ready.append(host)
        elif not self._in_progress[host]:
            del self._in_progress[host]

    def drain(self, host: str) -> list[T]:
        """Remove and return all waiting items of a host."""
        if host in self._ready:
            self._ready.remove(host)
        return list(self._waiting.pop(host, ()))


class PerHostExecutor:
    """An executor that limits how many threads of a pool one host can occupy.

    A call that waits for its host holds no thread. Each host's calls start in the order of submission. Threads may
    share the executor.

    :param pool: the threads. Its shutdown with `cancel_futures` also cancels the calls that wait here.
    :param max_per_host: calls of one host that may be in the pool.
    """

    def __init__(self, pool: Executor, max_per_host: int) -> None:
        self._pool = pool
        self._queue: PerHostQueue[_Task] = PerHostQueue(max_per_host)
        self._lock = threading.Lock()

    def submit(self, host: str, call: Callable[..., T], *arguments: Any) -> Future[T]:
        """Make a call in the pool as soon as its host is below the limit. Cancelling the future prevents the call."""
        task = _Task(host, call, arguments)
        with self._lock:
            self._queue.put(host, task)
        self._start_tasks()
        return task.future

    def _start_tasks(self) -> None:
        while True:
            with self._lock:
                task = self._queue.get()
            if task is None:
                return
            try:
                submitted = self._pool.submit(self._run, task)
            except NotSentError:  # the pool has no thread
                self._cancel(task)
                raise
            except RuntimeError:  # the pool was shut down
                self._cancel(task)
            else:
                submitted.add_done_callback(partial(self._on_done, task))

    def _run(self, task: _Task) -> None:
        set_outcome = task.run()
        self._release(task)
        self._start_tasks()
        set_outcome()

    def _on_done(self, task: _Task, submitted: Future[None]) -> None:
        # Cancelled by the shutdown, which holds the pool's lock, so nothing can be submitted here. The next call that
        # ends submits all waiting tasks, finds the pool shut down, and cancels them.
        if submitted.cancelled():
            self._cancel(task)

    def _cancel(self, task: _Task) -> None:
        task.future.cancel()
        self._release(task)

    def _release(self, task: _Task) -> None:
        with self._lock:
            self._queue.release(task.host)


@dataclass(frozen=True)
class _Task:
    host: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)

    def run(self) -> Callable[[], object]:
        """Make the call unless it was cancelled, and return a function that sets the future's outcome."""
        if not self.future.set_running_or_notify_cancel():
            return lambda: None
        try:
            return partial(self.future.set_result, self.call(*self.arguments))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            return partial(self.future.set_exception, error)
