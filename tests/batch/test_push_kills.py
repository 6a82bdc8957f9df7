"""Batches of pushes that are killed: each row is pushed exactly once, or is unknown."""

from __future__ import annotations

import csv
import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest

from airflow_provider_oppo_image.batch.push_result import default_pushes_path
from airflow_provider_oppo_image.errors import BatchError
from tests.support.push_batches import PushService, kill_at, make_older, push_all, write_uploaded

ROWS = 600


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService() as service:
        yield service


def read_pushes(results: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(default_pushes_path(results)).open()))


def kill_moments(count: int) -> list[int]:
    return sorted(SystemRandom().sample(range(1, ROWS - 100), count))


def test_killed_batch_pushes_each_row_once(service: PushService, tmp_path: Path) -> None:
    results = write_uploaded(tmp_path / "night.results.csv", ROWS)
    for moment in kill_moments(2):
        kill_at(moment, results, service)
    end = push_all(results, service.url)
    assert (end.error, end.summary.sent) == (None, ROWS)
    assert [row["state"] for row in read_pushes(results)] == ["sent"] * ROWS
    assert set(service.sent.values()) == {1}
    assert len(service.sent) == ROWS
    assert push_all(results, service.url).summary.sent == ROWS
    assert len(service.asked) == ROWS, "a batch that is complete sends nothing"


def test_rows_of_a_killed_batch_are_unknown_after_the_hour(service: PushService, tmp_path: Path) -> None:
    results = write_uploaded(tmp_path / "night.results.csv", ROWS)
    kill_at(*kill_moments(1), results, service)
    make_older(results, datetime.timedelta(hours=1))
    service.forget()
    end = push_all(results, service.url)
    assert isinstance(end.error, BatchError)
    assert end.error.permanent
    states = Counter(row["state"] for row in read_pushes(results))
    assert states["sent"] + states["unknown"] == ROWS
    assert states["unknown"] > 0
    assert set(service.sent.values()) == {1}, "never twice"
