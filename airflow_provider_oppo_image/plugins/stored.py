"""What Airflow's database holds of a run's pictures: the records of its tasks, and how these tasks stand."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import exists, func, select

from airflow_provider_oppo_image.hooks.task_record import XCOM_KEY, TaskRecord
from airflow_provider_oppo_image.plugins.campaigns import TaskView

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_RECORDS: Final = 5_000
"""So many tasks of a run are looked at, at most: ours."""

_RECORD: Final = TypeAdapter(TaskRecord)


def run_exists(session: Session, dag_id: str, run_id: str) -> bool:
    """Tell whether a DAG has a run.

    :param session: of Airflow's database.
    :param dag_id: the DAG.
    :param run_id: the run.
    """
    return bool(session.scalar(select(exists().where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))))


def tasks_of(session: Session, dag_id: str, run_id: str) -> tuple[list[TaskView], int]:
    """Return the tasks of a run that left a record, and how many these are.

    :param session: of Airflow's database.
    :param dag_id: the DAG.
    :param run_id: the run.
    :return: those that left it first, `MAX_RECORDS` at most, in the order in which they did; and how many did.
    """
    query = _query(dag_id, run_id)
    first = query.order_by(XComModel.timestamp, XComModel.task_id, XComModel.map_index).limit(MAX_RECORDS)
    tasks = [_task(*columns) for columns in session.execute(first)]
    if len(tasks) < MAX_RECORDS:
        return tasks, len(tasks)
    return tasks, session.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def task_of(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> TaskView | None:
    """Return a task of a run, if it left a record.

    :param session: of Airflow's database.
    :param dag_id: the DAG.
    :param run_id: the run.
    :param task_id: the task.
    :param map_index: which of its mapped instances; -1 where it is not mapped.
    """
    query = _query(dag_id, run_id).where(XComModel.task_id == task_id, XComModel.map_index == map_index)
    return next((_task(*columns) for columns in session.execute(query)), None)


def _query(dag_id: str, run_id: str) -> Any:
    return (
        select(
            XComModel.value,
            TaskInstance.task_id,
            TaskInstance.map_index,
            cast("Any", TaskInstance.rendered_map_index),  # SQLAlchemy's hybrid, of no type of its own
            TaskInstance.state,
            TaskInstance.end_date,
        )
        .join(
            TaskInstance,
            (XComModel.dag_id == TaskInstance.dag_id)
            & (XComModel.run_id == TaskInstance.run_id)
            & (XComModel.task_id == TaskInstance.task_id)
            & (XComModel.map_index == TaskInstance.map_index),
        )
        .where(XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == XCOM_KEY)
    )


def _task(
    value: Any, task_id: str, map_index: int, label: str | None, state: str | None, ended_at: datetime.datetime | None
) -> TaskView:
    return TaskView(task_id, map_index, label, str(state or ""), ended_at, _read(value))


def _read(value: Any) -> TaskRecord | None:
    """Read a record; None for what is none, since anybody who writes a DAG may use the key."""
    try:
        return _RECORD.validate_python(value)
    except ValidationError:
        return None
