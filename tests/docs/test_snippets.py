"""The code in the docs is code that runs."""

from __future__ import annotations

import ast
import importlib
import json
import re
import textwrap
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks

PACKAGE = "airflow_provider_oppo_image"
PYTHON = list(blocks("python"))
MARKED = [block for block in PYTHON if block.comment.startswith("snippet: ")]


def marked_part(file: Path, part: str) -> str:
    """Return what stands between a file's `[START part]` and `[END part]`, dedented."""
    found = re.findall(rf"^ *# \[START {part}\]\n(.*?)^ *# \[END {part}\]$", file.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{file} must have one part that is marked as {part!r}"
    return textwrap.dedent(found[0]).strip("\n") + "\n"


@pytest.mark.parametrize("block", MARKED, ids=lambda block: block.place)
def test_snippet_matches_file(block: Block) -> None:
    path, _, part = block.comment.removeprefix("snippet: ").partition(" ")
    expected = marked_part(ROOT / path, part or Path(path).stem)
    assert block.text == expected, f"{block.place} is not {path}: copy the part between its marks"


def test_marked_part_is_shown() -> None:
    files = [*(ROOT / "example_dags").glob("*.py"), *(ROOT / "tests/docs/snippets").glob("*.py")]
    marked = {(file.name, part) for file in files for part in re.findall(r"# \[START (\w+)\]", file.read_text())}
    shown = {(Path(path).name, part) for path, part in (split(block) for block in MARKED)}
    assert marked == shown


def split(block: Block) -> tuple[str, str]:
    path, _, part = block.comment.removeprefix("snippet: ").partition(" ")
    return path, part or Path(path).stem


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_shown_python_compiles_and_imports(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text, block.place)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            module = importlib.import_module(node.module or "")
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    importlib.import_module(alias.name)


@pytest.mark.parametrize("block", list(blocks("json")), ids=lambda block: block.place)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)
