"""Baselines: alternatives to a batch that a user could write, and our own client with one call per upload.

The mapped `HttpOperator` runs in `dag.test()`, one task instance after the other. In a real Airflow each of them also
waits for the scheduler and starts a process, and some run at the same time.
"""

from __future__ import annotations

import io
import json
import logging
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench.runs import APP_KEY, CDN, MASTER_SECRET, Run, pictures, run_apart, timed
from scripts.run_dag import load_dags
from tests.support.service_stub import IMAGE_PATH, reset

Call = Callable[[str], object]
CONNECTION: Final = "AIRFLOW_CONN_BENCH_SERVICE"
DAGS: Final = Path(__file__).parent / "dags"


def client(url: str) -> Call:
    """Upload with our client."""
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.engagelab.http import HttpTransport

    client = EngageLabClient(HttpTransport(url, APP_KEY, MASTER_SECRET, user_agent="bench", connections=64))
    return lambda picture: client.upload("big", picture)


def sdk(url: str) -> Call:
    """Upload with the vendor's SDK, as its page shows it."""
    from engagelab import Client, OppoImageParam

    client = Client(APP_KEY, MASTER_SECRET, base_url=url)
    return lambda picture: client.image.upload_oppo(OppoImageParam(big_picture_url=picture))


def checked_sdk(url: str) -> Call:
    """Upload with the vendor's SDK, after a download with requests and a decoding by Pillow."""
    import requests
    from PIL import Image

    upload, session = sdk(url), requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))

    def check(picture: str) -> object:
        with Image.open(io.BytesIO(session.get(picture, timeout=30).content)) as image:
            image.load()
        return upload(picture)

    return check


def sdk_push(url: str) -> Call:
    """Push to a tag with the vendor's SDK; the picture's number is the tag."""
    from engagelab import Client, NotificationMessage, PushBody, PushParam, PushTo

    client, notification = Client(APP_KEY, MASTER_SECRET, base_url=url), NotificationMessage(alert="Spring sale")
    return lambda picture: client.push.send(
        PushParam(to=PushTo(tag=[picture[-12:]]), body=PushBody(platform="all", notification=notification))
    )


def http_hook(url: str) -> Call:
    """Upload with Airflow's HttpHook, as its page shows it."""
    from airflow.providers.http.hooks.http import HttpHook

    os.environ[CONNECTION] = http_connection(url)
    hook = HttpHook(method="POST", http_conn_id="bench_service")
    return lambda picture: hook.run(IMAGE_PATH, json={"big_picture_url": picture}).json()["big_picture_id"]


def http_connection(url: str) -> str:
    return json.dumps({"conn_type": "http", "host": url, "login": APP_KEY, "password": MASTER_SECRET})


CALLS: Final[dict[str, tuple[Callable[[str], Call], int]]] = {
    "client": (client, 64),
    "sdk-loop": (sdk, 1),
    "sdk-threads": (sdk, 32),
    "checked-sdk-threads": (checked_sdk, 32),
    "push-loop": (sdk_push, 1),
    "push-threads": (sdk_push, 32),
    "http-hook-loop": (http_hook, 1),
}
"""The function that uploads or pushes one picture, and the number of threads, by name."""


def run_calls(baseline: str, url: str, uploads: int, host: str = CDN) -> Run:
    """Upload or push with one of `CALLS`, in this process."""
    logging.disable()
    start, threads = CALLS[baseline]
    call = start(url)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, pictures(2 * threads, host)))
        reset(url)
        return timed(uploads, lambda: list(pool.map(call, pictures(uploads, host))))


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
