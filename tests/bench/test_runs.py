"""The processes of the benchmarks, each run briefly: they work; their speed is not tested."""

from __future__ import annotations

import pytest
import requests

from bench import batch_process, runs
from bench.baselines import run_calls
from bench.servers import PictureHost, Service

PICTURE_BYTES = range(150_000, 200_001)
KINDS = {"pictures": 200, "absent": 404, "etag": 200, "wrong": 200, "wrong-etag": 200}


@pytest.mark.parametrize("baseline", ["client", "sdk-loop", "sdk-threads"])
def test_baseline_uploads(baseline: str) -> None:
    with Service(latency=0) as service:
        run = runs.run_apart(run_calls, baseline, service.url, 100)
        counts = service.counts()
    assert run.uploads == 100
    assert counts.unique >= 100
    assert run.rate > 0
    assert run.cpu_ms > 0


@pytest.mark.timeout(300)  # it imports Airflow in a new process
def test_batch_process_uploads_and_profiles() -> None:
    with Service(latency=0) as service, PictureHost() as host:
        run = runs.run_apart(batch_process.run, service.url, 20, rate=400, check=host.url, profiled=True)
        counts = service.counts()
    assert counts.unique == 20
    stages = [line.partition("%  ")[2] for line in run.profile]
    assert {"check: decoding by Pillow", "upload: request and answer", "everything else"} <= set(stages)


def test_peak_memory_is_the_process_own() -> None:
    ballast = bytearray(300_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert runs.peak_mb() > 300
    apart = runs.run_apart(runs.peak_mb)
    del ballast
    assert 1 < apart < 200


def test_picture_host_answers_every_kind() -> None:
    with PictureHost() as host:
        found = {kind: requests.get(f"{host.url}/{kind}/1.jpg", timeout=10) for kind in KINDS}
        etag = {"If-None-Match": found["etag"].headers["ETag"]}
        assert requests.get(f"{host.url}/etag/1.jpg", headers=etag, timeout=10).status_code == 304
        assert host.answers() == len(KINDS) + 1
    assert {kind: answer.status_code for kind, answer in found.items()} == KINDS
