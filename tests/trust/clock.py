"""A wall clock that is set while calls wait."""

from __future__ import annotations

import time
from typing import Final

from tests.support.fault_server import Connection, Step

_real: Final = time.time
_ahead = [0.0]


def now() -> float:
    """Stand in for `time.time`."""
    return _real() + _ahead[0]


def jump(seconds: float) -> Step:
    """Set the clock by some seconds, and say nothing."""

    def step(_line: Connection) -> None:
        _ahead[0] += seconds

    return step
