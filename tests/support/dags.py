"""Whole DAG runs in this process, as `dag.test()` does them: Airflow 3 wants the DAG in a file of its DAG folder."""

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
"""How long a run of a DAG may take, and what its test does afterwards."""

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
    """How a run ended: its state, and each task's state and XCom."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        self.state = outcome["state"]
        self.states = {(task["task_id"], task["map_index"]): task["state"] for task in outcome["tasks"]}
        self.returned = {(task["task_id"], task["map_index"]): task["returned"] for task in outcome["tasks"]}


def run_file(path: Path, dag_id: str, conf: dict[str, Any] | None = None) -> DagRun:
    """Run a DAG of a file, which is copied to Airflow's DAG folder."""
    copy = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / path.name
    if path != copy:
        shutil.copy(path, copy)
    if airflow_version().startswith("3.0."):
        make_known(copy)
    try:
        with ending_in_time():
            return DagRun(run(copy, dag_id, conf or {}))
    finally:
        copy.unlink()


@contextlib.contextmanager
def ending_in_time() -> Iterator[None]:
    """Have an alarm while Airflow runs a DAG, and after: it uses that of a test's time limit, and switches it off."""
    handler = signal.getsignal(signal.SIGALRM)
    ended = threading.Event()

    def ring() -> None:
        # Again and again, for a task takes an alarm for a failure of its own.
        while not ended.wait(LIMIT_S):
            os.kill(os.getpid(), signal.SIGALRM)

    ringing = threading.Thread(target=ring, daemon=True)
    ringing.start()
    try:
        yield
    finally:
        ended.set()
        ringing.join()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, LIMIT_S)


def make_known(path: Path) -> None:
    """Have Airflow 3.0 know the DAGs and assets of a file, which from 3.1 on `dag.test()` does itself."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    DagBag(path, include_examples=False).sync_to_db("dags-folder", None)  # type: ignore[attr-defined]


def run_source(name: str, source: str, conf: dict[str, Any] | None = None) -> DagRun:
    """Run a DAG from its source, below a header that imports what DAGs need; the DAG's id is the given name."""
    path = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / f"{name}.py"
    path.write_text(HEADER + f"\nNAME = {name!r}\n" + textwrap.dedent(source))
    return run_file(path, name, conf)
