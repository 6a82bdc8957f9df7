"""What the page takes from Airflow's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

if not HAS_PAGES:
    pytest.skip("this Airflow has no such pages", allow_module_level=True)

from airflow_provider_oppo_image.hooks.task_record import TaskRecord
from airflow_provider_oppo_image.plugins import stored
from airflow_provider_oppo_image.plugins.stored import task_of, tasks_of
from tests.plugins.conftest import Leave

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def test_a_run_s_records_come_in_the_order_in_which_they_were_left(session: Session, leave: Leave) -> None:
    for task_id in ("upload", "push", "check"):
        leave(task_id, TaskRecord("upload", task_id))
    leave("upload", TaskRecord("upload", "elsewhere"), run_id="run 2")
    leave("else", TaskRecord("upload"), key="return_value")
    tasks, count = tasks_of(session, "nightly", "run 1")
    assert [(task.task_id, task.record and task.record.campaign) for task in tasks] == [
        ("upload", "upload"),
        ("push", "push"),
        ("check", "check"),
    ]
    assert count == 3


@pytest.mark.parametrize(("left", "shown"), [(3, 3), (4, 4), (5, 4)])
def test_of_too_many_records_the_first_are_looked_at_and_all_are_counted(
    session: Session, leave: Leave, monkeypatch: pytest.MonkeyPatch, left: int, shown: int
) -> None:
    monkeypatch.setattr(stored, "MAX_RECORDS", 4)
    for index in range(left):
        leave("upload", TaskRecord("upload"), map_index=index)
    tasks, count = tasks_of(session, "nightly", "run 1")
    assert [task.map_index for task in tasks] == list(range(shown))
    assert count == left


def test_a_task_is_the_very_one_that_is_asked_for(session: Session, leave: Leave) -> None:
    leave("upload", TaskRecord("batch", "mine"), map_index=1)
    for other in ({"dag_id": "other"}, {"run_id": "other"}, {"map_index": 2}):
        leave("upload", TaskRecord("batch", "another's"), **{"map_index": 1} | other)
    leave("push", TaskRecord("push", "another's"), map_index=1)
    task = task_of(session, "nightly", "run 1", "upload", 1)
    assert task is not None
    assert task.record is not None
    assert task.record.campaign == "mine"
    assert task_of(session, "nightly", "run 1", "upload", -1) is None
    assert task_of(session, "nightly", "run 2", "upload", 1) is None


@pytest.mark.parametrize("value", [None, "x", {"step": "dance"}, {"batch": {"results": "/etc/passwd.csv"}}, [1]])
def test_what_is_no_record_is_told_as_none(session: Session, leave: Leave, value: object) -> None:
    leave("upload", value)
    task = task_of(session, "nightly", "run 1", "upload", -1)
    assert task is not None
    assert task.record is None
