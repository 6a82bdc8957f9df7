"""Task records: what a task did with its pictures, pushed to XCom for the page of a run's pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import Failure, OppoImageError, failure_from
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

XCOM_KEY: Final = "oppo_image_record"

Step: TypeAlias = Literal["prepare", "wait", "upload", "push", "batch"]


@dataclass
class PictureRecord:
    """A picture of a task.

    :param kind: "big" or "small".
    :param url: its URL without the query; "" if only its id is known.
    :param name: the name that the task has for it, such as a campaign's name; "" if there is none.
    :param report: the report of the check; None if it was not checked.
    :param picture_id: its id; None if it has none.
    :param uploaded_at: the time of the upload, in ISO 8601 with the offset; None if that is not known.
    :param failure: why the upload failed; None if it succeeded or was not tried.
    """

    kind: PictureKind
    url: str = ""
    name: str = ""
    report: PictureReport | None = None
    picture_id: str | None = None
    uploaded_at: str | None = None
    failure: Failure | None = None

    def mark_uploaded(self, picture_id: str, uploaded_at: str | None = None) -> None:
        """Set the picture id and the time of the upload.

        :param picture_id: its id.
        :param uploaded_at: the time of the upload, in ISO 8601 with the offset; None for now.
        """
        self.picture_id = picture_id
        self.uploaded_at = uploaded_at or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@dataclass
class PushRecord:
    """The push of a task.

    :param title: the notification's title; "" if there is none.
    :param text: its text; "" if there is none.
    :param sent: whether the service accepted it; a push that is only validated is not sent.
    :param msg_id: its message id; None if it is not known.
    """

    title: str
    text: str
    sent: bool = False
    msg_id: str | None = None


@dataclass
class TaskRecord:
    """What a task did with its pictures, filled in while it runs.

    :param step: the kind of task.
    :param campaign: the campaign's name; "" if there is none.
    :param pictures: its pictures; a task with many pictures has only those with problems.
    :param push: its push; None for other tasks, and before the push is composed.
    :param batch: the result of its batch; None for other tasks, and before the batch has finished.
    :param failure: why it failed, if it failed with one of this package's errors.
    """

    step: Step
    campaign: str = ""
    pictures: list[PictureRecord] = field(default_factory=list)
    push: PushRecord | None = None
    batch: Summary | None = None
    failure: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        data: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return data


@contextlib.contextmanager
def record_task(context: Context, step: Step, campaign: object = None) -> Iterator[TaskRecord]:
    """Push a record to XCom when the block ends: with a value, an error, a deferral or a reschedule.

    :param context: the context of the running task.
    :param step: the kind of task.
    :param campaign: the campaign's name; None, or what a template makes of None, if there is none.
    """
    record = TaskRecord(step, "" if is_blank(campaign) else str(campaign))
    try:
        yield record
    except OppoImageError as error:
        record.failure = failure_from(error)
        raise
    finally:
        _push_record(context, record)


def picture_records(reports: Iterable[Mapping[str, Any]]) -> list[PictureRecord]:
    """Return a record for each report.

    :param reports: reports as `PictureReport.to_dict` returns them, with an optional ``name``.
    """
    return [
        PictureRecord(data["kind"], data["url"], str(data.get("name") or ""), PictureReport.from_dict(data))
        for data in reports
    ]


def _push_record(context: Context, record: TaskRecord) -> None:
    try:
        context["ti"].xcom_push(key=XCOM_KEY, value=record.to_json())
    except Exception:
        # A missing record must not fail the task.
        log.exception("The record of this task could not be stored, so the page of pictures does not show the task")
