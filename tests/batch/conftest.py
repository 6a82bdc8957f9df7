from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.batch.run import Batch, BatchEnd, run_batch
from airflow_provider_oppo_image.engagelab.rate import Rate, Turnstile
from airflow_provider_oppo_image.places import Place
from tests.batch.support import THREADS, rows
from tests.support.upload_service import UploadService


@pytest.fixture
def service() -> Iterator[UploadService]:
    """The service, which gives each picture an id unless told otherwise."""
    with UploadService() as service:
        yield service


@pytest.fixture
def run(service: UploadService) -> Callable[..., BatchEnd]:
    """Run a batch of entries against the service, once."""

    def run(
        entries: Sequence[dict[str, Any]],
        results: Place | None = None,
        *,
        turnstile: Turnstile | None = None,
        threads: int = THREADS,
        retry_budget: float = 0.0,
        **options: Any,
    ) -> BatchEnd:
        turnstile = turnstile or Turnstile(Rate(100_000))
        with service.client(turnstile, threads=threads, retry_budget=retry_budget) as client:
            return run_batch(Batch(client, turnstile, threads=threads, **options), rows(entries), results)

    return run


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "night.results.csv"
