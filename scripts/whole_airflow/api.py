"""What is asked of Airflow over its API, as anybody would who has the password."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

import requests

_ASK_S: Final = 10.0
_MONITORED: Final = ("scheduler", "triggerer", "dag_processor")


class Api:
    """The API of an Airflow 3.

    :param address: of its API server.
    :param user: who asks.
    :param password: the user's.
    """

    root: ClassVar = "/api/v2/"
    """What the paths are below."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address = address
        self._user = user
        self._password = password

    def is_ready(self, since: datetime.datetime, files: set[str]) -> bool:
        """Say whether all components work, and the DAG files have been read.

        :param since: when the components were started; signs of life from before are of others.
        :param files: the names of the DAG files.
        """
        health = self.ask("GET", "monitor/health")
        beats = [health[name][f"latest_{name}_heartbeat"] for name in _MONITORED]
        if not all(beat and datetime.datetime.fromisoformat(beat) > since for beat in beats):
            return False
        dags = self.ask("GET", "dags")["dags"]
        broken = self.ask("GET", "importErrors")["import_errors"]
        return files <= {dag["relative_fileloc"] for dag in dags} | {error["filename"] for error in broken}

    def start(self, dag: str, conf: Mapping[str, Any], run_id: str | None = None) -> str:
        """Start a run of a DAG, and return its id.

        :param dag: the DAG's id.
        :param conf: the run's parameters.
        :param run_id: the id that it gets; None for one that Airflow makes.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        return str(self.ask("POST", f"dags/{dag}/dagRuns", body)["dag_run_id"])

    def find(self, path: str) -> Any:
        """Return what is at a path; None where nothing is.

        :param path: below `root`.
        """
        try:
            return self.ask("GET", path)
        except requests.HTTPError as error:
            if error.response.status_code == requests.codes.not_found:
                return None
            raise

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask for something.

        :param method: such as "GET".
        :param path: below `root`.
        :param body: goes along as JSON.
        :return: what the answer holds.
        :raises requests.RequestException: when there is no good answer.
        """
        return self._request(self._session, method, f"{self.root}{path}", body)

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        self._log_in(session)
        return session

    def _log_in(self, session: requests.Session) -> None:
        credentials = {"username": self._user, "password": self._password}
        token = self._request(session, "POST", "/auth/token", credentials)["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"

    def _request(self, session: requests.Session, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        answer = session.request(method, self._address + path, json=body, timeout=_ASK_S)
        if not answer.ok:
            words = f"{method} {path}: HTTP {answer.status_code}: {answer.text}"
            raise requests.HTTPError(words, response=answer)
        return answer.json()
