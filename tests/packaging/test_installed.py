"""The installed package: Airflow finds the provider and everything that it declares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any

import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_oppo_image import __version__
from tests.support import artwork
from tests.support.picture_host import PictureHost

NAME = "airflow-provider-oppo-image"


pytestmark = pytest.mark.timeout(180)


def airflow_says(*arguments: str, home: Path) -> Any:
    """Ask Airflow's command line, in a process of its own, and return its JSON."""
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "airflow", *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(next(line for line in reversed(done.stdout.splitlines()) if line.startswith("[")))


def test_version_is_the_package_version() -> None:
    assert distribution(NAME).version == __version__


@pytest.mark.parametrize("group", ["apache_airflow_provider", "airflow.plugins", "console_scripts"])
def test_entry_point_resolves(group: str) -> None:
    points = [point for point in entry_points(group=group) if point.value.startswith("airflow_provider_oppo_image")]
    assert points
    assert all(callable(point.load()) for point in points)


def test_airflow_lists_the_provider(tmp_path: Path) -> None:
    [shown] = airflow_says("providers", "get", NAME, home=tmp_path)
    assert (shown["Provider"], shown["Version"]) == (NAME, __version__)


def test_airflow_loads_the_plugin(tmp_path: Path) -> None:
    plugins = {plugin["name"]: plugin for plugin in airflow_says("plugins", home=tmp_path)}
    assert NAME in str(plugins["oppo_image"]["source"])


def output_of(*command: str) -> tuple[int, Any, str]:
    """Run a program of the environment; return its exit code, the JSON that it prints, and its standard error."""
    program, *arguments = command
    done = subprocess.run([Path(sys.executable).with_name(program), *arguments], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_command_in_a_new_process_prints_nothing_of_airflow() -> None:
    code, out, err = output_of("oppo-image", "connection", "test", "--conn-id", "nowhere", "--json")
    message = out["error"]["message"]
    assert (code, "AIRFLOW_CONN_NOWHERE" in message, err) == (2, True, f"error: {message}\n")


@pytest.mark.skipif(
    not hasattr(ProvidersManager, "cli_command_functions"), reason="Airflow takes a provider's commands since 3.2"
)
@pytest.mark.usefixtures("connect")
def test_airflow_runs_the_command(host: PictureHost) -> None:
    url = host.serve("/old.png", artwork.png(876, 324))
    code, out, _ = output_of("airflow", "oppo-image", "upload", "--big", url, "--json")
    assert (code, out["error"]["type"]) == (1, "PictureWrongError")
