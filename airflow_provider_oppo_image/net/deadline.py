"""Deadline for one attempt of an HTTP request.

A socket timeout starts again at each read, so it does not end a server that sends one byte per second. These sockets
also check how much time the whole attempt has left.
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

attempt_state: Final = threading.local()
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
    before = getattr(attempt_state, "end", math.inf)
    attempt_state.end = min(before, time.monotonic() + seconds)
    attempt_state.sent = True
    try:
        yield
    finally:
        attempt_state.end = before


def may_have_been_sent() -> bool:
    """Tell whether anything of this thread's last request may have left: not before its connection stood, TLS included.

    Where a SOCKS proxy connects, nobody knows, and it may have.
    """
    return getattr(attempt_state, "sent", True)


def connections_opened() -> int:
    """Return how many connections this thread has begun: the same after a request that used one which was kept.

    Those that a SOCKS proxy makes are not counted.
    """
    return getattr(attempt_state, "connections", 0)


def remaining(patience: float | None) -> float | None:
    """Return how long the next step may take: its own patience, or what is left of the attempt if that is less.

    :param patience: seconds; None for no limit of its own.
    :raises TimeoutError: when the attempt's deadline has passed.
    """
    end = getattr(attempt_state, "end", math.inf)
    if end == math.inf:
        return patience
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline for the whole attempt has passed")
    return left if patience is None else min(patience, left)


class DeadlineSocket(socket.socket):
    """A socket whose reads end at the deadline of the attempt that this thread makes."""

    @contextlib.contextmanager
    def _deadline_timeout(self) -> Iterator[None]:
        patience = self.gettimeout()
        left = remaining(patience)
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
        with self._deadline_timeout():
            return super().recv_into(*args, **kwargs)

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive, in time."""
        with self._deadline_timeout():
            return super().recv(*args, **kwargs)


class DeadlineSSLSocket(DeadlineSocket, ssl.SSLSocket):
    """The same over TLS, its handshake included."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, in time."""
        with self._deadline_timeout():
            super().do_handshake(block)
