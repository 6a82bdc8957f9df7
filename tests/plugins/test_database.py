from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

if not HAS_PAGES:
    pytest.skip("this Airflow has no such pages", allow_module_level=True)

from airflow.models.dagrun import DagRun
from sqlalchemy import insert

from airflow_provider_oppo_image.hooks.task_record import TaskRecord
from airflow_provider_oppo_image.plugins import database
from airflow_provider_oppo_image.plugins.database import load_task, load_tasks, run_exists
from tests.plugins.conftest import AddTask

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def test_load_tasks_returns_the_oldest_record_first(session: Session, add_task: AddTask) -> None:
    for task_id in ("upload", "push", "check"):
        add_task(task_id, TaskRecord("upload", task_id))
    add_task("upload", TaskRecord("upload", "another run"), run_id="run 2")
    add_task("another_key", TaskRecord("upload"), key="return_value")
    tasks, count = load_tasks(session, "nightly", "run 1")
    assert [(task.task_id, task.record and task.record.campaign) for task in tasks] == [
        ("upload", "upload"),
        ("push", "push"),
        ("check", "check"),
    ]
    assert count == 3


def test_run_exists(session: Session) -> None:
    columns = {"run_type": "manual", "run_after": datetime.datetime.now(datetime.UTC), "state": "success"}
    session.execute(insert(DagRun), [{"dag_id": "nightly", "run_id": "run 1", "log_template_id": 1, **columns}])
    assert run_exists(session, "nightly", "run 1")
    assert not run_exists(session, "nightly", "run 2")


@pytest.mark.parametrize(("records", "loaded"), [(3, 3), (4, 4), (5, 4)])
def test_load_tasks_has_a_limit_and_counts_all(
    session: Session, add_task: AddTask, monkeypatch: pytest.MonkeyPatch, records: int, loaded: int
) -> None:
    monkeypatch.setattr(database, "MAX_RECORDS", 4)
    for index in range(records):
        add_task("upload", TaskRecord("upload"), map_index=index)
    tasks, count = load_tasks(session, "nightly", "run 1")
    assert [task.map_index for task in tasks] == list(range(loaded))
    assert count == records


def test_load_task_returns_exactly_this_task(session: Session, add_task: AddTask) -> None:
    add_task("upload", TaskRecord("batch", "mine"), map_index=1)
    for other in ({"dag_id": "other"}, {"run_id": "other"}, {"map_index": 2}):
        add_task("upload", TaskRecord("batch", "another"), **{"map_index": 1} | other)
    add_task("push", TaskRecord("push", "another"), map_index=1)
    task = load_task(session, "nightly", "run 1", "upload", 1)
    assert task is not None
    assert task.record is not None
    assert task.record.campaign == "mine"
    assert load_task(session, "nightly", "run 1", "upload", -1) is None
    assert load_task(session, "nightly", "run 2", "upload", 1) is None


@pytest.mark.parametrize("value", [None, "x", {"step": "dance"}, {"batch": {"results": "/etc/passwd.csv"}}, [1]])
def test_load_task_without_a_valid_record(session: Session, add_task: AddTask, value: object) -> None:
    add_task("upload", value)
    task = load_task(session, "nightly", "run 1", "upload", -1)
    assert task is not None
    assert task.record is None
