"""A batch on several workers: the share of each worker, and the loss of a worker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_oppo_image.batch.worker_pool import MAX_UNWRITTEN
from bench.report import Figure, at_least, at_most
from tests.celery.batch_runs import UPLOAD, BatchRun
from tests.celery.conftest import LIMIT
from tests.support.celery_stack import WORKERS, CeleryStack

ROWS = 20_000
TIME_LIMIT_S = 200

GOAL = 0.90
"""Part of the rate limit that two workers must use together on an idle machine."""

FLOOR = 0.80
"""Part of the rate limit that they must use on any machine."""


@pytest.mark.timeout(400)
def test_workers_share_rate_limit_equally(
    airflow: CeleryStack, start_batch: Callable[[int, int], BatchRun], figures: list[Figure]
) -> None:
    batch = start_batch(ROWS, len(WORKERS))
    workers: dict[int, str] = {}

    def step() -> str:
        workers.update(airflow.workers_at(batch.run, UPLOAD))
        return airflow.database.end_of(batch.run)

    state = airflow.until(step, "the batch to finish", within=TIME_LIMIT_S)

    shares = batch.shares(workers)
    together = shares.rate / LIMIT
    less, more = sorted(shares.of(worker) for worker in WORKERS)
    problems = batch.problems()
    note = f"{shares.rate:.0f} uploads/s over the {shares.seconds:.0f} s in which both were active"
    figures += [
        at_least(
            "two Celery workers on one AppKey: together", 100 * together, f"% of {LIMIT}/s", 100 * GOAL, note=note
        ),
        at_most("the share of the one that did more", 100 * more, "%", 65),
        at_least("the share of the one that did less", 100 * less, "%", 35),
        at_most(f"rows of {ROWS:,} without exactly one result", len(problems), "", 0),
    ]
    assert problems == []
    assert sorted(workers.values()) == sorted(WORKERS)
    assert together >= FLOOR
    assert 0.35 <= less <= more <= 0.65
    assert state == "success"


@pytest.mark.timeout(400)
def test_killed_worker_loses_no_row(
    airflow: CeleryStack, start_batch: Callable[[int, int], BatchRun], figures: list[Figure]
) -> None:
    batch = start_batch(ROWS, len(WORKERS) + 1)
    killed = WORKERS[-1]

    def parts_of_killed_worker() -> list[int]:
        return [index for index, worker in airflow.workers_at(batch.run, UPLOAD).items() if worker == killed]

    airflow.until(
        lambda: batch.accepted() >= ROWS / 2 and parts_of_killed_worker(), "half of the rows", within=TIME_LIMIT_S
    )
    [interrupted] = parts_of_killed_worker()
    airflow.kill(killed, children=True)
    state = airflow.wait_for(batch.run, within=TIME_LIMIT_S)

    tries = {
        task["map_index"]: task["try_number"] for task in airflow.database.tasks(batch.run) if task["task_id"] == UPLOAD
    }
    problems, repeated = batch.problems(), len(batch.uploads()) - ROWS
    figures += [
        at_most(f"rows of {ROWS:,} without exactly one result, a worker killed in the middle", len(problems), "", 0),
        at_most("pictures uploaded twice because of that", repeated, "", MAX_UNWRITTEN, note="the goal is one part"),
    ]
    assert problems == []
    assert tries == {index: 1 + (index == interrupted) for index in tries}
    assert repeated <= MAX_UNWRITTEN
    assert state == "success"
