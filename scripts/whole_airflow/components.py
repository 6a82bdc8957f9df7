"""The processes of an Airflow: started, watched, and ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

import requests

from scripts import processes
from scripts.supervisor import Supervisor
from scripts.whole_airflow.home import Home
from scripts.whole_airflow.stop import Stop

COMPONENTS: Final = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Airflow's commands that run until they are stopped. Logs need no server: the API server reads the files itself."""

_TAIL: Final = 20


class Components:
    """The processes of one Airflow.

    :param home: its home.
    :param warden: ends what is started here.
    :param stop: ends what is waited for here.
    """

    def __init__(self, home: Home, warden: Supervisor, stop: Stop) -> None:
        self._home = home
        self._warden = warden
        self._stop = stop
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all components."""
        for name, arguments in COMPONENTS.items():
            self._running[name] = self._airflow(name, arguments)

    def migrate(self) -> None:
        """Make the database, or bring it to this Airflow's version.

        :raises SystemExit: when Airflow cannot do it.
        """
        process = self._airflow("migrate", ["db", "migrate"])
        while not processes.has_ended(process.pid):
            self._stop.look()
        if _how_it_ended(process.pid) != "exit code 0":
            raise SystemExit(
                f"Airflow's database in {self._home.folder} was not made ({_how_it_ended(process.pid)}). To begin "
                f"anew, remove that folder. {self._tail('migrate')}"
            )

    def until(self, done: Callable[[], bool], what: str, within: float) -> None:
        """Wait until something is true.

        :param done: asked again and again; that the API does not answer yet means no.
        :param what: what is waited for, for the message.
        :param within: seconds.
        :raises SystemExit: when time is up, or a component has ended.
        """
        end, reason = time.monotonic() + within, ""
        while True:
            try:
                if done():
                    return
            except requests.RequestException as error:
                reason = f" The last answer: {error}."
            if time.monotonic() > end:
                raise SystemExit(
                    f"Waited {within:g} s in vain for {what}.{reason} The logs are in {self._home.folder}."
                )
            self._look()

    def watch(self) -> None:
        """Come back never.

        :raises SystemExit: when a component has ended.
        """
        while True:
            self._look()

    def _look(self) -> None:
        for name, process in self._running.items():
            if processes.has_ended(process.pid):
                raise SystemExit(f"Airflow's {name} has ended ({_how_it_ended(process.pid)}). {self._tail(name)}")
        self._stop.look()

    def _airflow(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        log = self._home.log(name)
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "airflow", *arguments]
        return self._warden.start(command, log=log, farewell=signal.SIGTERM, env=self._home.environment())

    def _tail(self, name: str) -> str:
        log = self._home.log(name)
        lines = log.read_text(errors="replace").splitlines()[-_TAIL:]
        return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])


def _how_it_ended(pid: int) -> str:
    """Say how a child that has ended did, and leave it unasked."""
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if end is None or end.si_code == os.CLD_EXITED:
        return f"exit code {end.si_status if end else '?'}"
    return f"killed by {signal.Signals(end.si_status).name}"
