"""A complete Airflow 3: API server, scheduler, DAG processor and triggerer, with LocalExecutor on SQLite.

Its home is a temporary folder, and its only port is a free port of loopback. Its timeouts are short: it notices within
seconds that a task, a scheduler or a triggerer died. All of its processes end with the block or with the tests. See
`celery_stack` for another executor, and `airflow_2` for Airflow 2.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import requests
from sqlalchemy.exc import OperationalError

from scripts import processes
from scripts.demo_campaigns import free_port
from scripts.whole_airflow.components import COMPONENTS, Components
from scripts.whole_airflow.environment import airflow_environment, server_settings
from tests.support.airflow_api import AirflowApi
from tests.support.airflow_database import AirflowDatabase, Run

_SHORT_TIMEOUTS: Final = {
    "CORE__PARALLELISM": "10",
    "SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "8",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "2",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "8",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
    "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
}

_START_S: Final = 300.0


@dataclass(frozen=True)
class User:
    """A user, whose password is the name."""

    name: str
    role: str


ADMIN: Final = User("admin", "admin")


class AirflowStack(Components):
    """An Airflow, which runs until the end of the block.

    :param connections: connections by id, which are only in environment variables.
    :param settings: more configuration, for example ``{"LOGGING__LOGGING_LEVEL": "DEBUG"}``.
    :param database: the URL of an empty database; None for SQLite.
    :param users: who may log in; the first one is an admin, as which `api` asks.
    """

    all_components: ClassVar[Mapping[str, Sequence[str]]] = COMPONENTS
    api_class: ClassVar = AirflowApi
    transient = (requests.RequestException, OperationalError)

    def __init__(
        self,
        dags: Path,
        connections: Mapping[str, Mapping[str, Any]],
        settings: Mapping[str, str] | None = None,
        *,
        database: str | None = None,
        workers: Mapping[str, list[str]] | None = None,
        users: Sequence[User] = (ADMIN,),
        components: Sequence[str] | None = None,
        python: Path | None = None,
    ) -> None:
        python = python or Path(sys.executable)
        self.connections = connections
        self.home = Path(tempfile.mkdtemp(prefix="oppo-image-stack-"))
        self.database = AirflowDatabase(database or f"sqlite:///{self.home}/airflow.db?timeout=20")
        self._dags = dags
        self._users = users
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.api = self.api_class(self.url, users[0].name, users[0].name)
        configuration = {
            **_SHORT_TIMEOUTS,
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__FERNET_KEY": self.database.fernet_key,
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "DATABASE__SQL_ALCHEMY_CONN": self.database.url,
            **self._server_settings(port),
            **(settings or {}),
        }
        environment = airflow_environment(self.home, dags, configuration, connections)
        environment["PATH"] = f"{python.parent}:{os.environ['PATH']}"  # Airflow 2 starts gunicorn by its name
        commands = {name: self.all_components[name] for name in components or self.all_components} | (workers or {})
        super().__init__(self.home, environment, commands=commands, python=python)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start, and return when every component is healthy and every DAG file has been parsed."""
        self._stack.enter_context(processes.sigterm_as_interrupt())
        super().__enter__()
        self._stack.push(super().__exit__)
        try:
            self._create_database()
            self.start_all()
            self.until(self._is_ready, f"Airflow to be ready at {self.url}", within=_START_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=_START_S
        )
        assert not done.returncode, f"airflow {' '.join(arguments[:2])} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> Run:
        return Run(dag_id, self.api.start(dag_id, conf))

    def wait_for(self, run: Run, within: float = 120) -> str:
        return self.until(lambda: self.database.end_of(run), f"{run} to end", within=within)

    def _server_settings(self, port: int) -> dict[str, str]:
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({user.name: user.name for user in self._users}))
        keys = {
            "API__SECRET_KEY": "a-key-of-this-stack-alone",
            "API_AUTH__JWT_SECRET": "a-secret-of-this-stack-alone" * 3,
        }
        return server_settings(port, {user.name: user.role for user in self._users}, passwords, keys)

    def _create_database(self) -> None:
        self.migrate()

    def _is_ready(self) -> bool:
        health = self.api.ask("GET", self.api.health)
        watched = {"scheduler", "triggerer", "dag-processor"} & self.commands.keys()
        healthy = all(health[part.replace("-", "_")]["status"] == "healthy" for part in watched)
        files = {path.name for path in self._dags.glob("*.py")} if "dag-processor" in watched else set()
        return healthy and self.database.dag_files() == files
