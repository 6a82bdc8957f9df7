"""The example DAG `nightly_batch` without retry delay, and without a check, since the pictures do not exist."""

from __future__ import annotations

import datetime
import runpy
from pathlib import Path

from airflow.sdk import DAG

EXAMPLE = Path(__file__).parents[3] / "example_dags" / "nightly_batch.py"

dag: DAG = runpy.run_path(str(EXAMPLE))["nightly_batch_dag"]
dag.is_paused_upon_creation = False
dag.task_dict["upload"].partial_kwargs |= {"retry_delay": datetime.timedelta(0), "check": False}
