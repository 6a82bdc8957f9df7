"""The table of what only some Airflows can do is true on the installed one."""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Callable
from pathlib import Path

import airflow
import pytest

from airflow_provider_oppo_image.airflow_compat import FEATURES, BaseHook, Feature

AIRFLOW = Path(str(airflow.__file__)).parent


def has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def has_name(module: str, name: str) -> bool:
    return has_module(module) and hasattr(importlib.import_module(module), name)


def draws_forms_from_provider_info() -> bool:
    import airflow.providers_manager

    return "conn-fields" in inspect.getsource(airflow.providers_manager)


def has_pages() -> bool:
    from airflow.plugins_manager import AirflowPlugin

    return hasattr(AirflowPlugin, "external_views")


def remembers_for_tasks() -> bool:
    if not has_module("airflow.sdk.definitions.context"):
        return False
    from airflow.sdk.definitions.context import Context

    return "task_state_store" in Context.__annotations__


def remembers_for_assets() -> bool:
    import airflow.triggers.base

    return "asset_state_store" in inspect.getsource(airflow.triggers.base)


def reads_commands() -> bool:
    return "cli" in json.loads((AIRFLOW / "provider_info.schema.json").read_text())["properties"]


LOOKS: dict[str, Callable[[], bool]] = {
    "Asset watchers": lambda: has_name("airflow.sdk", "AssetWatcher"),
    "The page": has_pages,
    "A trigger reads": lambda: hasattr(BaseHook, "aget_connection"),
    "The connection's form": draws_forms_from_provider_info,
    "`airflow oppo-image": reads_commands,
    "`OppoImageRetryPolicy`": lambda: has_module("airflow.sdk.definitions.retry_policy"),
    "A task remembers": remembers_for_tasks,
    "A watched picture": remembers_for_assets,
}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: str(feature.name))
def test_a_feature_is_here_where_airflow_has_it(feature: Feature) -> None:
    [look] = [look for beginning, look in LOOKS.items() if feature.name.startswith(beginning)]
    assert look() == feature.is_here


def test_the_earliest_stands_first() -> None:
    assert [feature.since for feature in FEATURES] == sorted(feature.since for feature in FEATURES)
