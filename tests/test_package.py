"""What is installed, and what importing it does: nothing."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

ROOT = Path(__file__).parents[1]
HEAVY = {"requests", "urllib3", "PIL", "fastapi", "uvicorn", "jinja2", "airflow.triggers.base"}


def modules_after(*statements: str) -> set[str]:
    """Import things in a process of its own, and return what is loaded then."""
    code = "; ".join(["import sys, json", *statements, "print(json.dumps(sorted(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in the wheel."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"airflow_provider_oppo_image"}


def test_the_wheel_ships_the_examples_where_airflow_looks_for_them(wheel: list[str]) -> None:
    shipped = {Path(name).name for name in wheel if name.startswith("airflow_provider_oppo_image/example_dags/")}
    assert {path.name for path in (ROOT / "example_dags").glob("*.py")} <= shipped


def test_the_wheel_is_typed_and_has_its_page_and_its_license(wheel: list[str]) -> None:
    for wanted in ("airflow_provider_oppo_image/py.typed", "sandbox/page.html", "sandbox/page.css", "licenses/LICENSE"):
        assert any(name.endswith(wanted) for name in wheel), wanted


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


@pytest.mark.parametrize("group", ["apache_airflow_provider", "console_scripts"])
def test_each_entry_point_leads_somewhere(group: str) -> None:
    points = [point for point in entry_points(group=group) if point.value.startswith("airflow_provider_oppo_image")]
    assert points
    assert all(callable(point.load()) for point in points)


SERVER_OF_AIRFLOW_3 = {f"airflow_provider_oppo_image.plugins.{name}" for name in ("access", "app", "stored")}


@pytest.mark.parametrize("path", sorted(ROOT.glob("airflow_provider_oppo_image/**/*.py")), ids=str)
def test_each_module_can_be_imported_on_its_own_name(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    if name in SERVER_OF_AIRFLOW_3 and not HAS_PAGES:
        pytest.skip("Airflow 2 has no such server")
    assert importlib.import_module(name).__doc__
