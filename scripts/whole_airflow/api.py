"""A client of Airflow's REST API."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

import requests

_TIMEOUT_S: Final = 30.0
_COMPONENTS: Final = ("scheduler", "triggerer", "dag_processor")


class Api:
    """The REST API of an Airflow 3."""

    root: ClassVar = "/api/v2/"
    """The prefix of all paths."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address = address
        self._user = user
        self._password = password

    def is_ready(self, since: datetime.datetime, files: set[str]) -> bool:
        """Return whether all components are healthy and all DAG files have been parsed.

        :param since: the time of the start; earlier heartbeats are from an earlier run.
        :param files: the names of the DAG files.
        """
        health = self.ask("GET", "monitor/health")
        heartbeats = [health[name][f"latest_{name}_heartbeat"] for name in _COMPONENTS]
        if not all(beat and datetime.datetime.fromisoformat(beat) > since for beat in heartbeats):
            return False
        dags = self.ask("GET", "dags")["dags"]
        errors = self.ask("GET", "importErrors")["import_errors"]
        return files <= {dag["relative_fileloc"] for dag in dags} | {error["filename"] for error in errors}

    def start(self, dag: str, conf: Mapping[str, Any], run_id: str | None = None) -> str:
        """Trigger a run of a DAG, and return its id. Airflow chooses it if `run_id` is None."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        return str(self.ask("POST", f"dags/{dag}/dagRuns", body)["dag_run_id"])

    def find(self, path: str) -> Any:
        """Return the object at a path; None if there is none."""
        try:
            return self.ask("GET", path)
        except requests.HTTPError as error:
            if error.response.status_code == requests.codes.not_found:
                return None
            raise

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request, and return the decoded response.

        :raises requests.RequestException: if there is no response, or an error status.
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
        answer = session.request(method, self._address + path, json=body, timeout=_TIMEOUT_S)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: HTTP {answer.status_code}: {answer.text}", response=answer)
        return answer.json()
