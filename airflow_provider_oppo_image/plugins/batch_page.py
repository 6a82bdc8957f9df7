"""The page of a batch's rows, and their download.

The path of the results comes only from the record of the requested task; no path in an address is opened, and
`results_access` decides whether the path in the record is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PictureKind
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.plugins.database import load_task
from airflow_provider_oppo_image.plugins.pictures_page import image_src
from airflow_provider_oppo_image.plugins.queries import CAUSE_PATTERN, BatchQuery, StateFilter, cause_key
from airflow_provider_oppo_image.plugins.results_access import ResultsNotOfTaskError, required_task
from airflow_provider_oppo_image.plugins.results_download import MEDIA_TYPES, DownloadFormat, download, file_name
from airflow_provider_oppo_image.plugins.results_reader import (
    ResultsNotFoundError,
    ResultsPendingError,
    ResultsRefusedError,
)
from airflow_provider_oppo_image.plugins.results_table import ResultsTable, ResultsTableCache
from airflow_provider_oppo_image.plugins.translations import Translation
from airflow_provider_oppo_image.plugins.web import (
    HEADERS,
    MapIndex,
    PageError,
    ReadableDag,
    request_translation,
    template,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_oppo_image.plugins.campaigns import TaskView

log = logging.getLogger(__name__)

PAGE_SIZE: Final = 50
"""Our own limit: the number of rows on a page."""

MAX_READERS: Final = 8
"""Our own limit: the number of requests that read results at the same time. Airflow's API server has 40 threads."""

_TABLES: Final = ResultsTableCache()
_READ_SLOTS: Final = threading.BoundedSemaphore(MAX_READERS)


@dataclass(frozen=True)
class RowPicture:
    """A picture of a row as the page displays it.

    :param kind: "big" or "small".
    :param picture_id: its id; None for none.
    :param url: its URL in the results; None for none.
    """

    kind: PictureKind
    picture_id: str | None
    url: str | None

    @property
    def src(self) -> str:
        """The address that a browser loads; "" if a browser cannot load it."""
        return image_src(self.url or "")

    @property
    def placeholder(self) -> str:
        """The name of the message in place of the picture."""
        return "placeholder_signed" if self.url else "placeholder_id" if self.picture_id else "placeholder_none"


def batch_query(
    dag_id: ReadableDag,
    run_id: str,
    task_id: str,
    map_index: MapIndex,
    state: StateFilter = "",
    cause: Annotated[str, Query(pattern=CAUSE_PATTERN)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
    number: int = 1,
) -> BatchQuery:
    """Return the query of a request; the parameters are those of `BatchQuery`."""
    return BatchQuery(dag_id, run_id, task_id, map_index, state, cause, text.strip(), number)


BatchQueryParam = Annotated[BatchQuery, Depends(batch_query)]


def show_batch(request: Request, query: BatchQueryParam, session: SessionDep) -> HTMLResponse:
    """Return the page of the rows that match a query."""
    task, summary, path, named = _load_batch(session, query)
    with read_slot():
        page = render_batch(request_translation(request), query, task, _results_table(path, named), summary)
    return HTMLResponse(page, headers=HEADERS)


def download_batch(query: BatchQueryParam, kind: DownloadFormat, session: SessionDep) -> StreamingResponse:
    """Return all rows that match a query as a file.

    :param kind: "csv" for a spreadsheet, "jsonl" for a program.
    """
    _, _, path, named = _load_batch(session, query)
    with read_slot():
        table = _results_table(path, named)
    disposition = {"Content-Disposition": f'attachment; filename="{file_name(path, kind)}"'}
    rows = download(table, kind, query.row_filter)
    return StreamingResponse(rows, headers=HEADERS | disposition, media_type=MEDIA_TYPES[kind])


def render_batch(
    translation: Translation, query: BatchQuery, task: TaskView, table: ResultsTable, summary: Summary
) -> str:
    """Return the HTML of the page.

    :param translation: the language.
    :param query: the rows to display.
    :param task: the batch's task.
    :param table: its results file as it is now.
    :param summary: the summary in the task's record.
    """
    page = table.page(query.row_filter, query.number, PAGE_SIZE)
    return template("batch.html").render(
        t=translation,
        query=query,
        task=task,
        page=page,
        first=(page.number - 1) * PAGE_SIZE + 1,
        summary=table.summary,
        is_newer=_counts(table.summary) != _counts(summary),
        causes={key: cause for cause in table.summary.causes if (key := cause_key(cause.fault, cause.code))},
        cause_key=cause_key,
        row_pictures=_row_pictures,
    )


def _counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.rows, summary.uploaded, summary.failed, summary.not_tried


def _row_pictures(row: RowResult) -> list[RowPicture]:
    by_kind: dict[PictureKind, RowPicture] = {
        "big": RowPicture("big", row.big_picture_id, row.big_picture_url),
        "small": RowPicture("small", row.small_picture_id, row.small_picture_url),
    }
    return [by_kind[kind] for kind in PICTURE_KINDS]


def _load_batch(session: Session, query: BatchQuery) -> tuple[TaskView, Summary, str, str | None]:
    """Return the task, the batch's summary, the path of its results, and the task that its rows must name."""
    task = load_task(session, query.dag_id, query.run_id, query.task_id, query.map_index)
    if task is None or task.record is None or task.record.batch is None:
        raise PageError(404, "no_batch")
    if not (results := task.record.batch.results):
        raise PageError(404, "no_results")
    try:
        named = required_task(session, results, query)
    except ResultsNotOfTaskError:
        raise PageError(404, "not_of_task") from None
    # Reading the results can take long; other requests need the database connection.
    session.close()
    return task, task.record.batch, results, named


@contextmanager
def read_slot() -> Iterator[None]:
    """Limit the requests that read results, so that slow storage does not occupy all threads of the API server.

    :raises PageError: 503 if `MAX_READERS` requests read results already.
    """
    if not _READ_SLOTS.acquire(blocking=False):
        raise PageError(503, "busy")
    try:
        yield
    finally:
        _READ_SLOTS.release()


def _results_table(path: str, named: str | None) -> ResultsTable:
    try:
        return _TABLES.get(path, named)
    except OppoImageError as error:
        if named is None:
            raise _page_error(error) from None
        # The same answer for every reason: a user who may edit XComs must not learn which files exist.
        raise PageError(404, "not_of_task") from None


def _page_error(error: OppoImageError) -> PageError:
    match error:
        case ResultsRefusedError():
            return PageError(409, "not_shown", str(error))
        case ResultsPendingError():
            return PageError(409, "not_written")
        case ResultsNotFoundError():
            return PageError(404, "not_there")
        case _:
            log.warning("The results of a batch cannot be displayed: %s", error)
            return PageError(503, "not_read")
