"""The processes of the benchmarks, each run briefly: they work; their speed is not tested."""

from __future__ import annotations

import pytest
import requests

from bench import batch_process, runs
from bench.baselines import run_calls
from bench.nginx import run_nginx
from bench.pushes import run_batches
from tests.support.service_stub import Service

KINDS = {"artwork": 200, "etag/photograph": 200, "wrong": 200, "absent": 404}


@pytest.mark.parametrize("baseline", ["client", "sdk-loop", "push-threads"])
def test_baseline_uploads(baseline: str) -> None:
    with Service(latency=0) as service:
        run = runs.run_apart(run_calls, baseline, service.url, 100)
        counts = service.counts()
    assert run.uploads == 100
    assert counts.unique == 100
    assert run.rate > 0
    assert run.cpu_ms > 0


@pytest.mark.timeout(300)  # it imports Airflow in a new process
def test_batch_process_uploads_and_profiles() -> None:
    with Service(latency=0) as service, run_nginx() as host:
        run = runs.run_apart(batch_process.run, service.url, 20, rate=400, check=f"{host.http}/artwork", profiled=True)
        counts = service.counts()
    assert counts.unique == 20
    stages = [line.partition("%  ")[2] for line in run.profile]
    assert {"check: decoding", "upload: request and answer", "everything else"} <= set(stages)


def test_peak_memory_is_the_process_own() -> None:
    ballast = bytearray(300_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert runs.peak_mb() > 300
    apart = runs.run_apart(runs.peak_mb)
    del ballast
    assert 1 < apart < 200


def test_nginx_answers_every_kind_and_counts() -> None:
    with run_nginx() as host, requests.Session() as session:
        before = host.counts()
        found = {kind: session.get(f"{host.http}/{kind}/1.jpg", timeout=10) for kind in KINDS}
        etag = {"If-None-Match": found["etag/photograph"].headers["ETag"]}
        again = session.get(f"{host.http}/etag/photograph/1.jpg", headers=etag, timeout=10)
        secured = session.get(f"{host.https}/PNG/7.jpg", verify=host.authority, timeout=10)
        connections, answers = host.counts()
    assert {kind: answer.status_code for kind, answer in found.items()} == KINDS
    assert (again.status_code, secured.status_code) == (304, 200)
    assert not {"ETag", "Last-Modified"} & set(found["artwork"].headers)
    assert (connections - before[0], answers - before[1]) == (2, len(KINDS) + 2)


@pytest.mark.timeout(300)  # it imports Airflow in a new process
def test_push_batches_push_and_upload() -> None:
    with Service(latency=0) as service:
        runs.run_apart(run_batches, service.url, 20, 400, beside=True)
        assert service.counts().unique == 40
