"""A whole Airflow 2 of its own: webserver, scheduler, DAG processor, triggerer; as `airflow_stack` has an Airflow 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.support.airflow_api import Airflow2Api
from tests.support.airflow_stack import AirflowStack


class Airflow2Stack(AirflowStack):
    """An `AirflowStack` of Airflow 2.11: for an interpreter that has it."""

    _COMPONENTS: ClassVar[Mapping[str, list[str]]] = {
        "webserver": ["webserver"],
        **{name: arguments for name, arguments in AirflowStack._COMPONENTS.items() if name != "api-server"},
    }
    _API: ClassVar = Airflow2Api

    def _settings_of_the_server(self, port: int) -> dict[str, str]:
        return {
            "API__AUTH_BACKENDS": "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
            "SCHEDULER__STANDALONE_DAG_PROCESSOR": "True",
            "SCHEDULER__PARSING_PROCESSES": "1",
            "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "600",
            "WEBSERVER__SECRET_KEY": "a-key-of-this-stack-alone",
            "WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "WEBSERVER__WEB_SERVER_PORT": str(port),
            "WEBSERVER__WORKERS": "1",
            # It gives up otherwise on a machine that is too busy to start it in two minutes.
            "WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": "600",
            "WEBSERVER__WEB_SERVER_WORKER_TIMEOUT": "600",
        }

    def _make_database(self) -> None:
        super()._make_database()
        for user in self._users:
            names = f"--username {user.name} --firstname Ada --lastname Airflow --email {user.name}@example.com"
            self.run("users", "create", *names.split(), "--role", user.role.title(), "--password", user.name)
