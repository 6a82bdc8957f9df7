"""Batches in a process of their own: killed, and measured."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import pytest

from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.worker_pool import MAX_UNWRITTEN
from tests.support.batch_process import start, write_manifest
from tests.support.upload_service import UploadService, id_of

ROWS = 3_000


def kill_at(count: int, process: subprocess.Popen[str], service: UploadService, _: str) -> None:
    """Kill a process at the request with this number, while other requests are in flight."""
    if len(service.asked) >= count:
        process.kill()


@pytest.mark.parametrize("killed_at", [[1_500], [300, 900, 2_800]])
def test_killed_batches_lose_no_row(service: UploadService, tmp_path: Path, killed_at: list[int]) -> None:
    manifest, results = write_manifest(tmp_path / "night.csv", ROWS), tmp_path / "night.results.csv"
    for count in killed_at:
        with start(manifest, results, service.url) as process:
            service.judge = partial(kill_at, count, process, service)
        assert process.returncode == -9
        assert not results.exists(), "results are whole or not there"
    service.judge = lambda _: None
    with start(manifest, results, service.url) as process:
        assert process.wait(timeout=50) == 0
    found = list(read_results(results))
    assert [row.name for row in found] == [f"campaign {number}" for number in range(ROWS)]
    assert all(row.big_picture_id == id_of(f"https://cdn.example.com/{at}.jpg") for at, row in enumerate(found))
    assert len(service.accepted) == ROWS
    assert service.accepted.total() - ROWS <= MAX_UNWRITTEN * len(killed_at)
    assert not list(tmp_path.rglob("*.part")), "the next run removes temporary files"


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    peaks = []
    for rows in (1_000, 20_000):
        manifest = write_manifest(tmp_path / f"{rows}.csv", rows)
        with start(manifest, tmp_path / f"{rows}.results.csv") as process:
            assert process.wait(timeout=50) == 0
            assert process.stdout is not None
            peaks.append(int(process.stdout.read()))
    assert peaks[1] - peaks[0] < 8_000, peaks
