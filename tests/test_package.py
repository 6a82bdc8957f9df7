"""The whole package: imports have no effect, a DAG file imports nothing heavy, and messages end their URLs."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import airflow_provider_oppo_image
from airflow_provider_oppo_image.airflow_compat import HAS_PAGES
from tests.support.server_modules import SERVED_BY_AIRFLOW

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
    "plugin": "import airflow_provider_oppo_image.plugins.oppo_image",  # at the start of the API server
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


@pytest.mark.parametrize("step", ["triggers", "plugin"])
def test_triggers_and_plugin_import_no_network_and_no_pictures(imported: dict[str, set[str]], step: str) -> None:
    assert f"airflow_provider_oppo_image.{step.removesuffix('s')}s.oppo_image" in imported[step]
    assert not imported[step] & HEAVY


def test_each_module_is_importable_and_has_a_docstring() -> None:
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in MODULES
    }
    if not HAS_PAGES:
        names -= SERVED_BY_AIRFLOW
    if not importlib.util.find_spec("airflow.providers.openlineage"):
        names.remove(f"{PACKAGE.name}.hooks.openlineage")  # only that provider imports it
    assert not [name for name in sorted(names) if not importlib.import_module(name).__doc__]


_URL_NAMES = {"url", "redacted", "base_url", "_base_url", "target", "path", "results", "folder", "original", "source"}


def test_no_punctuation_follows_url_in_messages() -> None:
    """Airflow's log viewer would take it into the link."""
    texts = [(path.name, text) for path in MODULES for text in texts_of(ast.parse(path.read_text()))]
    ending = re.compile(r"https?://\w[^\s`\"']*[.,;:!?)\]](\s|$)|picture %s[.,;:]")
    assert not [found for found in texts if ending.search(found[1])]


def texts_of(module: ast.Module) -> Iterator[str]:
    """Yield the texts of a module; a formatted URL and the text behind it are one text."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            for value, follows in itertools.pairwise(node.values):
                name = re.search(r"(\w+)}$", ast.unparse(ast.JoinedStr([value])).strip("f'\""))
                if name and name[1] in _URL_NAMES and isinstance(follows, ast.Constant):
                    yield f"http://name{follows.value}"
