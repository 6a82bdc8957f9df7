"""The page's application: its addresses, who may see what, and what every answer carries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response

from airflow_provider_oppo_image.plugins.access import ReadableDag
from airflow_provider_oppo_image.plugins.joining import campaigns_of
from airflow_provider_oppo_image.plugins.page import Asked, pictures_page, trouble_page
from airflow_provider_oppo_image.plugins.stored import run_exists, tasks_of
from airflow_provider_oppo_image.plugins.words import Words, words_for

HEADERS: Final = {
    # Pictures are wherever campaigns have theirs; nothing else comes from elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; img-src http: https:; style-src 'self'; script-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}

_STATIC: Final = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


def create_app() -> FastAPI:
    """Return the application; each of its addresses is for those who are logged in."""
    app = FastAPI(dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/pictures", show_pictures, response_class=HTMLResponse)
    app.add_api_route("/static/{name}", give_static)
    app.add_exception_handler(HTTPException, _tell_trouble)
    app.add_exception_handler(RequestValidationError, _tell_trouble)
    return app


def show_pictures(
    request: Request,
    dag_id: ReadableDag,
    run_id: str,
    session: SessionDep,
    task_id: str = "",
    map_index: str = "-1",
    problems: bool = False,
    name: Annotated[str, Query(max_length=200)] = "",
    number: int = 1,
) -> HTMLResponse:
    """Show the pictures of a run, or those of one of its tasks.

    :param dag_id: the DAG, which the user may read.
    :param run_id: the run.
    :param task_id: one task; "" for all.
    :param map_index: which of its mapped tasks; what is no number means that it is not mapped, since Airflow leaves its
        placeholder in the address then.
    :param problems: only campaigns with problems.
    :param name: only campaigns in whose name this stands.
    :param number: which page, from 1.
    """
    if not run_exists(session, dag_id, run_id):
        raise HTTPException(404)
    tasks = tasks_of(session, dag_id, run_id)
    mapped = int(map_index) if map_index.isascii() and map_index.isdigit() else -1
    asked = Asked(dag_id, run_id, task_id, mapped, problems, name.strip(), number)
    page = pictures_page(_words(request), asked, campaigns_of(tasks), tasks)
    return HTMLResponse(page, headers=HEADERS)


def give_static(name: str) -> Response:
    """Give the page's style sheet or its script.

    :param name: of the file.
    """
    if name not in _STATIC:
        raise HTTPException(404)
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return Response(content, media_type=_STATIC[name], headers=HEADERS)


def _words(request: Request) -> Words:
    return words_for(request.headers.get("Accept-Language", ""))


def _tell_trouble(request: Request, error: Exception) -> HTMLResponse:
    status = error.status_code if isinstance(error, HTTPException) else 400
    return HTMLResponse(trouble_page(_words(request), status), status, headers=HEADERS)
