"""Stop on Ctrl-C, on SIGTERM, and when the terminal closes."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Self


class Stopped(Exception):  # noqa: N818  # not an error
    """Somebody asked the program to stop."""


class Stop:
    """Records signals, and raises `Stopped` only in `sleep`.

    So no step is interrupted halfway, for example between the start of a process and its registration.
    """

    def __init__(self) -> None:
        self._requested = False

    def __enter__(self) -> Self:
        """Install the signal handlers."""
        signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        # `nohup` ignores SIGHUP: the program must outlive its terminal.
        handled = [one for one in signals if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
        self._before = {one: signal.signal(one, self._request) for one in handled}
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the signal handlers."""
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def sleep(self, seconds: float) -> None:
        """Sleep.

        :raises Stopped: if a signal was received.
        """
        if not self._requested:
            time.sleep(seconds)
        if self._requested:
            raise Stopped

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._requested = True
