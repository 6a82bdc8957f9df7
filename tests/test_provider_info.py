"""What Airflow learns about the package is true, and written as Airflow wants it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.connection import FIELDS, form_for_airflow_3
from airflow_provider_oppo_image.get_provider_info import get_provider_info
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

INFO = get_provider_info()
[CONNECTION] = INFO["connection-types"]
ROOMS = ("hooks", "operators", "sensors", "triggers")
MODULES = [module for room in ROOMS for entry in INFO[room] for module in entry["python-modules"]]


def schema(name: str) -> Any:
    return json.loads((Path(str(airflow.__file__)).parent / name).read_text())


def test_the_info_is_what_the_installed_airflow_takes() -> None:
    jsonschema.validate(INFO, schema("provider_info.schema.json"))


def test_the_connections_form_is_what_the_installed_airflow_takes() -> None:
    described = schema("provider.yaml.schema.json")["properties"]["connection-types"]
    jsonschema.validate(INFO["connection-types"], described)


def test_the_info_is_json() -> None:
    assert json.loads(json.dumps(INFO)) == INFO


@pytest.mark.parametrize("name", MODULES)
def test_a_named_module_is_there(name: str) -> None:
    importlib.import_module(name)


def test_the_named_hook_is_there() -> None:
    module, _, name = CONNECTION["hook-class-name"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is OppoImageHook


def named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_the_task_decorator_is_named_where_airflow_reads_it_and_its_schemas_do_not() -> None:
    [entry] = INFO["task-decorators"]
    assert entry.keys() == {"name", "class-name"}
    assert named(entry["class-name"]).__name__ == f"{entry['name']}_task"


def test_the_named_commands_are_there() -> None:
    assert all(callable(named(path)) for path in INFO["cli"])


def test_the_connection_type_is_the_hooks() -> None:
    assert CONNECTION["connection-type"] == OppoImageHook.conn_type == "oppo_image"
    assert CONNECTION["hook-name"] == OppoImageHook.hook_name


def test_each_room_names_an_integration_that_there_is() -> None:
    known = {entry["integration-name"] for entry in INFO["integrations"]}
    for room in ROOMS:
        assert {entry["integration-name"] for entry in INFO[room]} <= known


def test_the_form_is_the_one_table() -> None:
    assert CONNECTION["conn-fields"] == form_for_airflow_3()["conn-fields"]
    assert set(CONNECTION["conn-fields"]) == {entry.name for entry in FIELDS}


def test_the_defaults_of_the_form_are_what_its_own_schemas_take() -> None:
    for described in CONNECTION["conn-fields"].values():
        jsonschema.validate(described["schema"]["default"], described["schema"])


def test_the_version_is_the_packages() -> None:
    assert INFO["versions"] == [__version__]
    assert INFO["package-name"] == "airflow-provider-oppo-image"


def test_the_installed_airflow_finds_the_provider() -> None:
    from airflow.providers_manager import ProvidersManager

    assert "airflow-provider-oppo-image" in ProvidersManager().providers
