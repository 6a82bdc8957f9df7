"""Translation of this package's errors for Airflow, and their log output."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.errors import OppoImageError, PictureError, docs_url_for
from airflow_provider_oppo_image.pictures.report import PictureReport, as_table

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
