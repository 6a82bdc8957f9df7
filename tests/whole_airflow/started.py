"""The program of `make airflow`, started as from a terminal."""

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
TIMEOUT_S = 300.0


class Started:
    """A running program, which leads a process group, and the file with its output."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    def printed(self) -> str:
        """Return its output so far."""
        return self._output.read_text()

    def until(self, done: Callable[[], T], what: str) -> T:
        """Poll until something is true, and return it."""
        end = time.monotonic() + TIMEOUT_S
        while not (answer := done()):
            assert time.monotonic() < end, f"Timed out waiting for {what}:\n{self.printed()}"
            assert self.process.poll() is None, f"It ended before {what}:\n{self.printed()}"
            time.sleep(0.1)
        return answer

    def until_ready(self) -> None:
        self.until(lambda: "Ctrl-C ends all of it" in self.printed(), "Airflow to be ready")

    def shown(self, label: str) -> str:
        """Return the printed value beside a label."""
        found = re.search(rf"^ *{re.escape(label)} +(\S+)", self.printed(), re.MULTILINE)
        assert found, f"There is no {label!r} in:\n{self.printed()}"
        return found[1]

    def component(self, name: str) -> int:
        """Wait until a component of Airflow runs, and return its process id."""

        def find() -> int | None:
            for process in descendants(self.process.pid):
                with contextlib.suppress(OSError):
                    if f"airflow {name}" in process.command_line():
                        return process.pid
            return None

        return self.until(find, f"the {name} to be there")

    def press_ctrl_c(self) -> None:
        """Send SIGINT to the process group, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Wait until it has ended, and return its exit code."""
        return self.process.wait(60)


def user_api(started: Started) -> Api:
    """Return the API for a user with the printed password."""
    return Api(started.shown("Airflow is ready:"), started.shown("user"), started.shown("password"))


def states_of(api: Api, dag: str) -> dict[tuple[str, int], str]:
    """Return the states of the tasks of the demo run; {} while it runs."""
    if api.ask("GET", f"dags/{dag}/dagRuns/{RUN_ID}")["state"] not in ("success", "failed"):
        return {}
    tasks = api.ask("GET", f"dags/{dag}/dagRuns/{RUN_ID}/taskInstances")["task_instances"]
    return {(task["task_id"], task["map_index"]): task["state"] for task in tasks}


@contextlib.contextmanager
def starting(home: Path, output: Path) -> Iterator[Started]:
    """Start the program, and stop it at the end of the block."""
    command = [sys.executable, "-m", "scripts.whole_airflow", "--home", str(home)]
    with output.open("wb") as terminal:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_enable_ctrl_c,
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
    """Return the ids of the processes that still run in the sessions of some processes."""
    sessions = {one.session for one in members}
    return [one.pid for one in processes.list_processes() if one.session in sessions and not one.ended]


def _enable_ctrl_c() -> None:
    """Handle SIGINT: a shell that runs the tests in the background ignores it, and processes inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
