"""How a task leaves its record for the page, however it ends."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.batch.outcomes import failure_of
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.missing import is_missing
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.task_record import XCOM_KEY, PictureRecord, Step, TaskRecord

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)


@contextlib.contextmanager
def telling(context: Context, step: Step, campaign: object = None) -> Iterator[TaskRecord]:
    """Leave a record in XCom when the block ends: with a value, an error, a deferral or a reschedule.

    :param context: the context of the running task.
    :param step: what kind of task it is.
    :param campaign: what people call what it is for; None, and what a template makes of None, for nothing.
    """
    record = TaskRecord(step, "" if is_missing(campaign) else str(campaign))
    try:
        yield record
    except OppoImageError as error:
        record.failure = failure_of(error)
        raise
    finally:
        _leave(context, record)


def of_reports(reports: Iterable[Mapping[str, Any]]) -> list[PictureRecord]:
    """Return what reports tell of pictures.

    :param reports: what `PictureReport.to_dict` made, with a ``name`` where there is one.
    """
    return [
        PictureRecord(data["kind"], data["url"], str(data.get("name") or ""), PictureReport.from_dict(data))
        for data in reports
    ]


def _leave(context: Context, record: TaskRecord) -> None:
    try:
        context["ti"].xcom_push(key=XCOM_KEY, value=record.to_json())
    except Exception:
        # The page is for people to look at: whatever it lacks, the task's own end stands.
        log.exception("The record of this task for the page of pictures was not kept")
