"""A whole Airflow 3 of its own: API server, scheduler, DAG processor, triggerer; with LocalExecutor, on SQLite.

    with AirflowStack(Path("dags"), {"oppo_image_default": {...}}) as airflow:
        run = airflow.trigger("nightly", {"campaigns": []})
        airflow.kill("triggerer")
        airflow.start("triggerer")
        assert airflow.wait_for(run) == "success"

Its home is a temporary folder and its only port a free one of loopback. It takes seconds, not minutes, to notice that a
task, a scheduler or a triggerer died. Each component leads a session of its own, and all that is in these sessions ends
with the stack, or with the tests, however these end. With another executor and database, and with workers, it is told
so: see `celery_stack`. For an Airflow 2 see `airflow_2_stack`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypeVar

import requests
from sqlalchemy.exc import OperationalError

from scripts.supervisor import Supervisor
from scripts.whole_airflow.components import COMPONENTS
from tests.support import processes
from tests.support.airflow_api import AirflowApi
from tests.support.airflow_database import AirflowDatabase, Run
from tests.support.ports import free_port

T = TypeVar("T")

_QUICK: Final = {
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
_STOP_S: Final = 60.0
_LOOK_S: Final = 0.1
_TAIL: Final = 25


class StackError(AssertionError):
    """The stack did not do what it was waited for; the message has the end of its logs."""


@dataclass(frozen=True)
class User:
    """Somebody who logs in with a name and a password.

    :param name: the name, which is the password as well.
    :param role: "viewer", "user", "op" or "admin".
    """

    name: str
    role: str


ADMIN: Final = User("admin", "admin")


class AirflowStack:
    """An Airflow, from its start to its end.

    :param dags: the folder of DAG files.
    :param connections: connections by id, as the JSON that Airflow reads from an environment variable; they stand
        nowhere else.
    :param settings: more of Airflow's configuration, such as ``{"LOGGING__LOGGING_LEVEL": "DEBUG"}``.
    :param database: the URL of its database, which is empty; None for one of its own.
    :param workers: the commands of Airflow that run workers, by the names that these have as components.
    :param users: who may log in, an admin first.
    :param components: what to run of it; None for all.
    :param python: the interpreter that has it; None for this one.

    `api` is its API, as the admin asks it, and `database` what it has written.
    """

    _COMPONENTS: ClassVar[Mapping[str, list[str]]] = COMPONENTS
    _API: ClassVar = AirflowApi

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
        self.connections = connections
        self._python = python or Path(sys.executable)
        self.home = Path(tempfile.mkdtemp(prefix="oppo-image-stack-"))
        self.database = AirflowDatabase(database or f"sqlite:///{self.home}/airflow.db?timeout=20")
        self._dags = dags
        self._users = users
        self._commands = {name: self._COMPONENTS[name] for name in components or self._COMPONENTS} | (workers or {})
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.api = self._API(self.url, users[0].name, users[0].name)
        configuration = {
            **_QUICK,
            "CORE__DAGS_FOLDER": str(dags),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__FERNET_KEY": self.database.fernet_key,
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "DATABASE__SQL_ALCHEMY_CONN": self.database.url,
            **self._settings_of_the_server(port),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            **(settings or {}),
        }
        self._environment = {
            # Airflow must not know that it is tested: it does some things otherwise then.
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))},
            **{f"AIRFLOW__{name}": value for name, value in configuration.items()},
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields) for name, fields in connections.items()},
            "AIRFLOW_HOME": str(self.home),
            "NO_PROXY": "127.0.0.1",
            # Airflow 2 starts gunicorn by its name.
            "PATH": f"{self._python.parent}:{os.environ['PATH']}",
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start, and come back when every component reports that it is well and every DAG file has been read."""
        self._ending.enter_context(processes.interrupted_by_sigterm())
        self._warden = self._ending.enter_context(Supervisor(self.home))
        try:
            self._make_database()
            for component in self._commands:
                self.start(component)
            self.until(self._is_ready, f"Airflow to be ready at {self.url}", within=_START_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every process that was started, and all that these started, and remove the home."""
        self._ending.close()

    # Components.

    def start(self, component: str) -> None:
        """Start a component that does not run."""
        assert component not in self._running
        command = self._command(*self._commands[component])
        self._running[component] = self._warden.start(command, log=self._log(component), env=self._environment)

    def stop(self, component: str) -> None:
        """Ask a component to end (SIGTERM), and come back when it has."""
        process = self._running.pop(component)
        process.send_signal(signal.SIGTERM)
        self.until(lambda: processes.has_ended(process.pid), f"the {component} to end", within=_STOP_S)

    def kill(self, component: str, *, children: bool = False) -> None:
        """End a component without its knowing (SIGKILL): alone, or with all its children, as a machine that is lost."""
        process = self._running.pop(component)
        if children:
            processes.end_session(process.pid)
        else:
            process.kill()
        self.until(lambda: processes.has_ended(process.pid), f"the {component} to be gone", within=_STOP_S)

    def pid_of(self, component: str) -> int:
        """The process id of a component, which is that of its session too."""
        return self._running[component].pid

    # DAGs.

    def run(self, *arguments: str) -> str:
        """Run a command of Airflow to its good end, and return what it said."""
        done = subprocess.run(
            self._command(*arguments),
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_START_S,
            check=False,
        )
        assert not done.returncode, f"airflow {' '.join(arguments[:2])} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> Run:
        """Start a run of a DAG."""
        return Run(dag_id, self.api.start(dag_id, conf))

    def wait_for(self, run: Run, within: float = 120) -> str:
        """Wait until a run is over, and return its state."""
        return self.until(lambda: self.database.end_of(run), f"{run} to end", within=within)

    # Waiting.

    def until(self, done: Callable[[], T], what: str, *, within: float, every: float = _LOOK_S) -> T:
        """Wait until something is true, and return it.

        :param done: asked again and again; that the server or the database is not there yet is no answer.
        :param what: what is waited for, for the message.
        :param within: seconds.
        :param every: seconds between two looks.
        :raises StackError: when time is up, or a component has ended.
        """
        end = time.monotonic() + within
        while True:
            with contextlib.suppress(requests.RequestException, OperationalError):
                if answer := done():
                    return answer
            if ended := [name for name, process in self._running.items() if processes.has_ended(process.pid)]:
                raise self._failure(f"{' and '.join(ended)} ended while waiting for {what}")
            if time.monotonic() > end:
                raise self._failure(f"Waited {within:g} s in vain for {what}")
            time.sleep(every)

    def _settings_of_the_server(self, port: int) -> dict[str, str]:
        """What tells the server where it is, and who may log in."""
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({user.name: user.name for user in self._users}))
        return {
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user.name}:{user.role}" for user in self._users),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "API__HOST": "127.0.0.1",
            "API__PORT": str(port),
            "API__WORKERS": "1",
            "API__SECRET_KEY": "a-key-of-this-stack-alone",
            "API_AUTH__JWT_SECRET": "a-secret-of-this-stack-alone-of-sixty-four-characters-or-so-many",
        }

    def _make_database(self) -> None:
        self.run("db", "migrate")

    def _command(self, *arguments: str) -> list[str]:
        return [str(self._python), "-m", "airflow", *arguments]

    def _is_ready(self) -> bool:
        health = self.api.ask("GET", self.api.health)
        watched = {"scheduler", "triggerer", "dag-processor"} & self._commands.keys()
        well = all(health[part.replace("-", "_")]["status"] == "healthy" for part in watched)
        files = {path.name for path in self._dags.glob("*.py")} if "dag-processor" in watched else set()
        return well and self.database.dag_files() == files

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def _failure(self, words: str) -> StackError:
        tails = [
            f"--- the end of {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL:])
            for log in sorted(self.home.glob("*.log"))
        ]
        return StackError("\n".join([f"{words}.", *tails]))
