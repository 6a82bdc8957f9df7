"""A batch as the operator runs it, from a manifest to its results, in a process of its own.

usage: python -m bench.batch_process URL ROWS [--rate NUMBER] [--check HOST] [--profile]
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from bench.cpu_profile import CpuProfile
from bench.runs import APP_KEY, CDN, MASTER_SECRET, NO_LIMIT, Run, pictures, print_run, timed

WARM_UP = 200


def write_manifest(file: Path, rows: int, host: str = CDN) -> None:
    """Write a manifest with `rows` different pictures."""
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["name", "big_picture_url"])
        writer.writerows((f"campaign {at}", url) for at, url in enumerate(pictures(rows, host)))


def run(options: argparse.Namespace) -> Run:
    """Run a small batch as a warm-up, and then the measured one."""
    with tempfile.TemporaryDirectory() as folder:
        if options.rate == NO_LIMIT:  # with a limit, the service would count both batches in one second
            upload(Path(folder, "warm-up"), WARM_UP, options)
        profile = CpuProfile() if options.profile else None
        with profile or nullcontext():
            measured = timed(options.rows, lambda: upload(Path(folder, "measured"), options.rows, options))
        return replace(measured, profile=tuple(profile.lines(options.rows))) if profile else measured


def upload(folder: Path, rows: int, options: argparse.Namespace) -> None:
    """Upload a new manifest; every picture must be uploaded."""
    from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

    logging.getLogger("airflow_provider_oppo_image").setLevel(logging.ERROR)
    folder.mkdir()
    write_manifest(folder / "manifest.csv", rows, options.check or CDN)
    end = OppoImageHook().upload_batch(
        manifest=str(folder / "manifest.csv"),
        results=str(folder / "results.csv"),
        check=bool(options.check),
        rate_limiter=RateLimiter(AdaptiveRate(options.rate)),
    )
    if end.error or end.summary.uploaded != rows:
        raise SystemExit(f"{end.summary}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("rows", type=int)
    parser.add_argument("--rate", type=float, default=NO_LIMIT, help="the highest number of requests per second")
    parser.add_argument("--check", metavar="HOST", help="check each picture first; this host has the pictures")
    parser.add_argument("--profile", action="store_true", help="measure the processor time of each stage")
    options = parser.parse_args()
    connection = {
        "conn_type": "oppo_image",
        "host": options.url,
        "login": APP_KEY,
        "password": MASTER_SECRET,
        "extra": {"allow_plain_http": True, "allow_private_addresses": True},
    }
    os.environ["AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"] = json.dumps(connection)
    print_run(run(options))


if __name__ == "__main__":
    main()
