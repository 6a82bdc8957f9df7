"""Ends what a process started as soon as that one is over, however it ends: one that is killed leaves nothing either.

    with Supervisor(folder) as warden:
        warden.start(["redis-server"], log=folder / "redis.log")

It is a process of its own, which waits for the end of the one that has it, by reading from it.
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

_ROOT: Final = Path(__file__).resolve().parents[1]
_PATIENCE_S: Final = 10.0
_LOOK_S: Final = 0.05


class Supervisor:
    """Starts processes, and ends them when the block is over, or this process.

    :param folder: where the processes write; it is removed after them.
    :param keep: leave the folder where it is.
    :param holding: file descriptors that stay open until all is ended, such as that of a lock.
    """

    def __init__(self, folder: Path, *, keep: bool = False, holding: Sequence[int] = ()) -> None:
        self._folder = folder
        self._keep = keep
        self._holding = holding
        self._wards: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Begin to wait, out of reach of what stops this process."""
        command = [sys.executable, "-m", "scripts.supervisor", *([] if self._keep else [str(self._folder)])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, cwd=_ROOT, bufsize=0, start_new_session=True, pass_fds=self._holding
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Come back when all is ended and the folder gone."""
        self._process.communicate()
        for ward in self._wards:
            processes.end_session(ward.pid)  # Nothing is left to do here, unless somebody killed the warden.
            ward.wait()

    def start(
        self, command: Sequence[str], *, log: Path, farewell: signal.Signals = signal.SIGKILL, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a process that leads a session of its own, which ends with it.

        :param command: what to run.
        :param log: where its output is added to.
        :param farewell: the signal that ends it; after a while what is left of its session is killed.
        :param options: more for `subprocess.Popen`.
        :return: the process, which nobody may wait for, since another may have its id then.
        """
        assert self._process.stdin
        with log.open("ab") as output:
            ward = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **{"cwd": self._folder, **options},
            )
        self._wards.append(ward)
        self._process.stdin.write(f"{ward.pid} {farewell:d}\n".encode())
        return ward


def _wait_and_end(folders: Sequence[str]) -> None:
    wards = [(int(pid), int(farewell)) for pid, farewell in map(str.split, sys.stdin)]
    for pid, farewell in wards:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, farewell)
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and any((ward := processes.find(pid)) and not ward.ended for pid, _ in wards):
        time.sleep(_LOOK_S)
    for pid, _ in wards:
        processes.end_session(pid)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _wait_and_end(sys.argv[1:])
