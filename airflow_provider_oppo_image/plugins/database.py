"""Queries of Airflow's database for the task records of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import exists, func, select

from airflow_provider_oppo_image.hooks.task_record import XCOM_KEY, TaskRecord
from airflow_provider_oppo_image.plugins.campaigns import TaskView

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_RECORDS: Final = 5_000
"""Our own limit: the number of task records that are read for one run."""

MAX_RENDERED: Final = 100
"""Our own limit: the number of task instances whose rendered fields are read for one task."""

_RECORD: Final = TypeAdapter(TaskRecord)


def run_exists(session: Session, dag_id: str, run_id: str) -> bool:
    """Return True if the DAG has this run."""
    return bool(session.scalar(select(exists().where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))))


def load_tasks(session: Session, dag_id: str, run_id: str) -> tuple[list[TaskView], int]:
    """Return the tasks of a run that have a record, and their number.

    :return: the oldest records first, at most `MAX_RECORDS`; and the number of all records.
    """
    query = _select_records(dag_id, run_id)
    oldest = query.order_by(XComModel.timestamp, XComModel.task_id, XComModel.map_index).limit(MAX_RECORDS)
    tasks = [_task_view(*columns) for columns in session.execute(oldest)]
    if len(tasks) < MAX_RECORDS:
        return tasks, len(tasks)
    return tasks, session.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def load_task(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> TaskView | None:
    """Return one task of a run; None if it has no record.

    :param map_index: its map index; -1 for a task that is not mapped.
    """
    query = _select_records(dag_id, run_id).where(XComModel.task_id == task_id, XComModel.map_index == map_index)
    return next((_task_view(*columns) for columns in session.execute(query)), None)


def load_rendered_fields(
    session: Session, dag_id: str, task_id: str, run_id: str | None = None, map_index: int = -1
) -> list[dict[str, Any]]:
    """Return the rendered fields of a task. Workers write them; no user can edit them, unlike XComs.

    Airflow keeps them for the last runs of a task only, 30 by default.

    :param run_id: the run; None for all runs and map indices, at most `MAX_RENDERED`.
    :param map_index: its map index in that run; -1 for a task that is not mapped.
    """
    fields = RenderedTaskInstanceFields
    query = select(fields.rendered_fields).where(fields.dag_id == dag_id, fields.task_id == task_id)
    if run_id is not None:
        query = query.where(fields.run_id == run_id, fields.map_index == map_index)
    return [found for found in session.scalars(query.limit(MAX_RENDERED)) if isinstance(found, dict)]


def _select_records(dag_id: str, run_id: str) -> Any:
    return (
        select(
            XComModel.value,
            TaskInstance.task_id,
            TaskInstance.map_index,
            cast("Any", TaskInstance.rendered_map_index),  # a hybrid property, which SQLAlchemy does not type
            TaskInstance.state,
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


def _task_view(value: Any, task_id: str, map_index: int, label: str | None, state: str | None) -> TaskView:
    return TaskView(task_id, map_index, label, str(state or ""), _parse_record(value))


def _parse_record(value: Any) -> TaskRecord | None:
    """Return the record; None if the value is not one, since any DAG may push to this XCom key."""
    try:
        return _RECORD.validate_python(value)
    except ValidationError:
        return None
