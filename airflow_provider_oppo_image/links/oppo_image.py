"""The links of a task: to the page that shows its pictures, and to the vendor's console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES, BaseOperatorLink, conf

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import TaskInstanceKey

RUN_ROUTE: Final = "oppo-pictures"
"""The name of a run's page in Airflow's addresses."""

TASK_ROUTE: Final = "oppo-task-pictures"
"""The name of a task's page there; not the other's, or Airflow shows the run's."""

CONSOLE_URL: Final = "https://console.engagelab.com"
"""The vendor's console. Source: pages of others; the vendor's own documentation names no address."""


class PicturesLink(BaseOperatorLink):
    """Leads to the page of a task's pictures, in Airflow 3.1 and later."""

    name = "OPPO pictures"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the page's address.

        :param operator: the task's operator.
        :param ti_key: which task of which run.
        """
        base = conf.get("api", "base_url", fallback="") or "/"
        dag, run, task = (quote(name, safe="") for name in (ti_key.dag_id, ti_key.run_id, ti_key.task_id))
        mapped = "" if ti_key.map_index < 0 else f"/mapped/{ti_key.map_index}"
        return f"{base.rstrip('/')}/dags/{dag}/runs/{run}/tasks/{task}{mapped}/plugin/{TASK_ROUTE}"


class ConsoleLink(BaseOperatorLink):
    """Leads to the vendor's console."""

    name = "EngageLab console"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the console's address, the same for every task.

        :param operator: the task's operator.
        :param ti_key: which task of which run.
        """
        return CONSOLE_URL


LINKS: Final = (PicturesLink(), ConsoleLink()) if HAS_PAGES else (ConsoleLink(),)
"""What each task of this package shows."""
