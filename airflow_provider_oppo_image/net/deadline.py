"""Timeouts of HTTP requests, and the deadline for one attempt.

A socket timeout starts again at each read, so it does not stop a server that sends one byte per second. The sockets of
this module also limit each operation to the time that is left for the whole attempt. A thread pool is here too, because
batch and pictures share it.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_oppo_image.errors import NotSentError


@dataclass(frozen=True)
class TransportOptions:
    """Options of the connections to the service and to the pictures' hosts.

    :param connect_timeout: seconds to resolve a host name, and to connect to one address.
    :param read_timeout: seconds to wait for the next byte of a response.
    :param total_timeout: seconds for one attempt, including redirects.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    total_timeout: float = 60.0


DEFAULT_TRANSPORT_OPTIONS: Final = TransportOptions()


class _AttemptState(threading.local):
    """State of the current thread's attempt.

    `deadline` is the `time.monotonic()` at which the attempt must have ended; infinity outside `deadline()`. `sent` is
    whether bytes of the last request may have been sent. `connections` counts the connections that the thread opened.
    """

    deadline: float = math.inf
    sent: bool = False
    connections: int = 0


attempt_state: Final = _AttemptState()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Set a deadline for the network operations of this thread in the block.

    :param seconds: seconds from now. An earlier deadline of an outer block still applies.
    :raises TimeoutError: in the block, from the operation that misses the deadline.
    """
    outer = attempt_state.deadline
    attempt_state.deadline = min(outer, time.monotonic() + seconds)
    attempt_state.sent = False
    try:
        yield
    finally:
        attempt_state.deadline = outer


def may_have_been_sent() -> bool:
    """Return whether bytes of this thread's last request may have been sent: not before its connection was established.

    TLS handshakes and proxy tunnels are part of the connection.
    """
    return attempt_state.sent


def connections_opened() -> int:
    """Return how many connections this thread has opened.

    A request that reuses a connection does not change the number.
    """
    return attempt_state.connections


def remaining(timeout: float | None) -> float | None:
    """Limit a timeout to the time that is left until the deadline.

    :param timeout: seconds; None for no limit.
    :return: seconds; None for no limit.
    :raises TimeoutError: if the deadline has passed.
    """
    if attempt_state.deadline == math.inf:
        return timeout
    left = attempt_state.deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline for the whole attempt has passed")
    return left if timeout is None else min(timeout, left)


class DeadlineSocket(socket.socket):
    """Socket whose reads end at the deadline."""

    @contextlib.contextmanager
    def _limit_timeout(self) -> Iterator[None]:
        timeout = self.gettimeout()
        limited = remaining(timeout)
        if limited == timeout:
            # Each call of settimeout is a system call.
            yield
            return
        self.settimeout(limited)
        try:
            yield
        finally:
            self.settimeout(timeout)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive into a buffer before the deadline."""
        with self._limit_timeout():
            return super().recv_into(*args, **kwargs)

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive before the deadline."""
        with self._limit_timeout():
            return super().recv(*args, **kwargs)


class DeadlineSSLSocket(DeadlineSocket, ssl.SSLSocket):
    """TLS socket whose handshake and reads end at the deadline."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands before the deadline."""
        with self._limit_timeout():
            super().do_handshake(block)


class ThreadPool(ThreadPoolExecutor):
    """A thread pool that uses fewer threads where the system can start no more.

    Call `submit` as usual; it raises `NotSentError` if there is no thread at all.
    """

    def _adjust_thread_count(self) -> None:
        # Called by `submit`, which has put the call into the queue.
        try:
            super()._adjust_thread_count()
        except RuntimeError as error:
            if not self._threads:
                raise NotSentError(
                    "This process cannot start a thread, so nothing was sent. Raise the limits of processes and "
                    "memory of this machine or container, or run fewer tasks in it."
                ) from error
