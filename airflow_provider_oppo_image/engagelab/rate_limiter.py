"""How fast we may ask: so many requests in any second, and fewer where the service says that they are too many.

The service counts all requests of an AppKey together, whoever sends them. Several processes find their shares by the
rule by which computers share a line, and need no coordinator: each goes a little faster all the time, and who is
refused goes slower by a part of its pace (additive increase, multiplicative decrease). Who is faster gives up more and
is refused more often, so that the paces come together.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import Final

from airflow_provider_oppo_image.errors import ConfigurationError, NotSentError

DEFAULT_RATE: Final = 450.0
"""Requests a second unless told otherwise: ours, so that a tenth of the service's limit is left to pushes."""

DECREASE_FACTOR: Final = 0.9
"""What remains of the pace after a refusal."""

INCREASE_PER_SECOND: Final = 0.03
"""How much faster it gets in a second, as a part of the highest rate: from half of it back to all in 17 seconds."""

MIN_FRACTION: Final = 0.02
"""The slowest pace, as a part of the highest rate."""

WINDOW_S: Final = 1.0
"""The service counts the requests of a second."""

MAX_CATCH_UP_S: Final = 0.02
"""How late a request may be without those after it being late too, in seconds: what it missed, they make up for."""


class AdaptiveRate:
    """When the next request may leave. Pure: whoever asks brings the time, from a clock that never goes back.

    In any second, wherever it begins, no more than `most` requests leave, evenly spread; a few less in the first.

    :param most: requests a second, at least 1.
    :raises ConfigurationError: if `most` is less.
    """

    def __init__(self, most: float) -> None:
        if not 1 <= most < math.inf:
            raise ConfigurationError(f"A rate of {most} requests a second is none. Give a number of 1 or more.")
        self.most = most
        # The first requests make their connections, and arrive late: too near to those that come a second after them.
        self._pace = most * (1 - INCREASE_PER_SECOND)
        self._paced_at: float | None = None
        self._slowed_at = -math.inf
        self._due = -math.inf
        self._left: deque[float] = deque()
        self._began = math.inf

    def pace(self, now: float) -> float:
        """Return how many requests a second may leave at this time.

        :param now: seconds.
        """
        if self._paced_at is not None:
            self._pace = min(self.most, self._pace + INCREASE_PER_SECOND * self.most * (now - self._paced_at))
        self._paced_at = now
        return self._pace

    def wait(self, now: float) -> float:
        """Return how long the next request must wait, in seconds; 0 when it may leave.

        :param now: seconds.
        """
        at_most = math.floor(max(1.0, self.pace(now)))
        window = self._left[-at_most] + WINDOW_S if len(self._left) >= at_most else -math.inf
        return max(0.0, self._due - now, window - now)

    def leave(self, now: float) -> None:
        """Count a request that leaves.

        :param now: seconds.
        """
        self._began = min(self._began, now)
        self._due = max(self._due, self._began, now - MAX_CATCH_UP_S) + WINDOW_S / self.pace(now)
        self._forget(now)
        self._left.append(now)

    def refused(self, now: float) -> None:
        """Slow down, since the service refused a request for the rate's sake; once for all refusals of a second.

        :param now: seconds.
        """
        if now < self._slowed_at + WINDOW_S:
            return
        self._slowed_at = now
        self._forget(now)
        pace = self.pace(now)
        if now >= self._began + WINDOW_S:
            pace = min(pace, len(self._left))  # to slow down from a pace that was never reached would change nothing
        self._pace = max(self.most * MIN_FRACTION, DECREASE_FACTOR * pace)

    def _forget(self, now: float) -> None:
        while self._left and self._left[0] <= now - WINDOW_S:
            self._left.popleft()


class RateLimiter:
    """Lets the requests of many threads through one by one, at a rate, until it is shut.

    :param rate: how fast.
    """

    def __init__(self, rate: AdaptiveRate) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._shut = threading.Event()

    def acquire(self) -> None:
        """Return when a request may leave.

        :raises NotSentError: when the rate_limiter is shut.
        """
        with self._lock:
            while (wait := self._rate.wait(time.monotonic())) > 0 and not self._shut.is_set():
                self._shut.wait(wait)
            if self._shut.is_set():
                raise _closed_error()
            self._rate.leave(time.monotonic())

    def refused(self) -> None:
        """Slow down, since the service refused a request for the rate's sake."""
        with self._lock:
            self._rate.refused(time.monotonic())

    def pause(self, seconds: float) -> None:
        """Wait, or stop waiting when the rate_limiter is shut.

        :param seconds: how long.
        """
        self._shut.wait(seconds)

    def shut(self) -> None:
        """Let no request through any more, and wake all that wait."""
        self._shut.set()

    @property
    def closed(self) -> bool:
        """Whether it lets nothing through any more."""
        return self._shut.is_set()

    @property
    def pace(self) -> float:
        """How many requests a second are let through now."""
        with self._lock:
            return self._rate.pace(time.monotonic())


def _closed_error() -> NotSentError:
    return NotSentError("Nothing was sent, since the batch is ending. Run it again: it goes on where it was.")
