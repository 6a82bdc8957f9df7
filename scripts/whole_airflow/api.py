"""What is asked of Airflow over its API, as anybody would who has the password."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final

import requests

_ASK_S: Final = 10.0
_MONITORED: Final = ("scheduler", "triggerer", "dag_processor")


class Api:
    """The API of an Airflow.

    :param address: of its API server.
    :param user: who asks.
    :param password: the user's.
    """

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address = address
        self._credentials = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False

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

    def find(self, path: str) -> Any:
        """Return what is at a path; None where nothing is.

        :param path: below ``/api/v2/``.
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
        :param path: below ``/api/v2/``.
        :param body: goes along as JSON.
        :return: what the answer holds.
        :raises requests.RequestException: when there is no good answer.
        """
        if "Authorization" not in self._session.headers:
            token = self._request("POST", "/auth/token", self._credentials)["access_token"]
            self._session.headers["Authorization"] = f"Bearer {token}"
        return self._request(method, f"/api/v2/{path}", body)

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        answer = self._session.request(method, self._address + path, json=body, timeout=_ASK_S)
        answer.raise_for_status()
        return answer.json()
