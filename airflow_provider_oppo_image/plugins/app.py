"""The page's application: its addresses, and the run's page among them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response

from airflow_provider_oppo_image.plugins.access import ReadableDag
from airflow_provider_oppo_image.plugins.batch_routes import save_batch, show_batch
from airflow_provider_oppo_image.plugins.joining import campaigns_of
from airflow_provider_oppo_image.plugins.page import PageQuery, pictures_page
from airflow_provider_oppo_image.plugins.stored import run_exists, tasks_of
from airflow_provider_oppo_image.plugins.web import HEADERS, MapIndex, PageError, render_error, words_of

_STATIC: Final = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


def create_app() -> FastAPI:
    """Return the application; each of its addresses is for those who are logged in."""
    app = FastAPI(dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/pictures", show_pictures, response_class=HTMLResponse)
    app.add_api_route("/batch", show_batch, response_class=HTMLResponse)
    app.add_api_route("/batch/download", save_batch)
    app.add_api_route("/static/{name}", give_static)
    for error in (HTTPException, RequestValidationError, PageError):
        app.add_exception_handler(error, render_error)
    return app


def show_pictures(
    request: Request,
    dag_id: ReadableDag,
    run_id: str,
    map_index: MapIndex,
    session: SessionDep,
    task_id: str = "",
    problems: bool = False,
    name: Annotated[str, Query(max_length=200)] = "",
    number: int = 1,
) -> HTMLResponse:
    """Show the pictures of a run, or those of one of its tasks.

    :param dag_id: the DAG, which the user may read.
    :param run_id: the run.
    :param task_id: one task; "" for all.
    :param map_index: which of its mapped instances.
    :param problems: only campaigns with problems.
    :param name: only campaigns in whose name this stands.
    :param number: which page, from 1.
    """
    if not run_exists(session, dag_id, run_id):
        raise HTTPException(404)
    tasks, records = tasks_of(session, dag_id, run_id)
    asked = PageQuery(dag_id, run_id, task_id, map_index, problems, name.strip(), number)
    page = pictures_page(words_of(request), asked, campaigns_of(tasks), tasks, records)
    return HTMLResponse(page, headers=HEADERS)


def give_static(name: str) -> Response:
    """Give the page's style sheet or its script.

    :param name: of the file.
    """
    if name not in _STATIC:
        raise HTTPException(404)
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return Response(content, media_type=_STATIC[name], headers=HEADERS)
