"""Baselines: alternatives to a batch that a user could write, and our own client with one call per upload.

The mapped `HttpOperator` runs in `dag.test()`, one task instance after the other. In a real Airflow each of them also
waits for the scheduler and starts a process, and some run at the same time.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench.runs import APP_KEY, MASTER_SECRET, Run, pictures, run_apart, timed
from bench.servers import IMAGE_PATH
from scripts.run_dag import load_dags

Upload = Callable[[str], object]
CONNECTION: Final = "AIRFLOW_CONN_BENCH_SERVICE"
DAGS: Final = Path(__file__).parent / "dags"


def client(url: str) -> Upload:
    """Upload with our client."""
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.engagelab.http import HttpTransport

    client = EngageLabClient(HttpTransport(url, APP_KEY, MASTER_SECRET, user_agent="bench", connections=64))
    return lambda picture: client.upload("big", picture)


def sdk(url: str) -> Upload:
    """Upload with the vendor's SDK, as its page shows it."""
    from engagelab import Client, OppoImageParam

    client = Client(APP_KEY, MASTER_SECRET, base_url=url)
    return lambda picture: client.image.upload_oppo(OppoImageParam(big_picture_url=picture))


def http_hook(url: str) -> Upload:
    """Upload with Airflow's HttpHook, as its page shows it."""
    from airflow.providers.http.hooks.http import HttpHook

    os.environ[CONNECTION] = http_connection(url)
    hook = HttpHook(method="POST", http_conn_id="bench_service")
    return lambda picture: hook.run(IMAGE_PATH, json={"big_picture_url": picture}).json()["big_picture_id"]


def http_connection(url: str) -> str:
    return json.dumps({"conn_type": "http", "host": url, "login": APP_KEY, "password": MASTER_SECRET})


CALLS: Final[dict[str, tuple[Callable[[str], Upload], int]]] = {
    "client": (client, 64),
    "sdk-loop": (sdk, 1),
    "sdk-threads": (sdk, 32),
    "http-hook-loop": (http_hook, 1),
}
"""The function that uploads one picture, and the number of threads, by name."""


def run_calls(baseline: str, url: str, uploads: int) -> Run:
    """Upload with one of `CALLS`, in this process."""
    logging.disable()
    start, threads = CALLS[baseline]
    upload = start(url)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(upload, pictures(2 * threads)))
        return timed(uploads, lambda: list(pool.map(upload, pictures(uploads))))


def run_mapped(url: str, uploads: int) -> Run:
    """Run the DAG of the mapped operator in another process, whose Airflow has a new home."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "BENCH_PICTURES": json.dumps(list(pictures(uploads))),
            CONNECTION: http_connection(url),
        }
        run: Run = run_apart(_run_dag, uploads, environment=environment)
        return run


def _run_dag(uploads: int) -> Run:
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
