"""The feature table matches the installed Airflow."""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airflow
import pytest

from airflow_provider_oppo_image import airflow_compat
from airflow_provider_oppo_image.airflow_compat import (
    FEATURES,
    BaseHook,
    Feature,
    airflow_version,
    earlier_try_since,
    push_outputs_separately,
)
from tests.support.tasks import make_context

AIRFLOW = Path(str(airflow.__file__)).parent


def has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def has_name(module: str, name: str) -> bool:
    return has_module(module) and hasattr(importlib.import_module(module), name)


def builds_forms_from_provider_info() -> bool:
    import airflow.providers_manager

    return "conn-fields" in inspect.getsource(airflow.providers_manager)


def has_pages() -> bool:
    from airflow.plugins_manager import AirflowPlugin

    return hasattr(AirflowPlugin, "external_views")


def has_task_state() -> bool:
    if not has_module("airflow.sdk.definitions.context"):
        return False
    from airflow.sdk.definitions.context import Context

    return "task_state_store" in Context.__annotations__


def has_asset_state() -> bool:
    import airflow.triggers.base

    return "asset_state_store" in inspect.getsource(airflow.triggers.base)


def reads_cli_commands() -> bool:
    return "cli" in json.loads((AIRFLOW / "provider_info.schema.json").read_text())["properties"]


def stores_null_xcoms() -> bool:
    if not has_module("airflow.api_fastapi.execution_api"):
        return True
    from airflow.api_fastapi.execution_api.routes.xcoms import set_xcom

    return inspect.signature(set_xcom).parameters["value"].default is None


CHECKS: dict[str, Callable[[], bool]] = {
    "XComs with the value None": stores_null_xcoms,
    "Asset watchers": lambda: has_name("airflow.sdk", "AssetWatcher"),
    "The page": has_pages,
    "A trigger reads": lambda: hasattr(BaseHook, "aget_connection"),
    "The connection's form": builds_forms_from_provider_info,
    "`airflow oppo-image": reads_cli_commands,
    "`OppoImageRetryPolicy`": lambda: has_module("airflow.sdk.definitions.retry_policy"),
    "A task keeps state": has_task_state,
    "The state of a watched picture": has_asset_state,
}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: str(feature.name))
def test_feature_available_matches_airflow(feature: Feature) -> None:
    [check] = [check for start, check in CHECKS.items() if feature.name.startswith(start)]
    assert check() == feature.available


def test_features_are_sorted_by_version() -> None:
    assert [feature.since for feature in FEATURES] == sorted(feature.since for feature in FEATURES)


@pytest.mark.parametrize("multiple_outputs", [True, False])
@pytest.mark.parametrize("do_xcom_push", [True, False])
@pytest.mark.parametrize("installed", ["2.11.2", "3.0.6", "3.1.8"])
def test_push_outputs_separately(
    installed: str, do_xcom_push: bool, multiple_outputs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow_compat, "airflow_version", lambda: installed)
    context: Any = make_context()
    task = context["ti"].task
    task.multiple_outputs, task.do_xcom_push = multiple_outputs, do_xcom_push
    push_outputs_separately(context, {"big_picture_id": "1-ab", "small_picture_id": None})
    if installed == "3.0.6" and do_xcom_push and multiple_outputs:
        assert context["ti"].pushed == {"big_picture_id": "1-ab", "small_picture_id": ""}
        assert not task.multiple_outputs, "Airflow would push them once more"
    else:
        assert context["ti"].pushed == {}
        assert task.multiple_outputs == multiple_outputs


def test_moved_names_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in airflow_compat._MODULES:
        assert getattr(airflow_compat, name) is not None
    monkeypatch.setitem(airflow_compat._MODULES, "Moved", ("no.such.module", "json", "json:loads"))
    assert airflow_compat.__getattr__("Moved") is json.loads
    monkeypatch.delattr(airflow_compat, "Moved")
    with pytest.raises(AttributeError, match="NoSuchName"):
        _ = airflow_compat.NoSuchName


def test_earlier_try_since_is_none_in_the_first_try() -> None:
    assert earlier_try_since(make_context()) is None


@pytest.mark.skipif(airflow_version().startswith("2."), reason="Airflow 2 has the tries in its database")
def test_earlier_try_since_is_when_the_run_was_due() -> None:
    context = make_context(try_number=2)
    assert earlier_try_since(context) == context["dag_run"].run_after


@pytest.mark.skipif(airflow_version().startswith("2."), reason="Airflow 2 has the tries in its database")
def test_earlier_try_since_unknown_is_datetime_min() -> None:
    unknown = SimpleNamespace(run_after=None, data_interval_end=None)
    since = earlier_try_since(make_context(try_number=2, dag_run=unknown))
    assert since == datetime.min.replace(tzinfo=UTC)
