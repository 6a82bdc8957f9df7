from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES
from airflow_provider_oppo_image.links.oppo_image import LINKS, RUN_ROUTE, TASK_ROUTE, ConsoleLink, PicturesLink
from airflow_provider_oppo_image.operators import oppo_image as operators
from airflow_provider_oppo_image.plugins.oppo_image import OppoImagePlugin
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor


@pytest.mark.parametrize(
    ("map_index", "base", "url"),
    [
        (-1, "https://a.example/air/", "https://a.example/air/dags/d/runs/r%2B1%2F2/tasks/g.up/plugin/" + TASK_ROUTE),
        (3, "https://a.example", "https://a.example/dags/d/runs/r%2B1%2F2/tasks/g.up/mapped/3/plugin/" + TASK_ROUTE),
        (3, "", "/dags/d/runs/r%2B1%2F2/tasks/g.up/mapped/3/plugin/" + TASK_ROUTE),
    ],
)
def test_pictures_link(monkeypatch: pytest.MonkeyPatch, map_index: int, base: str, url: str) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    key = SimpleNamespace(dag_id="d", run_id="r+1/2", task_id="g.up", map_index=map_index)
    assert PicturesLink().get_link(None, ti_key=key) == url


def test_links_on_every_task() -> None:
    for task in (*(getattr(operators, name) for name in operators.__all__), OppoImageSensor):
        assert task.operator_extra_links == LINKS
    assert [type(link) for link in LINKS] == ([PicturesLink, ConsoleLink] if HAS_PAGES else [ConsoleLink])


def test_routes_of_run_and_task_differ() -> None:
    routes = {view["destination"]: view["url_route"] for view in OppoImagePlugin.external_views}
    assert routes == ({"dag_run": RUN_ROUTE, "task_instance": TASK_ROUTE} if HAS_PAGES else {})
