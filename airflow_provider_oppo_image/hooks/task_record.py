"""Reports of a task: its record for the page, its log lines, and its errors as Airflow exceptions."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.connection import CONN_TYPE
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    Failure,
    OppoImageError,
    PictureError,
    docs_url_for,
    failure_from,
)
from airflow_provider_oppo_image.pictures.report import PictureReport, as_table
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.sdk import Context


log = logging.getLogger(__name__)


@contextlib.contextmanager
def airflow_errors() -> Iterator[None]:
    """Translate this package's errors into Airflow's, for any task that calls the hook.

    A permanent error becomes an `AirflowFailException`, so that Airflow does not retry. A transient error is raised
    unchanged, and Airflow retries. Both messages are one line with what was found, what is required and what to do, and
    end with the URL of the error's page. The log has a table for each picture that is not ready.
    """
    try:
        yield
    except OppoImageError as error:
        log_error(error)
        if error.permanent:
            raise AirflowFailException(str(error)) from error
        raise


def connection_not_found(conn_id: str) -> ConfigurationError:
    """Return the error for a connection that Airflow does not have.

    :param conn_id: the connection's id.
    """
    return ConfigurationError(
        f"Airflow has no connection {conn_id!r} that it can read. Add one of type {CONN_TYPE!r}, or set "
        f"AIRFLOW_CONN_{conn_id.upper()}; its extra must be a JSON object.",  # else 3.0 and 3.1 report it as missing
        permanent=False,  # a secrets backend that is down has the same effect
    )


@contextlib.contextmanager
def log_group(title: str) -> Iterator[None]:
    """Collapse the log lines of the block into one group in Airflow's log viewer.

    :param title: the group's title.
    """
    log.info("::group::%s", title)
    try:
        yield
    finally:
        log.info("::endgroup::")


def log_error(error: OppoImageError) -> None:
    """Log an error, and replace its message by its summary line; a second call with the same error does nothing.

    Airflow 3 does not show an exception's notes, and makes a URL clickable only in a log line of its own.

    :param error: the error that fails the task.
    """
    if str(error).endswith(docs_url_for(error)):
        return
    if isinstance(error, PictureError):
        log_reports(error.reports)
    error.args = (summary_line(error),)
    log.error("%s", error)


def log_reports(reports: Iterable[Mapping[str, Any]]) -> None:
    """Log a table for each picture that is not ready; more than one table are a group.

    :param reports: reports as `PictureReport.to_dict` returns them, with an optional ``name``.
    """
    tables = [_with_name(data, as_table(PictureReport.from_dict(data))) for data in reports if data["problems"]]
    with log_group(f"{len(tables)} pictures with problems") if len(tables) > 1 else contextlib.nullcontext():
        for table in tables:
            log.error("%s", table)


def summary_line(error: OppoImageError) -> str:
    """Return an error as one line: what was found, what is required, what to do, and the URL of the error's page.

    :param error: the error that fails the task. Of several problems, the line has the most important one.
    """
    return f"{_first_line(error)} {docs_url_for(error)}"


def _first_line(error: OppoImageError) -> str:
    if not isinstance(error, PictureError) or not error.first_failing_report:
        # The rest of the message can be a table, which is in the log.
        return str(error).partition("\n")[0]
    report = PictureReport.from_dict(error.first_failing_report)
    line = f"{report.kind} picture {report.url} is {report.state}: {report.problems[0]}"
    several = sum(len(data["problems"]) for data in error.reports) > 1
    return ("The first of several problems: " if several else "") + _with_name(error.first_failing_report, line)


def _with_name(data: Mapping[str, Any], text: str) -> str:
    return f"{data['name']}: {text}" if data.get("name") else text


XCOM_KEY: Final = "oppo_image_record"

Step: TypeAlias = Literal["prepare", "wait", "upload", "push", "batch"]


@dataclass
class PictureRecord:
    """A picture of a task.

    :param kind: "big" or "small".
    :param url: its URL without the query; "" if only its id is known.
    :param name: the name that the task has for it, such as a campaign's name; "" if it has none.
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

    def mark_uploaded(self, picture_id: str, uploaded_at: str) -> None:
        """Set the picture id and the time of the upload.

        :param picture_id: its id.
        :param uploaded_at: the time of the upload, in ISO 8601 with the offset.
        """
        self.picture_id = picture_id
        self.uploaded_at = uploaded_at


@dataclass
class PushRecord:
    """The push of a task.

    :param title: the notification's title; "" if it has none.
    :param text: its text; "" if it has none.
    :param sent: whether the service accepted it; a push that is only validated is not sent.
    :param msg_id: its message id; None if it is not known.
    """

    title: str
    text: str
    sent: bool = False
    msg_id: str | None = None


@dataclass
class TaskRecord:
    """Record of a task and its pictures, filled in while the task runs.

    :param step: the kind of task.
    :param campaign: the campaign's name; "" if it has none.
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
    :param campaign: the campaign's name; None or a template's rendered None for no name.
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
