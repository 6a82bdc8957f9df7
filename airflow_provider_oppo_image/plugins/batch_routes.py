"""The addresses of a batch's rows: a page of them, and a file to save.

Where the results are, the record of the very task says; nothing of an address is ever opened.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.plugins.access import ReadableDag
from airflow_provider_oppo_image.plugins.batch_asked import CAUSE, AskedState, BatchQuery
from airflow_provider_oppo_image.plugins.batch_page import batch_page
from airflow_provider_oppo_image.plugins.results_download import MEDIA_TYPES, DownloadFormat, download, file_name
from airflow_provider_oppo_image.plugins.results_reader import (
    ResultsNotFoundError,
    ResultsPendingError,
    ResultsRefusedError,
)
from airflow_provider_oppo_image.plugins.results_table import ResultsTableCache
from airflow_provider_oppo_image.plugins.stored import task_of
from airflow_provider_oppo_image.plugins.web import HEADERS, MapIndex, PageError, words_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_oppo_image.batch.progress import Summary
    from airflow_provider_oppo_image.plugins.campaigns import TaskView
    from airflow_provider_oppo_image.plugins.results_table import ResultsTable

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""So many requests look at results at once: ours, a fifth of the threads that Airflow's API server has for all."""

_TABLES: Final = ResultsTableCache()
_READ_SLOTS: Final = threading.BoundedSemaphore(AT_ONCE)


def batch_asked(
    dag_id: ReadableDag,
    run_id: str,
    task_id: str,
    map_index: MapIndex,
    state: AskedState = "",
    cause: Annotated[str, Query(pattern=CAUSE)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
    number: int = 1,
) -> BatchQuery:
    """Return what a request asks for, of a DAG that its user may read.

    :param dag_id: the DAG.
    :param run_id: the run.
    :param task_id: the task.
    :param map_index: which of its mapped instances.
    :param state: only rows that ended so.
    :param cause: only rows that failed so.
    :param text: only rows in which this stands.
    :param number: which page, from 1.
    """
    return BatchQuery(dag_id, run_id, task_id, map_index, state, cause, text.strip(), number)


Asked = Annotated[BatchQuery, Depends(batch_asked)]


def show_batch(request: Request, asked: Asked, session: SessionDep) -> HTMLResponse:
    """Show rows of a batch.

    :param asked: which ones.
    """
    task, told, path = _batch_of(session, asked)
    with _read_slot():
        page = batch_page(words_of(request), asked, task, _table(path), told)
    return HTMLResponse(page, headers=HEADERS)


def save_batch(asked: Asked, kind: DownloadFormat, session: SessionDep) -> StreamingResponse:
    """Give rows of a batch as a file to save, all pages of them.

    :param asked: which ones.
    :param kind: "csv" for a spreadsheet, "jsonl" for a program.
    """
    _, _, path = _batch_of(session, asked)
    with _read_slot():
        table = _table(path)
    saved_as = {"Content-Disposition": f'attachment; filename="{file_name(path, kind)}"'}
    rows = download(table, kind, asked.wanted)
    return StreamingResponse(rows, headers=HEADERS | saved_as, media_type=MEDIA_TYPES[kind])


def _batch_of(session: Session, asked: BatchQuery) -> tuple[TaskView, Summary, str]:
    """Return a task, how its batch ended, and where its results are."""
    task = task_of(session, asked.dag_id, asked.run_id, asked.task_id, asked.map_index)
    # To read the results can take a while, and others need the connection.
    session.close()
    if task is None or task.record is None or task.record.batch is None:
        raise PageError(404, "no_batch")
    if not task.record.batch.results:
        raise PageError(404, "no_results")
    return task, task.record.batch, task.record.batch.results


@contextmanager
def _read_slot() -> Iterator[None]:
    """Keep threads free for the rest of Airflow, however slow a storage is."""
    if not _READ_SLOTS.acquire(blocking=False):
        raise PageError(503, "busy")
    try:
        yield
    finally:
        _READ_SLOTS.release()


def _table(path: str) -> ResultsTable:
    try:
        return _TABLES.get(path)
    except ResultsRefusedError as error:
        raise PageError(409, "not_shown", str(error)) from None
    except ResultsPendingError:
        raise PageError(409, "not_written") from None
    except ResultsNotFoundError:
        raise PageError(404, "not_there") from None
    except OppoImageError as error:
        log.warning("A batch's results are not shown: %s", error)
        raise PageError(503, "not_read") from None
