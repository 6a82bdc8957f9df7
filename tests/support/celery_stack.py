"""A complete Airflow whose tasks run on Celery workers, all on this machine.

    with postgres() as database, redis() as broker:
        with CeleryStack(Path("dags"), {"oppo_image_default": {...}}, database, broker) as airflow:
            run = airflow.trigger("nightly_batch", {})
            airflow.kill("worker-1", children=True)
            assert airflow.wait_for(run) == "success"

Each worker runs one task at a time, so tasks that run at the same time are on different workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from celery import Celery

from scripts import processes
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack

WORKERS: Final = ("worker-1", "worker-2")
"""The workers' names, as components and in Celery."""

_START_S: Final = 60.0
_ANSWER_S: Final = 2.0


class CeleryStack(AirflowStack):
    """An `AirflowStack` with CeleryExecutor and two workers.

    :param dags: the folder of DAG files.
    :param connections: connections by id.
    :param database: the URL of the database, for Airflow and for Celery's results.
    :param broker: the URL of Celery's broker.
    :param settings: more configuration of Airflow.
    """

    def __init__(
        self,
        dags: Path,
        connections: Mapping[str, Mapping[str, Any]],
        database: str,
        broker: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        celery = {
            "CORE__EXECUTOR": "CeleryExecutor",
            "CELERY__BROKER_URL": broker,
            "CELERY__RESULT_BACKEND": f"db+{database}",
            "CELERY__WORKER_CONCURRENCY": "1",
        }
        super().__init__(
            dags,
            connections,
            {**celery, **(settings or {})},
            database=database,
            workers={name: ["celery", "worker", "--celery-hostname", name, "--skip-serve-logs"] for name in WORKERS},
        )
        self._control = Celery(broker=broker).control

    def have_all_workers(self) -> bool:
        """Return whether all workers answer."""
        answers = self._control.ping(timeout=_ANSWER_S, limit=len(WORKERS))
        return {name for answer in answers for name in answer} == {f"celery@{name}" for name in WORKERS}

    def restart_workers(self) -> None:
        """Start the workers that were killed, and return when all workers answer."""
        for name in WORKERS:
            if not self.is_running(name):
                self.start(name)
        self.until(self.have_all_workers, "all workers to answer", within=_START_S)

    def workers_at(self, run: Run, task_id: str) -> dict[int, str]:
        """Return which worker runs a task now, by map index."""
        names = {self.pid_of(name): name for name in WORKERS if self.is_running(name)}
        found = {
            task["map_index"]: processes.find(task["pid"])
            for task in self.database.tasks(run)
            if task["task_id"] == task_id and task["state"] == "running" and task["pid"]
        }
        return {
            index: names[process.session]
            for index, process in found.items()
            if process and not process.ended and process.session in names
        }

    def _is_ready(self) -> bool:
        return super()._is_ready() and self.have_all_workers()
