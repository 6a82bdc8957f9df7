"""The provider metadata matches Airflow's schemas, and what it names exists."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
import yaml
from airflow.providers_manager import ProvidersManager

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.airflow_compat import HAS_RETRY_POLICIES, Asset, airflow_version
from airflow_provider_oppo_image.connection import FIELDS, form_for_airflow_3
from airflow_provider_oppo_image.get_provider_info import get_provider_info
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from scripts.checkout import ROOT

INFO = get_provider_info()
[CONNECTION] = INFO["connection-types"]
SUBPACKAGES = ("hooks", "operators", "sensors", "triggers")


def schema(name: str) -> Any:
    return json.loads((Path(str(airflow.__file__)).parent / name).read_text())


def named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_info_matches_airflows_schema() -> None:
    jsonschema.validate(INFO, schema("provider_info.schema.json"))
    assert json.loads(json.dumps(INFO)) == INFO
    assert (INFO["package-name"], INFO["versions"]) == ("airflow-provider-oppo-image", [__version__])


@pytest.mark.skipif(not HAS_RETRY_POLICIES, reason="the schema of an earlier Airflow has other keys")
def test_provider_yaml_is_up_to_date_and_matches_airflows_schema() -> None:
    made = yaml.safe_load((ROOT / "provider.yaml").read_text())
    jsonschema.validate(made, schema("provider.yaml.schema.json"))
    assert INFO.items() <= made.items()


def test_asset_scheme_is_registered_and_normalized() -> None:
    providers: Any = ProvidersManager()
    handlers = providers.dataset_uri_handlers if airflow_version().startswith("2.") else providers.asset_uri_handlers
    assert "oppo-image" in handlers
    asset = Asset(uri="oppo-image://campaigns/spring/")
    assert asset.normalized_uri == "oppo-image://campaigns/spring"


def test_connection_type_matches_airflows_schema_and_the_hook() -> None:
    connection_types = schema("provider.yaml.schema.json")["properties"]["connection-types"]
    jsonschema.validate(INFO["connection-types"], connection_types)
    assert CONNECTION["connection-type"] == OppoImageHook.conn_type == "oppo_image"
    assert CONNECTION["hook-name"] == OppoImageHook.hook_name
    assert named(CONNECTION["hook-class-name"]) is OppoImageHook


def test_form_is_built_from_the_table() -> None:
    assert CONNECTION["conn-fields"] == form_for_airflow_3()["conn-fields"]
    assert set(CONNECTION["conn-fields"]) == {entry.name for entry in FIELDS}
    for field in CONNECTION["conn-fields"].values():
        jsonschema.validate(field["schema"]["default"], field["schema"])


@pytest.mark.parametrize("subpackage", SUBPACKAGES)
def test_modules_exist_and_have_a_known_integration(subpackage: str) -> None:
    integrations = {entry["integration-name"] for entry in INFO["integrations"]}
    for entry in INFO[subpackage]:
        assert entry["integration-name"] in integrations
        for module in entry["python-modules"]:
            importlib.import_module(module)


def test_decorator_commands_and_links_exist() -> None:
    [decorator] = INFO["task-decorators"]
    assert decorator.keys() == {"name", "class-name"}
    assert named(decorator["class-name"]).__name__ == f"{decorator['name']}_task"
    assert all(callable(named(path)) for path in (*INFO["cli"], *INFO["extra-links"]))


def test_installed_airflow_finds_the_provider() -> None:
    assert "airflow-provider-oppo-image" in ProvidersManager().providers
