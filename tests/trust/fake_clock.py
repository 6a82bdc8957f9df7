"""A wall clock that tests change during calls."""

from __future__ import annotations

import time
from typing import Final

from tests.support.fault_server import Connection, Step

_real_time: Final = time.time
_offset = [0.0]


def now() -> float:
    """Replace `time.time`."""
    return _real_time() + _offset[0]


def jump(seconds: float) -> Step:
    """Change the clock by some seconds, and send nothing."""

    def step(_line: Connection) -> None:
        _offset[0] += seconds

    return step
