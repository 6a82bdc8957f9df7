"""What Airflow's database holds of a run's pictures: the records of its tasks, and how these tasks stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import exists, select

from airflow_provider_oppo_image.plugins.campaigns import TaskSeen
from airflow_provider_oppo_image.task_record import XCOM_KEY, TaskRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_RECORDS: Final = 5_000
"""So many tasks of a run are shown at most: ours."""

_RECORD: Final = TypeAdapter(TaskRecord)


def run_exists(session: Session, dag_id: str, run_id: str) -> bool:
    """Tell whether a DAG has a run.

    :param session: of Airflow's database.
    :param dag_id: the DAG.
    :param run_id: the run.
    """
    return bool(session.scalar(select(exists().where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))))


def tasks_of(session: Session, dag_id: str, run_id: str) -> list[TaskSeen]:
    """Return the tasks of a run that left a record.

    :param session: of Airflow's database.
    :param dag_id: the DAG.
    :param run_id: the run.
    :return: in the order in which they left it; `MAX_RECORDS` at most.
    """
    query: Any = (
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
        .order_by(XComModel.timestamp, XComModel.task_id, XComModel.map_index)
        .limit(MAX_RECORDS)
    )
    return [
        TaskSeen(task_id, map_index, label, str(state or ""), ended_at, _read(value))
        for value, task_id, map_index, label, state, ended_at in session.execute(query)
    ]


def _read(value: Any) -> TaskRecord | None:
    """Read a record; None for what is none, since anybody who writes a DAG may use the key."""
    try:
        return _RECORD.validate_python(value)
    except ValidationError:
        return None
