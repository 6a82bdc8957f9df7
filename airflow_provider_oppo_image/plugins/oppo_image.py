"""Airflow plugin that adds the pictures page to DAG runs and tasks (Airflow 3.1 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES
from airflow_provider_oppo_image.links.oppo_image import RUN_ROUTE, TASK_ROUTE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX: Final = "oppo-image"

_RUN: Final = f"{PREFIX}/pictures?dag_id={{DAG_ID}}&run_id={{RUN_ID}}"
_TASK: Final = f"{_RUN}&task_id={{TASK_ID}}&map_index={{MAP_INDEX}}"


class LazyApp:
    """ASGI wrapper that creates the application at the first request, because every Airflow process imports plugins."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if self._app is None:
            from airflow_provider_oppo_image.plugins.app import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


def _view(destination: str, href: str, route: str) -> dict[str, Any]:
    # The address is relative, since Airflow may be served below a path prefix.
    return {"name": "OPPO pictures", "destination": destination, "href": href, "url_route": route}


_APPS: Final = [{"name": "oppo_image", "app": LazyApp(), "url_prefix": f"/{PREFIX}"}]
_VIEWS: Final = [_view("dag_run", _RUN, RUN_ROUTE), _view("task_instance", _TASK, TASK_ROUTE)]


class OppoImagePlugin(AirflowPlugin):
    """Registers the pictures page; registers nothing before Airflow 3.1, where plugins cannot add such pages."""

    name = "oppo_image"
    fastapi_apps = _APPS if HAS_PAGES else []
    external_views = _VIEWS if HAS_PAGES else []
