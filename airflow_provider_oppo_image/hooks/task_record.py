"""Task records: what a task did about its pictures, pushed to XCom for the page."""

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
    from airflow.providers.common.compat.sdk import Context


XCOM_KEY: Final = "oppo_image_record"

Step: TypeAlias = Literal["prepare", "wait", "upload", "push", "batch"]


@dataclass
class PictureRecord:
    """What a task knows of a picture.

    :param kind: "big" or "small".
    :param url: where it is, without its query; "" where only its id is known.
    :param name: what the task calls it, such as a campaign's name; "" for nothing.
    :param report: what the check found; None where it was not looked at.
    :param picture_id: its id; None where it has none.
    :param uploaded_at: when it got its id, in ISO 8601 with the offset; None where that is not known.
    :param failure: why it was not uploaded; None where it was, or was not tried.
    """

    kind: PictureKind
    url: str = ""
    name: str = ""
    report: PictureReport | None = None
    picture_id: str | None = None
    uploaded_at: str | None = None
    failure: Failure | None = None

    def note_id(self, picture_id: str, uploaded_at: str | None = None) -> None:
        """Note that it is uploaded.

        :param picture_id: its id.
        :param uploaded_at: when it was uploaded, in ISO 8601 with the offset; None for now.
        """
        self.picture_id = picture_id
        self.uploaded_at = uploaded_at or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@dataclass
class PushRecord:
    """What a task knows of its push.

    :param title: the notification's title; "" for none.
    :param text: its text; "" for none.
    :param sent: whether the service accepted it; a push that is only validated is not sent.
    :param msg_id: its message id; None where it is not known.
    """

    title: str
    text: str
    sent: bool = False
    msg_id: str | None = None


@dataclass
class TaskRecord:
    """What a task did about pictures, filled in as it goes, and whatever comes in between.

    :param step: what kind of task it is.
    :param campaign: what people call what it is for; "" for nothing.
    :param pictures: what it knows of its pictures; a task of many names those with problems.
    :param push: what it knows of its push; None for tasks that do not push, and before it is composed.
    :param batch: how its batch ended; None for other tasks, and before.
    :param failure: why it failed, where that is one of this package's errors.
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


log = logging.getLogger(__name__)


@contextlib.contextmanager
def record_task(context: Context, step: Step, campaign: object = None) -> Iterator[TaskRecord]:
    """Leave a record in XCom when the block ends: with a value, an error, a deferral or a reschedule.

    :param context: the context of the running task.
    :param step: what kind of task it is.
    :param campaign: what people call what it is for; None, and what a template makes of None, for nothing.
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
    """Return what reports tell of pictures.

    :param reports: what `PictureReport.to_dict` made, with a ``name`` where there is one.
    """
    return [
        PictureRecord(data["kind"], data["url"], str(data.get("name") or ""), PictureReport.from_dict(data))
        for data in reports
    ]


def _push_record(context: Context, record: TaskRecord) -> None:
    try:
        context["ti"].xcom_push(key=XCOM_KEY, value=record.to_json())
    except Exception:
        # The page is for people to look at: whatever it lacks, the task's own end stands.
        log.exception("The record of this task for the page of pictures was not kept")
