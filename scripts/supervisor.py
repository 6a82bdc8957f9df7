"""Stops child processes when their parent ends, also when it is killed.

    with Supervisor(folder) as supervisor:
        supervisor.start(["redis-server"], log=folder / "redis.log")

The supervisor is a separate process. It reads from a pipe, which closes when the parent ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from scripts import processes
from scripts.checkout import ROOT

_STOP_S: Final = 10.0
_POLL_S: Final = 0.05


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
        command = [sys.executable, "-m", "scripts.supervisor", *([] if self._keep else [str(self._folder)])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, cwd=ROOT, bufsize=0, start_new_session=True, pass_fds=self._pass_fds
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Return when all processes have stopped and the folder is removed."""
        self._process.communicate()
        for child in self._children:
            processes.kill_session(child.pid)  # finds nothing, unless the supervisor was killed
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
    while time.monotonic() < end and any((child := processes.find(pid)) and not child.ended for pid, _ in children):
        time.sleep(_POLL_S)
    for pid, _ in children:
        processes.kill_session(pid)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _supervise(sys.argv[1:])
