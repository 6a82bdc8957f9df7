"""The REST API of Airflow 3 and Airflow 2, for tests: runs, results and logs."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import requests

from scripts.whole_airflow.api import Api
from tests.support.airflow_database import Run

_MORE_FIELDS: Final = ("error_detail", "reason")
"""More fields of a log line: why a task failed, and why it was skipped."""


class AirflowApi(Api):
    """The API of an Airflow 3."""

    health: ClassVar = "monitor/health"
    """The path of the health check."""

    def runs(self, dag_id: str) -> list[Run]:
        """Return all runs of a DAG."""
        return [Run(dag_id, run["dag_run_id"]) for run in self.ask("GET", f"dags/{dag_id}/dagRuns")["dag_runs"]]

    def returned(self, run: Run, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return an XCom of a task."""
        path = f"{_task(run, task_id)}/xcomEntries/{key}?map_index={map_index}&stringify=false"
        return self.ask("GET", path)["value"]

    def log(self, run: Run, task_id: str, number: int = 1, map_index: int = -1) -> str:
        """Return the log of a task's try, with that of its trigger."""
        path = f"{_task(run, task_id)}/logs/{number}?full_content=true&map_index={map_index}"
        return self._text(self.ask("GET", path)["content"])

    def _text(self, content: Any) -> str:
        lines = (
            [line["event"], *(json.dumps(line[part]) for part in _MORE_FIELDS if line.get(part))] for line in content
        )
        return "\n".join(map(" ".join, lines))


class Airflow2Api(AirflowApi):
    """The API of an Airflow 2, with basic authentication."""

    root: ClassVar = "/api/v1/"
    health: ClassVar = "health"

    def start(self, dag: str, conf: Mapping[str, Any], run_id: str | None = None) -> str:
        """Start a run of a DAG, and return its id."""
        body = {"conf": conf, **({"dag_run_id": run_id} if run_id else {})}
        return str(self.ask("POST", f"dags/{dag}/dagRuns", body)["dag_run_id"])

    def _log_in(self, session: requests.Session) -> None:
        session.auth = (self._user, self._password)
        session.headers["Accept"] = "application/json"  # a log would be plain text otherwise

    def _text(self, content: Any) -> str:
        return "\n".join(lines for _, lines in ast.literal_eval(content))


def _task(run: Run, task_id: str) -> str:
    return f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}"
