"""SIGKILL at random moments of a batch of pushes: each row once within the hour of its `cid`, and unknown after it."""

from __future__ import annotations

import csv
import datetime
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from airflow_provider_oppo_image.batch.push_result import default_pushes_path
from tests.support.push_batches import PushService, kill_at, make_older, push_all, write_uploaded
from tests.trust.attack_report import AttackReport

SECTION = "nothing is lost"
KILLS = 20
"""Minimum number of kills; `--kills` can be more."""

THREADS = 16
"""At most this many pushes are in progress at a kill."""


def states(results: Path) -> Counter[str]:
    with Path(default_pushes_path(results)).open(newline="") as file:
        return Counter(row["state"] for row in csv.DictReader(file))


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("aged", [False, True])
def test_killed_batch_push_sends_no_row_twice(
    tmp_path: Path, attacks: AttackReport, kills: int, batch_rows: int, rng: Random, aged: bool
) -> None:
    kills, wrong = max(kills, KILLS), Counter[str]()
    # A batch that goes on an hour later does not send what may have been sent, so one kill ends it.
    batches, rows = (kills, batch_rows // 10) if aged else (1, batch_rows)
    for number in range(batches):
        results = write_uploaded(tmp_path / f"night-{number}.results.csv", rows)
        with PushService() as service:
            for moment in sorted(rng.sample(range(1, rows - THREADS), kills // batches)):
                kill_at(moment, results, service)
            if aged:
                make_older(results, datetime.timedelta(hours=1))
                service.forget()
            error = push_all(results, service.url, threads=THREADS).error
        found = states(results)
        wrong["lost"] += rows - found["sent"] - (found["unknown"] if aged else 0)
        wrong["twice"] += sum(count > 1 for count in service.sent.values())
        wrong["falsely sent"] += max(0, found["sent"] - len(service.sent))
        assert bool(error) == bool(found["unknown"]) == aged
    when = ", an hour later" if aged else ""
    for what, count in wrong.items():
        attacks.record(SECTION, f"batch pushes, {kills} kills{when}: {what}", tried=batches * rows, succeeded=count)
    assert not wrong.total()
