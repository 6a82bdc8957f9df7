"""The pre-commit hooks are the checks of `make test`, and need no network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("importlinter", reason="the programs are in the extra dev")

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / ".pre-commit-config.yaml"
BIN = Path(sys.executable).parent

BAD = {
    "lint": "import os\n",
    "format": "answer = {'a':1}\n",
}


def hooks() -> dict[str, dict[str, Any]]:
    """Return the hooks by id."""
    [repository] = yaml.safe_load(CONFIG.read_text())["repos"]
    assert repository["repo"] == "local"
    return {hook["id"]: hook for hook in repository["hooks"]}


def words(command: str) -> set[str]:
    return set(command.replace("$(BIN)", ".venv/bin").split()) - {".", "--force-exclude"}


def test_hook_is_a_program_of_the_environment() -> None:
    for hook in hooks().values():
        assert hook["language"] == "system"
        program = Path(hook["entry"].split()[0])
        assert program.parent == Path(".venv/bin")
        assert (BIN / program.name).exists()


def test_hooks_are_the_checks_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for targets, ids in {"lint": ("lint", "format"), "types": ("types",), "imports": ("imports",)}.items():
        found = re.search(rf"^{targets}: venv.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert found
        asked = [words(line) for line in found[1].splitlines()]
        assert [words(hooks()[name]["entry"]) for name in ids] == asked


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("airflow_provider_oppo_image/contract.py", {"lint", "format", "types", "imports"}),
        ("scripts/demo.py", {"lint", "format", "types"}),
        ("tests/test_contract.py", {"lint", "format"}),
        ("setup.cfg", {"imports"}),
        ("pyproject.toml", {"types"}),
        ("README.md", set()),
    ],
)
def test_hooks_of_a_changed_file(path: str, ids: set[str]) -> None:
    def concerns(hook: dict[str, Any]) -> bool:
        return bool(re.search(hook.get("files", ""), path)) and ("types_or" not in hook or path.endswith(".py"))

    assert {name for name, hook in hooks().items() if concerns(hook)} == ids


@pytest.mark.parametrize("name", BAD)
def test_hook_rejects_bad_file(name: str, tmp_path: Path) -> None:
    _, *arguments = hooks()[name]["entry"].split()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())

    def run(content: str) -> int:
        (tmp_path / "change.py").write_text(content)
        command = [BIN / "ruff", *arguments, "--no-cache", "change.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert run('"""A change."""\n') == 0
    assert run('"""A change."""\n\n' + BAD[name]) == 1
