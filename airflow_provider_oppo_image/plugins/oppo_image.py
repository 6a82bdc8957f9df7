"""The plugin that adds the page of pictures to the DAG runs and tasks of Airflow 3.1 and later."""

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
    """The page's application, made at the first request: every process of Airflow imports its plugins."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self._app is None:
            from airflow_provider_oppo_image.plugins.app import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


def _view(destination: str, href: str, route: str) -> dict[str, Any]:
    # Relative, since Airflow may live below a path of its own.
    return {"name": "OPPO pictures", "destination": destination, "href": href, "url_route": route}


_APPS: Final = [{"name": "oppo_image", "app": LazyApp(), "url_prefix": f"/{PREFIX}"}]
_VIEWS: Final = [_view("dag_run", _RUN, RUN_ROUTE), _view("task_instance", _TASK, TASK_ROUTE)]


class OppoImagePlugin(AirflowPlugin):
    """Shows the pictures of a run as a phone would; nothing before Airflow 3.1, which has no such pages."""

    name = "oppo_image"
    fastapi_apps = _APPS if HAS_PAGES else []
    external_views = _VIEWS if HAS_PAGES else []
