"""Run a DAG from a file in this process with `dag.test()`, and write its result to a file.

usage: run_dag.py FILE DAG_ID CONF RESULT    CONF is a JSON object, RESULT is the JSON file to write
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def load_dags(file: Path) -> list[Any]:
    """Import a DAG file, and return its DAGs."""
    try:
        from airflow.sdk import DAG  # in Airflow 3.0 the base class of airflow.DAG
    except ImportError:  # Airflow 2
        from airflow import DAG

    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [value for value in vars(module).values() if isinstance(value, DAG)]


def run(file: Path, dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
    """Run a DAG; return its state, and the state and return value of each task."""
    from airflow.utils.db import initdb

    initdb()
    dag = next(dag for dag in load_dags(file) if dag.dag_id == dag_id)
    dag_run = dag.test(run_conf=conf)
    tasks = [
        {"task_id": ti.task_id, "map_index": ti.map_index, "state": str(ti.state), "returned": returned(ti)}
        for ti in sorted(dag_run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index))
    ]
    return {"state": str(getattr(dag_run.state, "value", dag_run.state)), "tasks": tasks}


def returned(ti: Any) -> Any:
    """Return the return value of a task instance, from XCom."""
    task = {"task_ids": ti.task_id, "map_indexes": ti.map_index}
    try:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
    except ImportError:  # Airflow 2
        return ti.xcom_pull(**task)
    # In Airflow 3, `xcom_pull` outside a task decodes the JSON twice, which turns strings of digits into numbers.
    with create_session() as session:
        rows = XComModel.get_many(run_id=ti.run_id, dag_ids=ti.dag_id, key="return_value", **task)
        row: Any = session.scalars(rows).first()
        return None if row is None else row.value


if __name__ == "__main__":
    file, dag_id, conf, result = sys.argv[1:]
    outcome = run(Path(file), dag_id, json.loads(conf))
    Path(result).write_text(json.dumps(outcome))
