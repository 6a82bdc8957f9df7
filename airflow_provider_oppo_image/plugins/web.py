"""Request handling that all routes of the page share: authorization, headers, templates, and the error page.

Airflow mounts a plugin's application without any authentication, so the routes check the user themselves.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Annotated, Final

import jinja2
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from airflow_provider_oppo_image.plugins.translations import Translation, translation_for

HEADERS: Final = {
    # Pictures may come from any host; everything else comes from Airflow's own server.
    "Content-Security-Policy": (
        "default-src 'none'; img-src http: https:; style-src 'self'; script-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}

_REQUIRED_ACCESS: Final = (DagAccessEntity.XCOM, DagAccessEntity.TASK_INSTANCE)


class PageError(Exception):
    """A request that is answered with the error page.

    :param status: the HTTP status.
    :param name: the suffix of the messages `error_...` and `advice_...`.
    :param detail: what was found, in English; "" for nothing.
    """

    def __init__(self, status: int, name: str, detail: str = "") -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.detail = detail


def readable_dag(dag_id: str, user: GetUserDep) -> str:
    """Return the DAG's id if the user may read its XComs and task instances.

    :param dag_id: the DAG, from the query; the page reads no other DAG.
    :param user: the logged-in user; without a login, Airflow responds with 401.
    :raises HTTPException: 403 if the user may not read the DAG, whether or not the DAG exists.
    """
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    auth_manager = get_auth_manager()
    for entity in _REQUIRED_ACCESS:
        if not auth_manager.is_authorized_dag(method="GET", access_entity=entity, details=details, user=user):
            raise HTTPException(403)
    return dag_id


ReadableDag = Annotated[str, Depends(readable_dag)]


def parse_map_index(map_index: str = "-1") -> int:
    """Return a task's map index; -1 for a task that is not mapped.

    :param map_index: from the query. A value that is not a number means "not mapped": Airflow then leaves its
        placeholder in the address.
    """
    return int(map_index) if re.fullmatch("[0-9]{1,9}", map_index) else -1


MapIndex = Annotated[int, Depends(parse_map_index)]


def request_translation(request: Request) -> Translation:
    """Return the translation for a request's `Accept-Language` header."""
    return translation_for(request.headers.get("Accept-Language", ""))


@functools.cache
def template(name: str) -> jinja2.Template:
    """Return a template; it escapes every value, unless the template marks the value as safe.

    :param name: its file name.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def render_error(request: Request, error: Exception) -> HTMLResponse:
    """Return the error page.

    :param request: the request.
    :param error: `PageError`, or an exception of FastAPI.
    """
    translation = request_translation(request)
    page_error = error if isinstance(error, PageError) else _page_error(error, translation)
    # Relative links, since Airflow may be served below a path prefix.
    root = "../" * (request.scope["path"].removeprefix(request.scope.get("root_path", "")).count("/") - 1)
    page = template("error.html").render(t=translation, name=page_error.name, detail=page_error.detail, root=root)
    return HTMLResponse(page, page_error.status, headers=HEADERS)


def _page_error(error: Exception, translation: Translation) -> PageError:
    status = error.status_code if isinstance(error, HTTPException) else 400
    known = f"error_{status}" in translation.messages
    return PageError(status, str(status if known else 400 if status < 500 else 500))
