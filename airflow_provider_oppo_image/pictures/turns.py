"""Whose turn it is, where no host may have more than its share. Pure; for one thread at a time."""

from __future__ import annotations

from collections import Counter, deque
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


def host_of(url: str) -> str:
    """Return a URL's host as one name, however it is written; "" for what is no URL.

    :param url: any text.
    """
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return (host or "").rstrip(".")


class Turns(Generic[T]):
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
