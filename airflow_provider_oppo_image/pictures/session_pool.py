"""Pool of HTTP sessions with keep-alive connections, one session per host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_oppo_image.net.session import Session

MAX_HOSTS: Final = 64
"""Maximum number of sessions; the least recently used one is removed first."""

SESSION_TTL_S: Final = 300.0
"""Seconds after which a session is replaced, so that changes of DNS, proxy and certificate authorities are noticed."""


class SessionPool:
    """Sessions by host. Threads may share it.

    The addresses of a connection were checked when it was opened, so a session is shared only by callers with the same
    address policy.

    :param connections: maximum number of connections that are kept open to one host: the number of threads that share
        the pool. With fewer, each request above the limit would open a connection of its own.
    :param clock: returns the time in seconds.
    """

    def __init__(self, connections: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.connections = connections
        self._clock = clock
        self._sessions: dict[Hashable, tuple[Session, float]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sessions; no thread may be using them any more."""
        for session, _expires_at in self._sessions.values():
            session.close()
        self._sessions.clear()

    def get(self, url: str, *, policy: Hashable, open_session: Callable[[str], Session]) -> Session:
        """Return the session for a URL's host, opened if necessary.

        :param url: an http or https URL.
        :param policy: the caller's address policy.
        :param open_session: opens a session for a URL.
        """
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc, policy)
        with self._lock:
            entry = self._sessions.pop(key, None)
            if entry is None or self._clock() >= entry[1]:
                entry = open_session(url), self._clock() + SESSION_TTL_S
            self._sessions[key] = entry
            if len(self._sessions) > MAX_HOSTS:
                # Not closed here, because it may be in use: its connections close with its last reference.
                del self._sessions[next(iter(self._sessions))]
        return entry[0]
