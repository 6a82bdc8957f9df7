"""Run a DAG of a file in this process, as `dag.test()` does, and write down how it went.

usage: run_dag.py FILE DAG_ID CONF RESULT, where CONF is a JSON object and RESULT the JSON file to write.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def load_dag(file: Path, dag_id: str) -> Any:
    """Import a DAG file, and return one of its DAGs."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return next(value for value in vars(module).values() if getattr(value, "dag_id", None) == dag_id)


def run(file: Path, dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
    """Run a DAG, and return its state and what each of its tasks returned."""
    from airflow.utils.db import initdb

    initdb()
    dag_run = load_dag(file, dag_id).test(run_conf=conf)
    tasks = [
        {
            "task_id": ti.task_id,
            "map_index": ti.map_index,
            "state": str(ti.state),
            "returned": ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index),
        }
        for ti in sorted(dag_run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index))
    ]
    return {"state": str(getattr(dag_run.state, "value", dag_run.state)), "tasks": tasks}


if __name__ == "__main__":
    file, dag_id, conf, result = sys.argv[1:]
    outcome = run(Path(file), dag_id, json.loads(conf))
    Path(result).write_text(json.dumps(outcome))
