"""A webserver of Airflow 2, which another interpreter runs, with a database of its own.

with Airflow2(Path(".venv-airflow-2.11/bin/python")) as airflow:
    page.goto(airflow.url)
    airflow.run("dags", "test", "one_campaign", "--conf", "{}")
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import requests

from scripts.warden import Warden
from tests.support import processes
from tests.support.ports import free_port

ADMIN: Final = "admin"
"""Who may log in: the name, and the password as well."""

_COMMAND_S: Final = 90.0
_START_S: Final = 90.0
_LOOK_S: Final = 0.2


class Airflow2:
    """An Airflow 2, from its start to its end.

    :param python: the interpreter that has it.
    :param dags: the folder of DAG files.
    :param settings: more of its configuration, such as ``{"CORE__TEST_CONNECTION": "Enabled"}``.
    """

    def __init__(self, python: Path, dags: Path, settings: Mapping[str, str] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="oppo-image-airflow-2-"))
        self._python = python
        configuration = {
            "CORE__DAGS_FOLDER": str(dags),
            "CORE__LOAD_EXAMPLES": "False",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
            "WEBSERVER__SECRET_KEY": "a-key-of-this-webserver-alone",
            "WEBSERVER__WORKERS": "1",
            "WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            **(settings or {}),
        }
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))},
            **{f"AIRFLOW__{name}": value for name, value in configuration.items()},
            "AIRFLOW_HOME": str(self.home),
            "NO_PROXY": "127.0.0.1",
            # The webserver starts gunicorn by its name.
            "PATH": f"{python.parent}:{os.environ['PATH']}",
        }
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start, and come back when it answers."""
        self._warden = self._ending.enter_context(Warden(self.home))
        try:
            self.run("db", "migrate")
            person = f"--username {ADMIN} --firstname Ada --lastname Admin --role Admin --email ada@example.com"
            self.run("users", "create", *person.split(), "--password", ADMIN)
            self.url = self.serve()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and remove its home."""
        self._ending.close()

    def serve(self, **settings: str) -> str:
        """Start one more webserver on the same database, come back when it answers, and return its URL.

        :param settings: what is configured otherwise there, such as ``CORE__TEST_CONNECTION="Disabled"``.
        """
        port = free_port()
        log = self.home / f"webserver-{port}.log"
        server = self._warden.start(
            [*self._airflow, "webserver", "--port", str(port), "--pid", str(self.home / f"webserver-{port}.pid")],
            log=log,
            env={**self._environment, **{f"AIRFLOW__{name}": value for name, value in settings.items()}},
        )
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + _START_S
        while not _answers(url):
            assert not processes.has_ended(server.pid), f"the webserver ended:\n{log.read_text()}"
            assert time.monotonic() < end, f"the webserver did not answer in {_START_S:g} s:\n{log.read_text()}"
            time.sleep(_LOOK_S)
        return url

    def run(self, *arguments: str) -> str:
        """Run a command of this Airflow to its good end, and return what it said."""
        done = subprocess.run(
            [*self._airflow, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        assert not done.returncode, f"airflow {arguments[0]} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def _airflow(self) -> list[str]:
        return [str(self._python), "-m", "airflow"]


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=_START_S).ok
    return False
