"""A batch_run's pictures on several workers: the share of each, and what is left when one of them is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_oppo_image.batch.worker_pool import MAX_UNWRITTEN
from bench.report import Figure, at_least, at_most
from tests.celery.batch_runs import UPLOAD, BatchRun
from tests.celery.conftest import LIMIT
from tests.support.celery_stack import WORKERS, CeleryStack

ROWS = 20_000
PATIENCE_S = 200

GOAL = 0.90
"""What two workers must reach together, as a part of the limit, on a machine that does nothing else."""

FLOOR = 0.80
"""What they must reach on any machine, however busy."""


@pytest.mark.timeout(400)
def test_two_workers_find_equal_shares_of_the_limit_and_lose_nothing(
    airflow: CeleryStack, start_batch: Callable[[int, int], BatchRun], figures: list[Figure]
) -> None:
    batch_run = start_batch(ROWS, len(WORKERS))
    workers: dict[int, str] = {}

    def step() -> str:
        workers.update(airflow.workers_at(batch_run.run, UPLOAD))
        return airflow.database.end_of(batch_run.run)

    state = airflow.until(step, "the batch_run to end", within=PATIENCE_S)

    shares = batch_run.shares(workers)
    together = shares.rate / LIMIT
    less, more = sorted(shares.of(worker) for worker in WORKERS)
    problems = batch_run.problems()
    note = f"{shares.rate:.0f} uploads/s over the {shares.seconds:.0f} s in which both were at work"
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
def test_a_worker_that_is_killed_loses_no_row(
    airflow: CeleryStack, start_batch: Callable[[int, int], BatchRun], figures: list[Figure]
) -> None:
    batch_run = start_batch(ROWS, len(WORKERS) + 1)
    lost = WORKERS[-1]

    def parts_at_the_lost() -> list[int]:
        return [index for index, worker in airflow.workers_at(batch_run.run, UPLOAD).items() if worker == lost]

    airflow.until(
        lambda: batch_run.accepted() >= ROWS / 2 and parts_at_the_lost(), "half of the rows", within=PATIENCE_S
    )
    [interrupted] = parts_at_the_lost()
    airflow.kill(lost, children=True)
    state = airflow.wait_for(batch_run.run, within=PATIENCE_S)

    tries = {
        task["map_index"]: task["try_number"]
        for task in airflow.database.tasks(batch_run.run)
        if task["task_id"] == UPLOAD
    }
    problems, again = batch_run.problems(), len(batch_run.uploads()) - ROWS
    figures += [
        at_most(f"rows of {ROWS:,} without exactly one result, a worker killed in the middle", len(problems), "", 0),
        at_most("pictures uploaded twice because of that", again, "", MAX_UNWRITTEN, note="the goal is one part"),
    ]
    assert problems == []
    assert tries == {index: 1 + (index == interrupted) for index in tries}
    assert again <= MAX_UNWRITTEN
    assert state == "success"
