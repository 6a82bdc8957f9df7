"""How many requests came in any one second, and whether one more may be taken."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 1.0


class SlidingWindowCounter:
    """Counts events in the second that ends now."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.peak = 0

    def count(self, now: float) -> int:
        """Return how many events the second that ends now holds.

        :param now: seconds on a clock that never goes back.
        """
        while self._times and self._times[0] <= now - _WINDOW_S:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        """Remember an event, and the highest count so far.

        :param now: seconds on a clock that never goes back.
        """
        self._times.append(now)
        self.peak = max(self.peak, self.count(now))
