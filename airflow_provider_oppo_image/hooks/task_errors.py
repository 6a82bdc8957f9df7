"""Translation of this package's errors for Airflow, and their log output."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.connection import CONN_TYPE
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, PictureError, docs_url_for
from airflow_provider_oppo_image.pictures.report import PictureReport, as_table


@contextlib.contextmanager
def airflow_errors() -> Iterator[None]:
    """Translate this package's errors into Airflow's, for any task that calls the hook.

    A permanent error becomes an `AirflowFailException`, so that Airflow does not retry what cannot succeed; one that
    may pass goes through, and Airflow retries. Either says in a line what was found, what was asked for and what to do,
    and ends with the address of its page; the log has the tables of pictures that are not ready.
    """
    try:
        yield
    except OppoImageError as error:
        from airflow_provider_oppo_image.hooks.task_errors import log_error

        log_error(error)
        if error.permanent:
            raise AirflowFailException(str(error)) from error
        raise


def no_such_connection(conn_id: str) -> ConfigurationError:
    """Return the error for a connection that Airflow does not have; it may pass.

    :param conn_id: the connection's id.
    """
    return ConfigurationError(
        f"Airflow has no connection {conn_id!r} that it can read. Add one of type {CONN_TYPE!r}, or set "
        f"AIRFLOW_CONN_{conn_id.upper()}; its extra must be a JSON object.",  # or 3.0 and 3.1 say that there is none
        permanent=False,  # a secrets backend that is down looks the same
    )


log = logging.getLogger(__name__)


@contextlib.contextmanager
def log_group(title: str) -> Iterator[None]:
    """Have Airflow's page of the log fold what is logged meanwhile; the fold ends with the block, however that ends.

    :param title: what stands in place of the lines.
    """
    log.info("::group::%s", title)
    try:
        yield
    finally:
        log.info("::endgroup::")


def log_error(error: OppoImageError) -> None:
    """Write what is wrong to the log, and have the error end with the address of its page; once for each error.

    The error's own words are replaced, since Airflow 3 shows no notes; a line of the log comes before, since an address
    can be clicked only there.

    :param error: what the task fails with.
    """
    if str(error).endswith(docs_url_for(error)):
        return
    if isinstance(error, PictureError):
        log_reports(error.reports)
    error.args = (summary_line(error),)
    log.error("%s", error)


def log_reports(reports: Iterable[Mapping[str, Any]]) -> None:
    """Write a table of each picture that is not ready, in a fold where there are several.

    :param reports: what `PictureReport.to_dict` made, with a ``name`` where there is one.
    """
    tables = [_named(data, as_table(PictureReport.from_dict(data))) for data in reports if data["problems"]]
    with log_group(f"{len(tables)} pictures with problems") if len(tables) > 1 else contextlib.nullcontext():
        for table in tables:
            log.error("%s", table)


def summary_line(error: OppoImageError) -> str:
    """Say in a line what was found, what was asked for and what to do, and where the page on it is.

    :param error: what the task fails with; of several problems the first to mend is told.
    """
    return f"{_in_a_line(error)} {docs_url_for(error)}"


def _in_a_line(error: OppoImageError) -> str:
    if not isinstance(error, PictureError) or not error.first_failing_report:
        # A table may follow, which stands in the log.
        return str(error).partition("\n")[0]
    report = PictureReport.from_dict(error.first_failing_report)
    line = f"{report.kind} picture {report.url} is {report.state}: {report.problems[0]}"
    several = sum(len(data["problems"]) for data in error.reports) > 1
    return ("The first of several problems: " if several else "") + _named(error.first_failing_report, line)


def _named(data: Mapping[str, Any], words: str) -> str:
    return f"{data['name']}: {words}" if data.get("name") else words
