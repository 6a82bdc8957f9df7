"""The page's FastAPI application and its static files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response

from airflow_provider_oppo_image.plugins.batch_page import download_batch, show_batch
from airflow_provider_oppo_image.plugins.pictures_page import show_pictures
from airflow_provider_oppo_image.plugins.web import HEADERS, PageError, render_error

_STATIC_FILES: Final = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


def create_app() -> FastAPI:
    """Return the application; every route requires a login."""
    app = FastAPI(dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/pictures", show_pictures, response_class=HTMLResponse)
    app.add_api_route("/batch", show_batch, response_class=HTMLResponse)
    app.add_api_route("/batch/download", download_batch)
    app.add_api_route("/static/{name}", static_file)
    for error in (HTTPException, RequestValidationError, PageError):
        app.add_exception_handler(error, render_error)
    return app


def static_file(name: str) -> Response:
    """Return the page's style sheet or its script.

    :param name: the file's name.
    """
    if name not in _STATIC_FILES:
        raise HTTPException(404)
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return Response(content, media_type=_STATIC_FILES[name], headers=HEADERS)
