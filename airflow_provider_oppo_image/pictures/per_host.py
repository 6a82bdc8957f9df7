"""Per-host concurrency limit: a round-robin queue and an executor."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


def hostname(url: str) -> str:
    """Return a URL's host as one name, however it is written; "" for what is no URL.

    :param url: any text.
    """
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return (host or "").rstrip(".")


class PerHostQueue(Generic[T]):
    """What waits for a host, host by host in turn, and in the order in which it came.

    :param most: what one host may have at once, at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[str, deque[T]] = {}
        self._begun: Counter[str] = Counter()
        self._free: deque[str] = deque()  # the hosts that may begin something, and have something waiting

    def add(self, host: str, what: T) -> None:
        """Let something wait for its turn."""
        waiting = self._waiting.setdefault(host, deque())
        waiting.append(what)
        if len(waiting) == 1 and self._begun[host] < self._most:
            self._free.append(host)

    def take(self) -> T | None:
        """Begin what is next; None when nothing waits for a host that has a turn to give."""
        if not self._free:
            return None
        host = self._free.popleft()
        waiting = self._waiting[host]
        what = waiting.popleft()
        self._begun[host] += 1
        if not waiting:
            del self._waiting[host]
        elif self._begun[host] < self._most:
            self._free.append(host)
        return what

    def end(self, host: str) -> None:
        """Give back the turn of something that has ended."""
        self._begun[host] -= 1
        if self._begun[host] == self._most - 1 and host in self._waiting:
            self._free.append(host)
        elif not self._begun[host]:
            del self._begun[host]

    def drop(self, host: str) -> list[T]:
        """Take all that waits for a host, and begin none of it."""
        if host in self._free:
            self._free.remove(host)
        return list(self._waiting.pop(host, ()))


class PerHostExecutor:
    """Hands calls to a pool of threads, and no more of one host than its share.

    What waits for its host's turn waits here, where it holds no thread; each host's calls begin in the order in which
    they came. Threads may share it.

    :param pool: the threads. Whoever shuts them down cancels with it what waits here.
    :param most: calls that one host may have in the pool at once, at most.
    """

    def __init__(self, pool: Executor, most: int) -> None:
        self._pool = pool
        self._turns: PerHostQueue[_Task] = PerHostQueue(most)
        self._lock = threading.Lock()

    def submit(self, url: str, call: Callable[..., T], *arguments: Any) -> Future[T]:
        """Call something in one of the threads, when it is the turn of a URL's host.

        :param url: the URL that the call asks for.
        :param call: what to call.
        :param arguments: what to call it with.
        :return: what comes of it; cancelled before it began, it does not begin.
        """
        waits = _Task(hostname(url), call, arguments)
        with self._lock:
            self._turns.add(waits.host, waits)
        self._begin()
        return waits.future

    def _begin(self) -> None:
        while (it := self._next()) is not None:
            try:
                handed_over = self._pool.submit(self._run, it)
            except RuntimeError:  # the pool was shut down
                self._give_up(it)
            else:
                handed_over.add_done_callback(partial(self._if_cancelled, it))

    def _next(self) -> _Task | None:
        with self._lock:
            return self._turns.take()

    def _run(self, it: _Task) -> None:
        tell = it.run()
        self._end(it)
        self._begin()
        tell()

    def _if_cancelled(self, it: _Task, handed_over: Future[None]) -> None:
        # By the pool's shutdown, which holds the pool's lock: nothing can be handed over. The next call that ends tries
        # it for all that waits, and finds the pool shut down.
        if handed_over.cancelled():
            self._give_up(it)

    def _give_up(self, it: _Task) -> None:
        it.future.cancel()
        self._end(it)

    def _end(self, it: _Task) -> None:
        with self._lock:
            self._turns.end(it.host)


@dataclass(frozen=True)
class _Task:
    host: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)

    def run(self) -> Callable[[], object]:
        """Make the call unless it was cancelled, and return what tells the one who waits."""
        if not self.future.set_running_or_notify_cancel():
            return lambda: None
        try:
            return partial(self.future.set_result, self.call(*self.arguments))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            return partial(self.future.set_exception, error)
