"""Baselines: alternatives to a batch that a user could write, and our own client with one call per upload.

The mapped `HttpOperator` runs in `dag.test()`, one task instance after the other. In a real Airflow each of them also
waits for the scheduler and starts a process, and some run at the same time.

usage: python -m bench.baselines BASELINE URL UPLOADS
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench.runs import APP_KEY, MASTER_SECRET, Run, pictures, print_run, timed
from bench.service import IMAGE_PATH
from scripts.checkout import ROOT
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
    start, threads = CALLS[baseline]
    upload = start(url)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(upload, pictures(2 * threads)))
        return timed(uploads, lambda: list(pool.map(upload, pictures(uploads))))


def run_mapped(uploads: int) -> Run:
    """Run the DAG of the mapped operator, in this process, whose Airflow has a new home."""
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


def start_mapped(url: str, uploads: int) -> int:
    """Run this module again, with a new Airflow home; return the exit code."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "BENCH_PICTURES": json.dumps(list(pictures(uploads))),
            CONNECTION: http_connection(url),
        }
        command = [sys.executable, "-m", "bench.baselines", *sys.argv[1:]]
        return subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baseline", choices=(*CALLS, "mapped"))
    parser.add_argument("url")
    parser.add_argument("uploads", type=int)
    options = parser.parse_args()
    if options.baseline == "mapped":
        if CONNECTION not in os.environ:
            sys.exit(start_mapped(options.url, options.uploads))
        print_run(run_mapped(options.uploads))
    else:
        logging.disable()
        print_run(run_calls(options.baseline, options.url, options.uploads))


if __name__ == "__main__":
    main()
