"""A batch in its own process: python -m tests.support.batch_process MANIFEST RESULTS [URL]

Without the URL of a service, nothing is sent. It prints its peak memory in kilobytes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from airflow_provider_oppo_image.batch.manifest import read_manifest
from airflow_provider_oppo_image.batch.run import Batch, run_batch
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter

ROOT = Path(__file__).parents[2]


class NullClient:
    def upload(self, kind: PictureKind, url: str) -> str:
        return "3653918_5f92b5739ae676f5745bcbf4"


def write_manifest(path: Path, rows: int) -> Path:
    """Write a manifest with this many rows, each with a different big picture."""
    with path.open("w") as file:
        file.write("name,big_picture_url\n")
        file.writelines(f"campaign {number},https://cdn.example.com/{number}.jpg?v=1\n" for number in range(rows))
    return path


def start(manifest: Path, results: Path, url: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.batch_process", str(manifest), str(results), url]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def main(manifest: str, results: str, url: str) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(1_000_000))
    client = (
        EngageLabClient(HttpTransport(url, "key", "secret", user_agent="tests"), rate_limiter=rate_limiter)
        if url
        else NullClient()
    )
    end = run_batch(Batch(client.upload, rate_limiter, threads=16), read_manifest(Path(manifest)), Path(results))
    if end.error:
        raise end.error
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


if __name__ == "__main__":
    main(*sys.argv[1:])
