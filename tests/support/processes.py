"""Processes of this machine, as /proc shows them: who descends from whom, and how to end exactly those."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_LOOK_S: Final = 0.3


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
    """Return a process; None when there is none, or none any more."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name before it is in parentheses, and may hold any character.
    state, parent, _, session = stat.rpartition(")")[2].split()[:4]
    return Process(pid, int(parent), int(session), ended=state in "ZX")


def everyone() -> Iterator[Process]:
    """Yield every process."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (process := find(int(entry.name))):
            yield process


def has_ended(child: int) -> bool:
    """Say whether a child of this process is over, and leave it unasked, so that its id stays its own."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def end_session(session: int) -> None:
    """End every process of a session (SIGKILL), and come back when there is none.

    :param session: the process that began it: a child that nobody has waited for, or another may have its id by now.
    """
    while members := [one.pid for one in everyone() if one.session == session and not one.ended]:
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let whoever stops the tests stop them as Ctrl-C does: by an exception, which ends what was started."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def watched() -> Iterator[set[str]]:
    """Collect the command lines of all processes that run meanwhile, as ``ps`` shows them to everybody."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_S):
            for process in everyone():
                with contextlib.suppress(OSError):
                    line = (_PROC / str(process.pid) / "cmdline").read_bytes()
                    seen.add(line.replace(b"\0", b" ").decode(errors="replace"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
