"""The measurements' own processes, each for a moment: that they work, not how fast."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench import runs, stages
from bench.picture_host import PictureHost, picture
from bench.service import Service

PICTURE_BYTES = range(150_000, 200_001)


@pytest.mark.parametrize("way", ["client", "sdk-loop", "sdk-threads"])
def test_each_way_uploads_what_it_says(way: str) -> None:
    with Service(latency=0) as service:
        run = runs.run_module("baselines", way, service.url, 100)
        counts = service.counts()
    assert run.uploads == 100
    assert counts.unique >= 100
    assert run.rate > 0
    assert run.cpu_ms > 0


def test_a_slot_brings_a_manifest_to_the_service_and_says_where_its_time_went() -> None:
    with Service(latency=0) as service, PictureHost() as host:
        run = runs.run_module("batch_process", service.url, 20, "--rate", 400, "--check", host.url, "--stages")
        counts = service.counts()
    assert counts.unique == 20
    places = [line.partition("%  ")[2] for line in run.profile]
    assert {"check: decoding by Pillow", "upload: request and answer", "all else"} <= set(places)


def test_the_memory_of_a_run_is_not_that_of_the_process_that_started_it() -> None:
    ballast = bytearray(300_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert runs.peak_mb() > 300
    tell = "from bench import runs; runs.tell(runs.timed(1, lambda: None))"
    done = subprocess.run([sys.executable, "-c", tell], cwd=runs.ROOT, capture_output=True, text=True, check=True)
    del ballast
    assert 1 < json.loads(done.stdout)["memory_mb"] < 200


def test_every_stage_leads_to_a_function() -> None:
    with stages.Stages():
        pass


def test_the_pictures_are_as_heavy_as_a_campaigns() -> None:
    assert len(picture(1)) in PICTURE_BYTES
    assert picture(1) != picture(2)
