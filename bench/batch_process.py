"""Batches of uploads and of pushes as the operators run them, from a manifest to the results."""

from __future__ import annotations

import csv
import json
import logging
import os
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench import cpu_profile
from bench.runs import APP_KEY, CDN, MASTER_SECRET, NO_LIMIT, Run, pictures, timed
from tests.support.service_stub import reset

if TYPE_CHECKING:
    from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

WARM_UP: Final = 200
"""Uploads before the measured ones: they import everything, which takes seconds of processor time."""


def write_manifest(file: Path, rows: int, host: str = CDN) -> None:
    """Write a manifest with `rows` different pictures."""
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["name", "big_picture_url"])
        writer.writerows((f"campaign {at}", url) for at, url in enumerate(pictures(rows, host)))


def run(
    url: str, rows: int, *, rate: float = NO_LIMIT, check: str = "", profiled: bool = False, warm_up: int = WARM_UP
) -> Run:
    """Run a small batch as a warm-up, and then the measured one, with which the service begins to count.

    :param rate: the highest number of requests per second.
    :param check: the URL of the host of the pictures, to check each of them first.
    :param profiled: whether to measure the processor time of each stage.
    """
    hook = hook_for(url)
    with tempfile.TemporaryDirectory() as folder:
        if warm_up:
            upload(hook, Path(folder, "warm-up"), warm_up, hook.make_rate_limiter(rate), check)
            reset(url)
        with cpu_profile.profiled(rows) if profiled else nullcontext(()) as profile:
            measured = timed(
                rows, lambda: upload(hook, Path(folder, "measured"), rows, hook.make_rate_limiter(rate), check)
            )
        return replace(measured, profile=tuple(profile))


def hook_for(url: str) -> OppoImageHook:
    """Return the hook with a connection to the service."""
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

    logging.getLogger("airflow_provider_oppo_image").setLevel(logging.ERROR)
    connection = {
        "conn_type": "oppo_image",
        "host": url,
        "login": APP_KEY,
        "password": MASTER_SECRET,
        "extra": {"allow_plain_http": True, "allow_private_addresses": True},
    }
    os.environ["AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"] = json.dumps(connection)
    return OppoImageHook()


def upload(hook: OppoImageHook, folder: Path, rows: int, rate_limiter: RateLimiter, check: str = "") -> Path:
    """Upload a new manifest, and return the results' path; every picture must be uploaded."""
    folder.mkdir()
    write_manifest(folder / "manifest.csv", rows, check or CDN)
    end = hook.upload_batch(
        manifest=str(folder / "manifest.csv"),
        results=str(folder / "results.csv"),
        check=bool(check),
        rate_limiter=rate_limiter,
    )
    require_all(end, end.summary.uploaded, rows)
    return folder / "results.csv"


def require_all(end: Any, done: int, rows: int) -> None:
    """Return if a batch did all its rows."""
    if end.error or done != rows:
        raise SystemExit(f"{end.summary}")
