"""Rate limiter for requests to the service, which adapts to a limit that several processes share.

The service counts all requests of an AppKey together. Processes share the limit without a coordinator by AIMD (additive
increase, multiplicative decrease, as TCP does): each increases its rate steadily, and reduces it by a fraction when the
service refuses a request. The faster one is refused more often and reduces more, so the rates converge.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import Final

from airflow_provider_oppo_image.errors import ConfigurationError, NotSentError

DEFAULT_RATE: Final = 450.0
"""Our own limit: requests per second by default. A tenth of the service's limit is left for pushes."""

DECREASE_FACTOR: Final = 0.9
"""The rate is multiplied by this factor when the service refuses a request."""

INCREASE_PER_SECOND: Final = 0.03
"""Increase of the rate per second, as a fraction of the maximum: from half of it to all of it in 17 seconds."""

MIN_FRACTION: Final = 0.02
"""The minimum rate, as a fraction of the maximum."""

WINDOW_S: Final = 1.0
"""The service counts requests per second."""

MAX_CATCH_UP_S: Final = 0.02
"""Maximum backlog, in seconds, that later requests may catch up on."""


class AdaptiveRate:
    """Decides when the next request may be sent, without I/O. Callers pass the time of a monotonic clock, in seconds.

    In any window of one second at most `max_rate` requests are sent, evenly spaced. In the first second there are a few
    less.

    :param max_rate: requests per second, at least 1.
    :raises ConfigurationError: if `max_rate` is less than 1.
    """

    def __init__(self, max_rate: float) -> None:
        if not 1 <= max_rate < math.inf:
            raise ConfigurationError(f"The rate must be at least 1 request per second, not {max_rate:g}.")
        self.max_rate = max_rate
        self.lock = threading.Lock()
        """Held by the rate limiters that share this rate."""
        # The first requests open connections, arrive late, and would be counted with those of the next second.
        self._rate = max_rate * (1 - INCREASE_PER_SECOND)
        self._updated_at: float | None = None
        self._decreased_at = -math.inf
        self._next_at = -math.inf
        self._recent: deque[float] = deque()
        self._started_at = math.inf

    def current_rate(self, now: float) -> float:
        """Return the current rate, in requests per second."""
        if self._updated_at is not None:
            increase = INCREASE_PER_SECOND * self.max_rate * (now - self._updated_at)
            self._rate = min(self.max_rate, self._rate + increase)
        self._updated_at = now
        return self._rate

    def delay(self, now: float) -> float:
        """Return the seconds until the next request may be sent; 0 if it may be sent now."""
        limit = math.floor(max(1.0, self.current_rate(now)))
        window_ends_at = self._recent[-limit] + WINDOW_S if len(self._recent) >= limit else -math.inf
        return max(0.0, self._next_at - now, window_ends_at - now)

    def record(self, now: float) -> None:
        """Record that a request is sent."""
        self._started_at = min(self._started_at, now)
        self._next_at = max(self._next_at, self._started_at, now - MAX_CATCH_UP_S) + WINDOW_S / self.current_rate(now)
        self._discard_old(now)
        self._recent.append(now)

    def on_rate_limited(self, now: float) -> None:
        """Decrease the rate because the service refused a request; at most once per second."""
        if now < self._decreased_at + WINDOW_S:
            return
        self._decreased_at = now
        self._discard_old(now)
        rate = self.current_rate(now)
        if now >= self._started_at + WINDOW_S:
            rate = min(rate, len(self._recent))  # decreasing a rate that is not reached would have no effect
        self._rate = max(self.max_rate * MIN_FRACTION, DECREASE_FACTOR * rate)

    def _discard_old(self, now: float) -> None:
        while self._recent and self._recent[0] <= now - WINDOW_S:
            self._recent.popleft()


class RateLimiter:
    """Limits the rate of requests of many threads, until it is closed.

    :param rate: the rate. Rate limiters may share it, for example those of two batches in one process.
    """

    def __init__(self, rate: AdaptiveRate) -> None:
        self._rate = rate
        self._lock = rate.lock
        self._closed = threading.Event()

    def acquire(self) -> None:
        """Wait until a request may be sent.

        :raises NotSentError: if the rate limiter is closed.
        """
        with self._lock:
            while (delay := self._rate.delay(time.monotonic())) > 0 and not self._closed.is_set():
                self._closed.wait(delay)
            if self._closed.is_set():
                raise NotSentError("Nothing was sent, because the batch is stopping. Run it again to continue it.")
            self._rate.record(time.monotonic())

    def on_rate_limited(self) -> None:
        """Decrease the rate because the service refused a request."""
        with self._lock:
            self._rate.on_rate_limited(time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Sleep until the time has passed or the rate limiter is closed."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Stop all requests, and wake all threads that wait."""
        self._closed.set()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed.is_set()

    @property
    def current_rate(self) -> float:
        """The current rate, in requests per second."""
        with self._lock:
            return self._rate.current_rate(time.monotonic())
