"""SIGKILL at random moments of a batch in a process of its own, and a second run: no row lost, few uploads repeated."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.worker_pool import MAX_UNWRITTEN
from tests.support.batch_process import start, write_manifest
from tests.support.servers import service
from tests.trust.attack_report import AttackReport

SECTION = "nothing is lost"


@pytest.mark.timeout(1_800)
def test_killed_batches_end_with_one_result_per_row(
    tmp_path: Path, attacks: AttackReport, kills: int, batch_rows: int, rng: Random
) -> None:
    manifest, wrong, repeated, seconds, killed = write_manifest(tmp_path / "manifest.csv", batch_rows), 0, [], 0.0, 0
    while killed < kills:
        results = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        with service(limit=None, latency=0.001) as running:
            if seconds:
                with start(manifest, results, running.url) as process:
                    try:
                        process.wait(rng.uniform(0, seconds))
                        continue  # it had ended before
                    except subprocess.TimeoutExpired:
                        process.kill()
                        killed += 1
            began = time.monotonic()
            with start(manifest, results, running.url) as process:
                assert process.wait(timeout=300) == 0
            seconds = seconds or time.monotonic() - began
            uploads = [line.split(" ", 2)[1:] for line in running.journal.read_text().splitlines()]
        given = {(body, picture_id) for picture_id, body in uploads}
        found = list(read_results(results))
        wrong += abs(len(found) - batch_rows)
        for at, row in enumerate(found):
            body = f'{{"big_picture_url":"https://cdn.example.com/{at}.jpg?v=1"}}'
            wrong += (row.name, (body, row.big_picture_id) in given) != (f"campaign {at}", True)
        repeated.append(len(uploads) - len({body for _, body in uploads}))
    attacks.record(SECTION, f"rows of {kills} killed batches", tried=kills * batch_rows, succeeded=wrong)
    attacks.record(SECTION, "uploads repeated after those kills", tried=sum(repeated))
    assert not wrong
    assert max(repeated) <= MAX_UNWRITTEN
