"""Runs the batch of a manifest, or resumes it, in a process that may be killed.

usage: python -m bench.killable_batch URL MANIFEST RESULTS
"""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_provider_oppo_image.batch import DEFAULT_THREADS
from airflow_provider_oppo_image.batch.manifest import read_manifest
from airflow_provider_oppo_image.batch.run import run_batch
from airflow_provider_oppo_image.batch.worker_pool import Batch
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from bench.runs import APP_KEY, MASTER_SECRET, NO_LIMIT

if __name__ == "__main__":
    url, manifest, results = sys.argv[1:]
    rate_limiter = RateLimiter(AdaptiveRate(NO_LIMIT))
    transport = HttpTransport(url, APP_KEY, MASTER_SECRET, user_agent="bench", connections=DEFAULT_THREADS)
    with EngageLabClient(transport, rate_limiter=rate_limiter) as client:
        end = run_batch(Batch(client.upload, rate_limiter), read_manifest(Path(manifest)), Path(results))
    if end.error:
        raise end.error
