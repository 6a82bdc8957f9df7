"""Modules that run in Airflow's API server, and need an Airflow that has pages of plugins."""

from __future__ import annotations

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

SERVED_BY_AIRFLOW = {
    f"airflow_provider_oppo_image.plugins.{name}"
    for name in ("app", "batch_page", "results_access", "database", "pictures_page", "web")
}


def skip_without_pages(module: str) -> None:
    if module in SERVED_BY_AIRFLOW and not HAS_PAGES:
        pytest.skip("this Airflow has no such pages")
