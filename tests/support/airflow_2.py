"""A webserver of Airflow 2, which another interpreter runs, with a database of its own.

with Airflow2(Path(".venv-airflow-2.11/bin/python"), Path("dags")) as airflow:
    page.goto(airflow.url)
    airflow.run("dags", "test", "one_campaign", "--conf", "{}")
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import requests

from tests.support.airflow_2_stack import Airflow2Stack
from tests.support.ports import free_port

_START_S: Final = 90.0


class Airflow2(Airflow2Stack):
    """An Airflow 2 of which only the webserver runs.

    :param python: the interpreter that has it.
    :param dags: the folder of DAG files.
    :param settings: more of its configuration, such as ``{"CORE__TEST_CONNECTION": "Enabled"}``.
    """

    def __init__(self, python: Path, dags: Path, settings: Mapping[str, str] | None = None) -> None:
        settings = {"CORE__EXECUTOR": "SequentialExecutor", **(settings or {})}  # the only one that takes SQLite there
        super().__init__(dags, {}, settings, components=["webserver"], python=python)

    def serve(self, **settings: str) -> str:
        """Start one more webserver on the same database, come back when it answers, and return its URL.

        :param settings: what is configured otherwise there, such as ``CORE__TEST_CONNECTION="Disabled"``.
        """
        port = free_port()
        self._warden.start(
            self._command("webserver", "--port", str(port), "--pid", str(self.home / f"webserver-{port}.pid")),
            log=self.home / f"webserver-{port}.log",
            env={**self._environment, **{f"AIRFLOW__{name}": value for name, value in settings.items()}},
        )
        url = f"http://127.0.0.1:{port}"
        self.until(
            lambda: requests.get(f"{url}/health", timeout=_START_S).ok, f"one more webserver at {url}", within=_START_S
        )
        return url
