"""What importing the package does: nothing."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import airflow_provider_oppo_image
from tests.support.server_modules import skip_without_pages

PACKAGE = Path(str(airflow_provider_oppo_image.__file__)).parent
HEAVY = {"requests", "urllib3", "PIL", "numpy", "simplejpeg", "fastapi", "uvicorn", "jinja2", "airflow.triggers.base"}


def modules_after(*statements: str) -> set[str]:
    """Import things in a process of its own, and return what is loaded then."""
    code = "; ".join(["import sys, json", *statements, "print(json.dumps(sorted(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_imports_nothing_else() -> None:
    added = modules_after("import airflow_provider_oppo_image") - modules_after("import __future__")
    assert added == {"airflow_provider_oppo_image"}


def test_reading_the_provider_info_imports_no_airflow() -> None:
    loaded = modules_after(
        "from airflow_provider_oppo_image.get_provider_info import get_provider_info as get", "get()"
    )
    assert "airflow" not in loaded
    assert not loaded & HEAVY


def test_what_parses_a_dag_file_imports_nothing_heavy() -> None:
    compat = "from airflow.providers.common.compat.sdk import DAG, BaseOperator, BaseSensorOperator"
    ours = (
        "import airflow_provider_oppo_image.operators.oppo_image, airflow_provider_oppo_image.sensors.oppo_image",
        "import airflow_provider_oppo_image.operators.asset_events",
    )
    added = modules_after(compat, *ours) - modules_after(compat)
    assert not added & HEAVY
    assert all(name.startswith(("airflow_provider_oppo_image", "airflow.")) for name in added)


MODULES = sorted(path for path in PACKAGE.glob("**/*.py") if "example_dags" not in path.parts)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_each_module_can_be_imported_on_its_own_name(path: Path) -> None:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    skip_without_pages(name)
    if name == f"{PACKAGE.name}.hooks.openlineage":
        pytest.importorskip("airflow.providers.openlineage", reason="only its provider leads there")
    assert importlib.import_module(name).__doc__
