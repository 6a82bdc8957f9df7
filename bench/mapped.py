"""Pictures uploaded by a mapped task: `HttpOperator` of providers-http, one task instance a picture.

`dag.test()` runs the task instances one after another in this process, without a scheduler between them: in a real
Airflow each also waits to be scheduled and starts a process, and some run side by side.

usage: python -m bench.mapped URL UPLOADS
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from bench.baselines import CONNECTION, http_connection
from bench.report import ROOT
from bench.runs import Run, pictures, tell, timed
from scripts.run_dag import load_dags

DAGS: Final = Path(__file__).parent / "dags"


def run(uploads: int) -> Run:
    """Run the DAG in this process, whose Airflow has a database of its own.

    :raises SystemExit: if a picture was not uploaded.
    """
    from airflow.utils.db import initdb

    initdb()
    [dag] = load_dags(DAGS / "mapped_upload.py")
    logging.disable()
    ended: list[Any] = []
    measured = timed(uploads, lambda: ended.append(dag.test()))
    states = [str(instance.state) for instance in ended[0].get_task_instances()]
    if states != ["success"] * uploads:
        raise SystemExit(f"the task instances ended as {states}")
    return measured


def main() -> None:
    """Run in a process whose Airflow has a home of its own, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("uploads", type=int)
    options = parser.parse_args()
    if os.environ.get(f"AIRFLOW_CONN_{CONNECTION.upper()}"):
        tell(run(options.uploads))
        return
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "BENCH_PICTURES": json.dumps(list(pictures(options.uploads))),
            f"AIRFLOW_CONN_{CONNECTION.upper()}": http_connection(options.url),
        }
        command = [sys.executable, "-m", "bench.mapped", *sys.argv[1:]]
        sys.exit(subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False).returncode)


if __name__ == "__main__":
    main()
