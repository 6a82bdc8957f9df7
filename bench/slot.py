"""One task slot: the batch as its operator runs it, from a manifest to its results, in a process of its own.

usage: python -m bench.slot URL ROWS [--rate NUMBER] [--check HOST] [--stages]
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

from bench.runs import APP_KEY, CDN, MASTER_SECRET, Run, pictures, tell, timed
from bench.stages import Stages

NO_LIMIT = 1_000_000
WARM_UP = 200


def main() -> None:
    """Run the batch, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("rows", type=int)
    parser.add_argument("--rate", type=float, default=NO_LIMIT, help="requests a second at most")
    parser.add_argument("--check", metavar="HOST", help="look at each picture first, which this host has")
    parser.add_argument("--stages", action="store_true", help="say where the processor time goes")
    options = parser.parse_args()
    connection = {
        "conn_type": "oppo_image",
        "host": options.url,
        "login": APP_KEY,
        "password": MASTER_SECRET,
        "extra": {"allow_plain_http": True, "allow_private_addresses": True},
    }
    os.environ["AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"] = json.dumps(connection)
    tell(run(options))


def run(options: argparse.Namespace) -> Run:
    """Run a small batch, to have all that is imported and looked up once, and then the one that is measured."""
    with tempfile.TemporaryDirectory() as folder:
        if options.rate == NO_LIMIT:  # or the service would see the rates of two batches in one second
            upload(Path(folder, "warm-up"), WARM_UP, options)
        stages = Stages() if options.stages else None
        with stages or nullcontext():
            measured = timed(options.rows, lambda: upload(Path(folder, "measured"), options.rows, options))
        return replace(measured, profile=tuple(stages.lines(options.rows))) if stages else measured


def upload(folder: Path, rows: int, options: argparse.Namespace) -> None:
    """Write a manifest, and bring it to the service.

    :raises OppoImageError: if one of its pictures was not uploaded.
    """
    from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

    logging.getLogger("airflow_provider_oppo_image").setLevel(logging.ERROR)
    folder.mkdir()
    manifest = folder / "manifest.csv"
    with manifest.open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "big_picture_url"])
        writer.writerows((f"campaign {at}", url) for at, url in enumerate(pictures(rows, options.check or CDN)))
    end = OppoImageHook().upload_batch(
        manifest=str(manifest),
        results=str(folder / "results.csv"),
        check=bool(options.check),
        rate_limiter=RateLimiter(AdaptiveRate(options.rate)),
    )
    if end.error or end.summary.uploaded != rows:
        raise SystemExit(f"{end.summary}")


if __name__ == "__main__":
    main()
