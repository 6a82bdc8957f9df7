"""The whole package: imports have no effect, a DAG file imports nothing heavy, and messages end their URLs."""

from __future__ import annotations

import ast
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import airflow_provider_oppo_image
from tests.support.server_modules import skip_without_pages

PACKAGE = Path(str(airflow_provider_oppo_image.__file__)).parent
MODULES = sorted(path for path in PACKAGE.glob("**/*.py") if "example_dags" not in path.parts)
HEAVY = {"requests", "urllib3", "PIL", "numpy", "simplejpeg", "fastapi", "uvicorn", "jinja2"}

# Each step of one process: a name, and a statement. Importing Airflow once takes seconds.
STEPS = {
    "start": "import json, sys",
    "package": "import airflow_provider_oppo_image",
    "info": "from airflow_provider_oppo_image.get_provider_info import get_provider_info as get; get()",
    "airflow": """
from airflow import DAG
try:
    from airflow.sdk import BaseOperator, BaseSensorOperator, task; task.python
except ImportError:
    from airflow.decorators import task; task.python
    from airflow.models.baseoperator import BaseOperator
    from airflow.sensors.base import BaseSensorOperator""",
    "operators": """
import airflow_provider_oppo_image.operators.oppo_image, airflow_provider_oppo_image.sensors.oppo_image
import airflow_provider_oppo_image.operators.asset_events""",
    "decorator": """
import airflow_provider_oppo_image.decorators.oppo_image, airflow_provider_oppo_image.retry_policy""",
    "triggers": "import airflow_provider_oppo_image.triggers.oppo_image",
}


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """The modules that each step imports."""
    code = "loaded = {}\n"
    for name, statement in STEPS.items():
        code += f"{statement}\nloaded[{name!r}] = sorted(sys.modules)\n"
    code += "print(json.dumps(loaded))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    loaded = {name: set(modules) for name, modules in json.loads(done.stdout.splitlines()[-1]).items()}
    names = list(STEPS)
    return {name: loaded[name] - loaded[before] for before, name in itertools.pairwise(names)}


def test_package_imports_only_itself(imported: dict[str, set[str]]) -> None:
    assert imported["package"] == {"airflow_provider_oppo_image"}


def test_provider_info_imports_no_airflow(imported: dict[str, set[str]]) -> None:
    assert "airflow" not in imported["info"]
    assert not imported["info"] & HEAVY


@pytest.mark.parametrize("step", ["operators", "decorator"])
def test_dag_file_imports_are_light(imported: dict[str, set[str]], step: str) -> None:
    assert f"airflow_provider_oppo_image.{'operators' if step == 'operators' else 'decorators'}" in imported[step]
    assert not imported[step] & {*HEAVY, "airflow.triggers.base"}
    assert all(name.startswith(("airflow_provider_oppo_image", "airflow.")) for name in imported[step])
    assert not any(name.startswith("airflow.providers") for name in imported[step])


def test_triggers_import_no_network_and_no_pictures(imported: dict[str, set[str]]) -> None:
    assert not imported["triggers"] & HEAVY


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_is_importable_and_has_a_docstring(path: Path) -> None:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    skip_without_pages(name)
    if name == f"{PACKAGE.name}.hooks.openlineage":
        pytest.importorskip("airflow.providers.openlineage", reason="only its provider imports it")
    assert importlib.import_module(name).__doc__


_URL_NAMES = {"url", "redacted", "base_url", "_base_url", "target", "path", "results", "folder", "original", "source"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_punctuation_follows_url_in_message(path: Path) -> None:
    """Airflow's log viewer would take it into the link."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    parts = [pair for node in nodes if isinstance(node, ast.JoinedStr) for pair in itertools.pairwise(node.values)]
    for value, follows in parts:
        name = re.search(r"(\w+)}$", ast.unparse(ast.JoinedStr([value])).strip("f'\""))
        if name and name[1] in _URL_NAMES and isinstance(follows, ast.Constant):
            texts.append(f"http://name{follows.value}")
    assert not [text for text in texts if re.search(r"https?://\w[^\s`\"']*[.,;:!?)\]](\s|$)|picture %s[.,;:]", text)]
