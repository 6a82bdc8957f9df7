"""Threads of which no host can hold more than its share, however long it takes to answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from airflow_provider_oppo_image.pictures.turns import Turns, host_of

T = TypeVar("T")


class HostShare:
    """Hands calls to a pool of threads, and no more of one host than its share.

    What waits for its host's turn waits here, where it holds no thread; each host's calls begin in the order in which
    they came. Threads may share it.

    :param pool: the threads. Whoever shuts them down cancels with it what waits here.
    :param most: calls that one host may have in the pool at once, at most.
    """

    def __init__(self, pool: Executor, most: int) -> None:
        self._pool = pool
        self._turns: Turns[_Call] = Turns(most)
        self._lock = threading.Lock()

    def submit(self, url: str, call: Callable[..., T], *arguments: Any) -> Future[T]:
        """Call something in one of the threads, when it is the turn of a URL's host.

        :param url: the URL that the call asks for.
        :param call: what to call.
        :param arguments: what to call it with.
        :return: what comes of it; cancelled before it began, it does not begin.
        """
        waits = _Call(host_of(url), call, arguments)
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

    def _next(self) -> _Call | None:
        with self._lock:
            return self._turns.take()

    def _run(self, it: _Call) -> None:
        tell = it.run()
        self._end(it)
        self._begin()
        tell()

    def _if_cancelled(self, it: _Call, handed_over: Future[None]) -> None:
        # By the pool's shutdown, which holds the pool's lock: nothing can be handed over. The next call that ends tries
        # it for all that waits, and finds the pool shut down.
        if handed_over.cancelled():
            self._give_up(it)

    def _give_up(self, it: _Call) -> None:
        it.future.cancel()
        self._end(it)

    def _end(self, it: _Call) -> None:
        with self._lock:
            self._turns.end(it.host)


@dataclass(frozen=True)
class _Call:
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
