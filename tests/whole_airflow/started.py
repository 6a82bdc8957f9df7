"""`make airflow`'s program, started as a terminal starts it, and what is there while it runs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from scripts import processes
from scripts.whole_airflow.api import Api
from scripts.whole_airflow.demo_data import RUN_ID

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300.0


class Started:
    """A program that runs, at the head of a group of its own.

    :param process: the program.
    :param output: the file that its output goes to.
    """

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    def said(self) -> str:
        """What stands on the terminal."""
        return self._output.read_text()

    def until(self, done: Callable[[], T], what: str) -> T:
        """Wait until something is true, and return it."""
        end = time.monotonic() + PATIENCE_S
        while not (answer := done()):
            assert time.monotonic() < end, f"Waited in vain for {what}:\n{self.said()}"
            assert self.process.poll() is None, f"It ended instead of {what}:\n{self.said()}"
            time.sleep(0.1)
        return answer

    def until_ready(self) -> None:
        self.until(lambda: "Ctrl-C ends all of it" in self.said(), "Airflow to be ready")

    def shown(self, label: str) -> str:
        """Return what stands on the terminal beside a label."""
        found = re.search(rf"^ *{re.escape(label)} +(\S+)", self.said(), re.MULTILINE)
        assert found, f"There is no {label!r} in:\n{self.said()}"
        return found[1]

    def component(self, name: str) -> int:
        """Wait for a component of Airflow, and return its process id."""

        def look() -> int | None:
            for process in descendants(self.process.pid):
                with contextlib.suppress(OSError):
                    if f"airflow {name}" in process.command_line():
                        return process.pid
            return None

        return self.until(look, f"the {name} to be there")

    def press_ctrl_c(self) -> None:
        """As a terminal does: to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Wait until it is over, and return its exit code."""
        return self.process.wait(60)


def visitor(started: Started) -> Api:
    """The API, for somebody who logs in with what stands on the terminal."""
    return Api(started.shown("Airflow is ready:"), started.shown("user"), started.shown("password"))


def states_of(api: Api, dag: str) -> dict[tuple[str, int], str]:
    """The states of the tasks of the demonstration's run; nothing, while it runs."""
    if api.ask("GET", f"dags/{dag}/dagRuns/{RUN_ID}")["state"] not in ("success", "failed"):
        return {}
    tasks = api.ask("GET", f"dags/{dag}/dagRuns/{RUN_ID}/taskInstances")["task_instances"]
    return {(task["task_id"], task["map_index"]): task["state"] for task in tasks}


@contextlib.contextmanager
def starting(home: Path, output: Path) -> Iterator[Started]:
    """Start the program; what is left of it at the end is ended, and is a failure."""
    command = [sys.executable, "-m", "scripts.whole_airflow", "--home", str(home)]
    with output.open("wb") as terminal:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_hear_ctrl_c,
        )
    try:
        yield Started(process, output)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def descendants(pid: int) -> list[processes.Process]:
    """Return all processes that descend from one."""
    everyone, found, new = list(processes.list_processes()), [], {pid}
    while children := [one for one in everyone if one.parent in new]:
        found += children
        new = {one.pid for one in children}
    return found


def still_there(members: list[processes.Process]) -> list[int]:
    """Return who lives on of some processes, and of the sessions that these were in."""
    sessions = {one.session for one in members}
    return [one.pid for one in processes.list_processes() if one.session in sessions and not one.ended]


def _hear_ctrl_c() -> None:
    """Whoever runs the tests in the background may have had it ignored, and a process inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
