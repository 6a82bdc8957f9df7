"""Processes of this machine, as /proc shows them, and how to end exactly those of one session."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process at one moment.

    :param pid: its id.
    :param parent: its parent's id.
    :param session: the id of its session, which is that of the process that began the session.
    :param ended: whether it is over, and only its parent has not asked how it ended.
    """

    pid: int
    parent: int
    session: int
    ended: bool


def find(pid: int) -> Process | None:
    """Return a process; None when there is none, or none any more.

    :param pid: its id.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name before it is in parentheses, and may hold any character.
    state, parent, _, session = stat.rpartition(")")[2].split()[:4]
    return Process(pid, int(parent), int(session), ended=state in "ZX")


def everyone() -> Iterator[Process]:
    """Yield every process."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (process := find(int(entry.name))):
            yield process


def has_ended(child: int) -> bool:
    """Say whether a child of this process is over, and leave it unasked, so that its id stays its own.

    :param child: its id.
    """
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def end_session(session: int) -> None:
    """End every process of a session (SIGKILL), and come back when there is none.

    :param session: the process that began it: a child that nobody has waited for, or another may have its id by now.
    """
    while members := [one.pid for one in everyone() if one.session == session and not one.ended]:
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
