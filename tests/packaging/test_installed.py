"""The installed package: Airflow finds the provider and everything that it declares."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any

import airflow
import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.get_provider_info import get_provider_info

NAME = "airflow-provider-oppo-image"

_FORM = "the connection's form, which Airflow draws from it since 3.2: its provider.yaml.schema.json has it"
_CATALOGUE = "what there is, which Airflow 3 reads; Airflow 2 has it in its provider.yaml.schema.json alone"
OUTSIDE_THE_SCHEMA = {
    "conn-fields": _FORM,
    "ui-field-behaviour": _FORM,
    "hook-name": _FORM,
    "versions": "what the provider was released as: Airflow's own providers have it in their provider.yaml",
    "cli": "the commands below airflow's own, since Airflow 3.2; the one before passes it over",
    "integrations": _CATALOGUE,
    "hooks": _CATALOGUE,
    "operators": _CATALOGUE,
    "sensors": _CATALOGUE,
}
"""The keys of our info that some Airflow's `provider_info.schema.json` does not name, each with the reason."""

pytestmark = pytest.mark.timeout(180)


def unnamed(value: Any, schema: dict[str, Any]) -> set[str]:
    """Return the keys within a value that its schema does not name."""
    if isinstance(value, list):
        return set().union(*(unnamed(each, schema.get("items", {})) for each in value))
    if not isinstance(value, dict) or "properties" not in schema:
        return set()
    named = schema["properties"]
    return (value.keys() - named.keys()).union(
        *(unnamed(value[key], named[key]) for key in value.keys() & named.keys())
    )


def airflow_says(*arguments: str, home: Path) -> Any:
    """Ask Airflow's command line, in a process of its own, and return its JSON."""
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "airflow", *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(next(line for line in reversed(done.stdout.splitlines()) if line.startswith("[")))


def test_unknown_provider_keys_have_a_reason() -> None:
    schema = json.loads((Path(str(airflow.__file__)).parent / "provider_info.schema.json").read_text())
    assert unnamed(get_provider_info(), schema) <= OUTSIDE_THE_SCHEMA.keys()


def test_version_is_the_package_version() -> None:
    assert distribution(NAME).version == __version__


@pytest.mark.parametrize("group", ["apache_airflow_provider", "airflow.plugins", "console_scripts"])
def test_entry_point_resolves(group: str) -> None:
    points = [point for point in entry_points(group=group) if point.value.startswith("airflow_provider_oppo_image")]
    assert points
    assert all(callable(point.load()) for point in points)


def test_provider_classes_exist() -> None:
    info = get_provider_info()
    named = [*info["extra-links"], *(kind["hook-class-name"] for kind in info["connection-types"])]
    for path in named:
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name)


def test_airflow_lists_the_provider(tmp_path: Path) -> None:
    [shown] = airflow_says("providers", "get", NAME, home=tmp_path)
    assert (shown["Provider"], shown["Version"]) == (NAME, __version__)


def test_airflow_loads_the_plugin(tmp_path: Path) -> None:
    plugins = {plugin["name"]: plugin for plugin in airflow_says("plugins", home=tmp_path)}
    assert NAME in str(plugins["oppo_image"]["source"])
