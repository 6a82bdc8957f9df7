from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.batch.run import Batch, BatchResult, run_batch
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.storage import StoragePath
from tests.batch.support import THREADS, rows
from tests.support.upload_service import UploadService


@pytest.fixture
def service() -> Iterator[UploadService]:
    """A service that gives each picture an id, unless its `judge` is set."""
    with UploadService() as service:
        yield service


@pytest.fixture
def run(service: UploadService) -> Callable[..., BatchResult]:
    """Runs a batch against the service, once."""

    def run(
        entries: Sequence[dict[str, Any]],
        results: StoragePath | None = None,
        *,
        rate_limiter: RateLimiter | None = None,
        threads: int = THREADS,
        retry_budget: float = 0.0,
        **options: Any,
    ) -> BatchResult:
        rate_limiter = rate_limiter or RateLimiter(AdaptiveRate(100_000))
        with service.client(rate_limiter, threads=threads, retry_budget=retry_budget) as client:
            return run_batch(Batch(client.upload, rate_limiter, threads=threads, **options), rows(entries), results)

    return run


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "night.results.csv"
