"""A complete Airflow 2, like the Airflow 3 of `airflow_stack`; or its webserver alone.

with Airflow2(Path(".venv-airflow-2.11/bin/python"), Path("dags")) as airflow:
    page.goto(airflow.url)
    airflow.run("dags", "test", "one_campaign", "--conf", "{}")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import requests

from scripts.demo_campaigns import free_port
from tests.support.airflow_api import Airflow2Api
from tests.support.airflow_stack import AirflowStack

_START_S: Final = 90.0


class Airflow2Stack(AirflowStack):
    """An `AirflowStack` of Airflow 2.11, for an interpreter that has it."""

    all_components: ClassVar[Mapping[str, Sequence[str]]] = {
        "webserver": ["webserver"],
        **{name: arguments for name, arguments in AirflowStack.all_components.items() if name != "api-server"},
    }
    api_class: ClassVar = Airflow2Api

    def _server_settings(self, port: int) -> dict[str, str]:
        return {
            "API__AUTH_BACKENDS": "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
            "SCHEDULER__STANDALONE_DAG_PROCESSOR": "True",
            "SCHEDULER__PARSING_PROCESSES": "1",
            "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "600",
            "WEBSERVER__SECRET_KEY": "a-key-of-this-stack-alone",
            "WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "WEBSERVER__WEB_SERVER_PORT": str(port),
            "WEBSERVER__WORKERS": "1",
            # The default is two minutes, which a busy machine exceeds.
            "WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": "600",
            "WEBSERVER__WEB_SERVER_WORKER_TIMEOUT": "600",
        }

    def _create_database(self) -> None:
        super()._create_database()
        for user in self._users:
            names = f"--username {user.name} --firstname Ada --lastname Airflow --email {user.name}@example.com"
            self.run("users", "create", *names.split(), "--role", user.role.title(), "--password", user.name)


class Airflow2(Airflow2Stack):
    """The webserver of an Airflow 2.

    :param python: the interpreter that has it.
    :param dags: the folder of DAG files.
    :param settings: more configuration, for example ``{"CORE__TEST_CONNECTION": "Enabled"}``.
    """

    def __init__(self, python: Path, dags: Path, settings: Mapping[str, str] | None = None) -> None:
        settings = {"CORE__EXECUTOR": "SequentialExecutor", **(settings or {})}  # the only one that works with SQLite
        super().__init__(dags, {}, settings, components=["webserver"], python=python)

    def serve(self, **settings: str) -> str:
        """Start another webserver on the same database, and return its URL when it answers.

        :param settings: its configuration, for example ``CORE__TEST_CONNECTION="Disabled"``.
        """
        port = free_port()
        self.supervisor.start(
            self.command("webserver", "--port", str(port), "--pid", str(self.home / f"webserver-{port}.pid")),
            log=self.home / f"webserver-{port}.log",
            env={**self.environment, **{f"AIRFLOW__{name}": value for name, value in settings.items()}},
        )
        url = f"http://127.0.0.1:{port}"
        self.until(lambda: requests.get(f"{url}/health", timeout=_START_S).ok, f"a webserver at {url}", within=_START_S)
        return url
