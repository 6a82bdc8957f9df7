"""What a user would write instead of a batch, and our own client beside it, each upload a call.

usage: python -m bench.ways WAY URL UPLOADS
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.runs import APP_KEY, MASTER_SECRET, Run, pictures, tell, timed
from bench.service import IMAGE_PATH

Upload = Callable[[str], object]
"""Uploads the big picture that is at a URL."""

CONNECTION: Final = "bench_service"


def client(url: str) -> Upload:
    """Upload with our client, which the hook holds."""
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.engagelab.http import HttpTransport

    client = EngageLabClient(HttpTransport(url, APP_KEY, MASTER_SECRET, user_agent="ours", connections=64))
    return lambda picture: client.upload("big", picture)


def sdk(url: str) -> Upload:
    """Upload with the vendor's own client, as its page shows it."""
    from engagelab import Client, OppoImageParam

    client = Client(APP_KEY, MASTER_SECRET, base_url=url)
    return lambda picture: client.image.upload_oppo(OppoImageParam(big_picture_url=picture))


def http_hook(url: str) -> Upload:
    """Upload with Airflow's hook for HTTP, as its page shows it."""
    from airflow.providers.http.hooks.http import HttpHook

    os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = http_connection(url)
    hook = HttpHook(method="POST", http_conn_id=CONNECTION)
    return lambda picture: hook.run(IMAGE_PATH, json={"big_picture_url": picture}).json()["big_picture_id"]


def http_connection(url: str) -> str:
    """Return Airflow's connection of type http to the service, as JSON."""
    connection = {"conn_type": "http", "host": url, "login": APP_KEY, "password": MASTER_SECRET}
    return json.dumps(connection)


WAYS: Final[dict[str, tuple[Callable[[str], Upload], int]]] = {
    "client": (client, 64),
    "sdk-loop": (sdk, 1),
    "sdk-threads": (sdk, 32),
    "http-hook-loop": (http_hook, 1),
}
"""How to upload one picture, and in how many threads."""


def run(way: str, url: str, uploads: int) -> Run:
    """Upload so many pictures in one way, in this process.

    :param way: one of `WAYS`.
    :param url: the service's.
    :param uploads: how many.
    """
    start, threads = WAYS[way]
    upload = start(url)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(upload, pictures(2 * threads)))
        return timed(uploads, lambda: list(pool.map(upload, pictures(uploads))))


def main() -> None:
    """Run one way, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url")
    parser.add_argument("uploads", type=int)
    options = parser.parse_args()
    logging.disable()
    tell(run(options.way, options.url, options.uploads))


if __name__ == "__main__":
    main()
