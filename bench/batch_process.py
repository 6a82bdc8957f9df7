"""A batch as the operator runs it, from a manifest to its results."""

from __future__ import annotations

import csv
import json
import logging
import os
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from bench.cpu_profile import CpuProfile
from bench.runs import APP_KEY, CDN, MASTER_SECRET, NO_LIMIT, Run, pictures, timed

WARM_UP = 200


def write_manifest(file: Path, rows: int, host: str = CDN) -> None:
    """Write a manifest with `rows` different pictures."""
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["name", "big_picture_url"])
        writer.writerows((f"campaign {at}", url) for at, url in enumerate(pictures(rows, host)))


def run(url: str, rows: int, *, rate: float = NO_LIMIT, check: str = "", profiled: bool = False) -> Run:
    """Run a small batch as a warm-up, and then the measured one.

    :param rate: the highest number of requests per second.
    :param check: the URL of the host of the pictures, to check each of them first.
    :param profiled: whether to measure the processor time of each stage.
    """
    connection = {
        "conn_type": "oppo_image",
        "host": url,
        "login": APP_KEY,
        "password": MASTER_SECRET,
        "extra": {"allow_plain_http": True, "allow_private_addresses": True},
    }
    os.environ["AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"] = json.dumps(connection)
    with tempfile.TemporaryDirectory() as folder:
        if rate == NO_LIMIT:  # with a limit, the service would count both batches in one second
            upload(Path(folder, "warm-up"), WARM_UP, rate, check)
        profile = CpuProfile() if profiled else None
        with profile or nullcontext():
            measured = timed(rows, lambda: upload(Path(folder, "measured"), rows, rate, check))
        return replace(measured, profile=tuple(profile.lines(rows))) if profile else measured


def upload(folder: Path, rows: int, rate: float, check: str) -> None:
    """Upload a new manifest; every picture must be uploaded."""
    from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

    logging.getLogger("airflow_provider_oppo_image").setLevel(logging.ERROR)
    folder.mkdir()
    write_manifest(folder / "manifest.csv", rows, check or CDN)
    end = OppoImageHook().upload_batch(
        manifest=str(folder / "manifest.csv"),
        results=str(folder / "results.csv"),
        check=bool(check),
        rate_limiter=RateLimiter(AdaptiveRate(rate)),
    )
    if end.error or end.summary.uploaded != rows:
        raise SystemExit(f"{end.summary}")
