"""The processes of one Airflow: started, watched, and stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import requests

from scripts import processes
from scripts.processes import Supervisor

T = TypeVar("T")

COMPONENTS: Final = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Airflow's commands, by component. The API server reads the log files, so nothing has to serve them."""

_STOP_S: Final = 60.0
_TAIL: Final = 20


class ComponentError(Exception):
    """A component ended, or something did not happen in time; the message ends with the last lines of the logs."""


class Components:
    """The processes of one Airflow, which run until the end of the block.

    :param folder: Airflow's home, where the logs go.
    :param environment: the processes' environment.
    :param commands: the command of each component.
    :param python: the interpreter that has Airflow.
    :param sleep: waits between two polls; an exception from it stops everything.
    :param supervisor: options for `Supervisor`.
    """

    transient: tuple[type[Exception], ...] = (requests.RequestException,)
    """Exceptions that mean "not yet" in `until`."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        commands: Mapping[str, Sequence[str]] = COMPONENTS,
        python: Path | None = None,
        sleep: Callable[[float], object] = time.sleep,
        **supervisor: Any,
    ) -> None:
        self.folder = folder
        self.environment = environment
        self.commands = commands
        self.python = python or Path(sys.executable)
        self.supervisor = Supervisor(folder, **supervisor)
        self._sleep = sleep
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Start the supervisor, and no component."""
        self.supervisor.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every process."""
        self.supervisor.__exit__()

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a command of Airflow."""
        return [str(self.python), "-m", "airflow", *arguments]

    def start(self, name: str) -> None:
        """Start a component that does not run."""
        assert name not in self._running
        self._running[name] = self._spawn(name, self.commands[name])

    def start_all(self) -> None:
        """Start all components."""
        for name in self.commands:
            self.start(name)

    def stop(self, name: str) -> None:
        """Stop a component with SIGTERM, and return when it has ended."""
        self._end(name, lambda process: process.terminate())

    def kill(self, name: str, *, children: bool = False) -> None:
        """Kill a component with SIGKILL: alone, or with all its children, as if its machine were lost."""
        self._end(name, lambda process: processes.kill_session(process.pid) if children else process.kill())

    def _end(self, name: str, send: Callable[[subprocess.Popen[bytes]], object]) -> None:
        process = self._running.pop(name)
        send(process)
        self.until(lambda: processes.has_ended(process.pid), f"the {name} to end", within=_STOP_S)

    def is_running(self, name: str) -> bool:
        """Return whether a component was started and not stopped."""
        return name in self._running

    def pid_of(self, name: str) -> int:
        """Return the process id of a component, which is its session's id too."""
        return self._running[name].pid

    def migrate(self) -> None:
        """Create the database, or upgrade it to this Airflow's version.

        :raises ComponentError: if Airflow failed.
        """
        process = self._spawn("migrate", ["db", "migrate"])
        while not processes.has_ended(process.pid):
            self._sleep(0.2)
        if (end := _exit_of(process.pid)) != "exit code 0":
            raise ComponentError(
                f"Airflow did not create its database in {self.folder} ({end}). Remove that folder to start again.\n"
                f"{self._tail('migrate')}"
            )

    def until(self, done: Callable[[], T], what: str, *, within: float, every: float = 0.1) -> T:
        """Poll until something is true, and return it.

        :param done: the check; an exception in `transient` counts as False.
        :param what: what is waited for, for the message.
        :param within: the time limit in seconds.
        :param every: seconds between two polls.
        :raises ComponentError: if the time is up, or a component has ended.
        """
        end = time.monotonic() + within
        while True:
            with contextlib.suppress(*self.transient):
                if answer := done():
                    return answer
            self._check(f" while waiting for {what}")
            if time.monotonic() > end:
                tails = "\n".join(self._tail(log.stem) for log in sorted(self.folder.glob("*.log")))
                raise ComponentError(f"Timed out after {within:g} s waiting for {what}.\n{tails}")
            self._sleep(every)

    def watch(self) -> None:
        """Wait until a component ends.

        :raises ComponentError: then.
        """
        while True:
            self._check()
            self._sleep(0.2)

    def _check(self, when: str = "") -> None:
        for name, process in self._running.items():
            if processes.has_ended(process.pid):
                raise ComponentError(f"Airflow's {name} has ended ({_exit_of(process.pid)}){when}.\n{self._tail(name)}")

    def _spawn(self, name: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        log = self.folder / f"{name}.log"
        return self.supervisor.start(
            self.command(*arguments), log=log, stop_signal=signal.SIGTERM, env=dict(self.environment)
        )

    def _tail(self, name: str) -> str:
        log = self.folder / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-_TAIL:]
        return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])


def _exit_of(pid: int) -> str:
    """Return how a child ended, without reaping it."""
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if end is None or end.si_code == os.CLD_EXITED:
        return f"exit code {end.si_status if end else '?'}"
    return f"killed by {signal.Signals(end.si_status).name}"
