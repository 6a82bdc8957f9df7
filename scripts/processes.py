"""Processes of this machine: found in /proc, started under a supervisor, and ended.

    with Supervisor(folder) as supervisor:
        supervisor.start(["redis-server"], log=folder / "redis.log")

A supervisor is a process that stops the others when their parent ends, also when it is killed: it reads from a pipe,
which closes then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from scripts.checkout import ROOT

PROC: Final = Path("/proc")
_RECORD_S: Final = 0.3
_STOP_S: Final = 10.0
_POLL_S: Final = 0.05


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
        while not stop.wait(_RECORD_S):
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


class Supervisor:
    """Starts processes, and stops them at the end of the block or when this process ends.

    :param folder: the processes' working directory, which is removed after they have stopped.
    :param keep: do not remove the folder.
    :param pass_fds: file descriptors to keep open until all processes have stopped, for example of a lock.
    """

    def __init__(self, folder: Path, *, keep: bool = False, pass_fds: Sequence[int] = ()) -> None:
        self._folder = folder
        self._keep = keep
        self._pass_fds = pass_fds
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start the supervisor in a session of its own, which Ctrl-C does not reach."""
        command = [sys.executable, "-m", "scripts.processes", *([] if self._keep else [str(self._folder)])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, cwd=ROOT, bufsize=0, start_new_session=True, pass_fds=self._pass_fds
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Return when all processes have stopped and the folder is removed."""
        self._process.communicate()
        for child in self._children:
            kill_session(child.pid)  # finds nothing, unless the supervisor was killed
            child.wait()

    def start(
        self, command: Sequence[str], *, log: Path, stop_signal: signal.Signals = signal.SIGKILL, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a process in a new session.

        :param command: the command line.
        :param log: the file that its output is appended to.
        :param stop_signal: the signal that stops it; after 10 s the rest of its session is killed.
        :param options: passed to `subprocess.Popen`.
        :return: the process. Do not wait for it: its id could be reused.
        """
        assert self._process.stdin
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **{"cwd": self._folder, **options},
            )
        self._children.append(child)
        self._process.stdin.write(f"{child.pid} {stop_signal:d}\n".encode())
        return child


def _supervise(folders: Sequence[str]) -> None:
    children = [(int(pid), int(number)) for pid, number in map(str.split, sys.stdin)]  # until the pipe closes
    for pid, number in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    end = time.monotonic() + _STOP_S
    while time.monotonic() < end and any((child := find(pid)) and not child.ended for pid, _ in children):
        time.sleep(_POLL_S)
    for pid, _ in children:
        kill_session(pid)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _supervise(sys.argv[1:])
