"""When to stop: Ctrl-C, SIGTERM, or a terminal that is closed."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Final, Self

_LOOK_S: Final = 0.2


class Stopped(Exception):  # noqa: N818  # nothing is wrong
    """Somebody asked to stop."""


class Stop:
    """Notes that a signal came, and raises `Stopped` only where it is asked for.

    So nothing is left half done: no process is started that nobody knows of, and a second Ctrl-C changes nothing.
    """

    def __init__(self) -> None:
        self._came = False

    def __enter__(self) -> Self:
        """Begin to listen."""
        signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        # What `nohup` starts is to outlive its terminal.
        heard = [one for one in signals if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
        self._before = {one: signal.signal(one, self._note) for one in heard}
        return self

    def __exit__(self, *_: object) -> None:
        """Let the signals do what they did before."""
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def look(self) -> None:
        """Wait for a moment.

        :raises Stopped: when a signal came.
        """
        if not self._came:
            time.sleep(_LOOK_S)
        if self._came:
            raise Stopped

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True
