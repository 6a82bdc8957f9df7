"""Links of a task: to the page with its pictures, and to the vendor's console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES, BaseOperatorLink, conf

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

RUN_ROUTE: Final = "oppo-pictures"
"""The URL route of a run's page in Airflow."""

TASK_ROUTE: Final = "oppo-task-pictures"
"""The URL route of a task's page; it must differ from the run's, or Airflow shows the run's page."""

CONSOLE_URL: Final = "https://console.engagelab.com"
"""The vendor's console. Source: third-party pages; the URL is not documented by EngageLab."""


class PicturesLink(BaseOperatorLink):
    """Link to the page with a task's pictures, in Airflow 3.1 and later."""

    name = "OPPO pictures"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the page."""
        base = conf.get("api", "base_url", fallback="") or "/"
        dag, run, task = (quote(name, safe="") for name in (ti_key.dag_id, ti_key.run_id, ti_key.task_id))
        mapped = "" if ti_key.map_index < 0 else f"/mapped/{ti_key.map_index}"
        return f"{base.rstrip('/')}/dags/{dag}/runs/{run}/tasks/{task}{mapped}/plugin/{TASK_ROUTE}"


class ConsoleLink(BaseOperatorLink):
    """Link to the vendor's console."""

    name = "EngageLab console"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the console."""
        return CONSOLE_URL


LINKS: Final = (PicturesLink(), ConsoleLink()) if HAS_PAGES else (ConsoleLink(),)
"""The links of every task of this package."""
