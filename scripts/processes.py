"""Processes of this machine, read from /proc, and how to end them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
_POLL_S: Final = 0.3


class Process(NamedTuple):
    """A process at one moment; `ended` is true for a zombie, which its parent has not waited for yet."""

    pid: int
    parent: int
    session: int
    ended: bool

    def command_line(self) -> str:
        """Return its command line, as ``ps`` shows it."""
        return (PROC / str(self.pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def find(pid: int) -> Process | None:
    """Return a process; None if there is none with this id."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The process's name comes first, in parentheses, and may contain any character.
    state, parent, _, session = stat.rpartition(")")[2].split()[:4]
    return Process(pid, int(parent), int(session), ended=state in "ZX")


def list_processes() -> Iterator[Process]:
    """Yield every process."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (process := find(int(entry.name))):
            yield process


def has_ended(child: int) -> bool:
    """Return whether a child of this process has ended. The child is not reaped, so that its id is not reused."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_session(session: int) -> None:
    """Kill every process of a session (SIGKILL), and return when none is left.

    All of them are stopped first, so that none can react to the end of another one.

    :param session: the id of its first process, which must not have been reaped: its id could be reused.
    """
    while members := [one.pid for one in list_processes() if one.session == session and not one.ended]:
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sent)


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt for SIGTERM, so that everything that was started is stopped."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def record_command_lines() -> Iterator[set[str]]:
    """Collect the command lines of all processes that run during the block."""
    seen: set[str] = set()
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(_POLL_S):
            for process in list_processes():
                with contextlib.suppress(OSError):
                    seen.add(process.command_line())

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
