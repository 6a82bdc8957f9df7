"""One attempt at a request: how long it may take, and what this thread knows of it.

A socket's timeout starts again at each read, so a server that sends a byte a second is never late. Here every read also
asks how much is left of the attempt.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

attempt: Final = threading.local()
"""This thread's: `end`, when it must have ended; `sent` and `connections`, what `transport` did for it."""


@dataclass(frozen=True)
class Timeouts:
    """How long the parts of one attempt may take.

    :param connect: seconds to connect to one address, and to resolve its name.
    :param read: seconds without a byte from the other side.
    :param total: seconds for the whole attempt, redirects included.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0


DEFAULT_TIMEOUTS: Final = Timeouts()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """End whatever this thread reads from the network inside the block after some seconds.

    :param seconds: how long the whole block may take, in seconds, from now.
    :raises TimeoutError: in the block, from the read or the connect that is late.
    """
    before = getattr(attempt, "end", math.inf)
    attempt.end = min(before, time.monotonic() + seconds)
    attempt.sent = True
    try:
        yield
    finally:
        attempt.end = before


def may_have_been_sent() -> bool:
    """Tell whether anything of this thread's last request may have left: not before its connection stood, TLS included.

    Where a SOCKS proxy connects, nobody knows, and it may have.
    """
    return getattr(attempt, "sent", True)


def connections_made() -> int:
    """Return how many connections this thread has begun: the same after a request that used one which was kept.

    Those that a SOCKS proxy makes are not counted.
    """
    return getattr(attempt, "connections", 0)


def within_deadline(patience: float | None) -> float | None:
    """Return how long the next step may take: its own patience, or what is left of the attempt if that is less.

    :param patience: seconds; None for no limit of its own.
    :raises TimeoutError: when the attempt's deadline has passed.
    """
    end = getattr(attempt, "end", math.inf)
    if end == math.inf:
        return patience
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline for the whole attempt has passed")
    return left if patience is None else min(patience, left)


class KeepsDeadline(socket.socket):
    """A socket whose reads end at the deadline of the attempt that this thread makes."""

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        patience = self.gettimeout()
        left = within_deadline(patience)
        if left == patience:
            # Setting it, even to what it is, costs a system call.
            yield
            return
        self.settimeout(left)
        try:
            yield
        finally:
            self.settimeout(patience)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive into a buffer, in time."""
        with self._in_time():
            return super().recv_into(*args, **kwargs)

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive, in time."""
        with self._in_time():
            return super().recv(*args, **kwargs)


class KeepsDeadlineTLS(KeepsDeadline, ssl.SSLSocket):
    """The same over TLS, its handshake included."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, in time."""
        with self._in_time():
            super().do_handshake(block)
