"""DAG runs in this process with `dag.test()`. Airflow 3 requires the DAG in a file in its DAG folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_provider_oppo_image.airflow_compat import airflow_version
from scripts.run_dag import run

LIMIT_S = 120.0
"""Time limit for a DAG run, and for the rest of its test."""

NEED_3_1 = {"alert_when_late", "approve_before_push"}
"""The example DAGs that cannot be imported before Airflow 3.1."""

HEADER = """
import datetime
from airflow import DAG
try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

NO_WAIT = {"retry_delay": datetime.timedelta(0)}
START = datetime.datetime(2026, 1, 1)
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today only"}}}}
"""


class DagRun:
    """Result of a run: its state, and the state and XCom of each task."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        self.state = outcome["state"]
        self.states = {(task["task_id"], task["map_index"]): task["state"] for task in outcome["tasks"]}
        self.returned = {(task["task_id"], task["map_index"]): task["returned"] for task in outcome["tasks"]}


def run_file(path: Path, dag_id: str, conf: dict[str, Any] | None = None) -> DagRun:
    copy = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / path.name
    if path != copy:
        shutil.copy(path, copy)
    if airflow_version().startswith("3.0."):
        sync_dag_file(copy)
    try:
        with time_limit():
            return DagRun(run(copy, dag_id, conf or {}))
    finally:
        copy.unlink()


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Set an alarm while Airflow runs a DAG, in place of the test's own, and restore that one."""
    handler = signal.getsignal(signal.SIGALRM)
    finished = threading.Event()

    def raise_alarms() -> None:
        # Repeatedly: the first alarm may only fail the current task.
        while not finished.wait(LIMIT_S):
            os.kill(os.getpid(), signal.SIGALRM)

    signal.setitimer(signal.ITIMER_REAL, 0)
    alarms = threading.Thread(target=raise_alarms, daemon=True)
    alarms.start()
    try:
        yield
    finally:
        finished.set()
        alarms.join()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, LIMIT_S)


def sync_dag_file(path: Path) -> None:
    """Store the DAGs and assets of a file in the database. From Airflow 3.1, `dag.test()` does it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    DagBag(path, include_examples=False).sync_to_db("dags-folder", None)  # type: ignore[attr-defined]


def run_source(name: str, source: str, conf: dict[str, Any] | None = None) -> DagRun:
    """Run a DAG from its source, with `HEADER` before it; the name is the DAG's id."""
    path = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / f"{name}.py"
    path.write_text(HEADER + f"\nNAME = {name!r}\n" + textwrap.dedent(source))
    return run_file(path, name, conf)
