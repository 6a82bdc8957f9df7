"""Connections to pictures' hosts that are kept, so that thousands of checks need not each make their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_oppo_image.net.session import Session

MAX_HOSTS: Final = 64
"""Hosts to which connections are kept, at most: those that were asked last."""

MAX_PER_HOST: Final = 8
"""Connections that are kept to one host, at most."""

SESSION_TTL_S: Final = 300.0
"""Seconds for which a host's connections are used: then its name, its proxy and its authorities are looked up anew."""


class SessionPool:
    """Sessions that are kept, one a host. Threads may share it.

    Each connection was judged when it was made; whoever may connect elsewhere has sessions of its own.

    :param clock: tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[Hashable, tuple[Session, float]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections; nobody may be using them any more."""
        for session, _until in self._sessions.values():
            session.close()
        self._sessions.clear()

    def session(self, url: str, *, allowed: Hashable, open_one: Callable[[str], Session]) -> Session:
        """Return the session for a URL's host.

        :param url: a URL, of http or https.
        :param allowed: what the session may connect to: those that may connect elsewhere share none.
        :param open_one: opens one for a URL.
        """
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc, allowed)
        with self._lock:
            kept = self._sessions.pop(key, None)
            if kept is None or self._clock() >= kept[1]:
                kept = open_one(url), self._clock() + SESSION_TTL_S
            self._sessions[key] = kept
            if len(self._sessions) > MAX_HOSTS:
                # Not closed: it may be in use. Its connections close when nobody has it any more.
                del self._sessions[next(iter(self._sessions))]
        return kept[0]
