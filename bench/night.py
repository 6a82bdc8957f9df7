"""One night: the batch of a manifest, in a process that may be killed.

usage: python -m bench.night URL MANIFEST RESULTS
"""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_provider_oppo_image.batch import DEFAULT_THREADS
from airflow_provider_oppo_image.batch.manifest import read_manifest
from airflow_provider_oppo_image.batch.run import run_batch
from airflow_provider_oppo_image.batch.worker_pool import Batch
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from bench.runs import APP_KEY, MASTER_SECRET

NO_LIMIT = 1_000_000


def main(url: str, manifest: str, results: str) -> None:
    """Run the batch, or go on with it.

    :raises OppoImageError: if one of its pictures was not uploaded.
    """
    rate_limiter = RateLimiter(AdaptiveRate(NO_LIMIT))
    with EngageLabClient(
        url, APP_KEY, MASTER_SECRET, user_agent="night", connections=DEFAULT_THREADS, rate_limiter=rate_limiter
    ) as client:
        end = run_batch(Batch(client.upload, rate_limiter), read_manifest(Path(manifest)), Path(results))
    if end.error:
        raise end.error


if __name__ == "__main__":
    main(*sys.argv[1:])
