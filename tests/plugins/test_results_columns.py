"""A version of the package whose results have one more column."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from airflow_provider_oppo_image.batch.results import read_results, write_results
from airflow_provider_oppo_image.batch.row_result import COLUMNS, RowResult
from airflow_provider_oppo_image.plugins.results_table import load_table
from tests.support.result_strategies import FIRST_VERSION

LAST_COLUMN = COLUMNS[-1]
NEXT_VERSION = """
import importlib.util, json, sys
from pathlib import Path

name = "airflow_provider_oppo_image.batch.row_result"
module = importlib.util.module_from_spec(importlib.util.find_spec(name))
sys.modules[name] = module
exec(compile(Path(sys.argv[1]).read_text(), sys.argv[1], "exec"), module.__dict__)

from airflow_provider_oppo_image.batch.results import read_results, write_results
from airflow_provider_oppo_image.plugins.results_download import download
from airflow_provider_oppo_image.plugins.results_table import Filter, load_table

old, new = Path(sys.argv[2]), Path(sys.argv[3])
write_results(new, [module.RowResult(2, "new", "uploaded", "id", note="a Note"), *read_results(old)])
table = load_table(new)
print(json.dumps({
    "read": [row.note for row in read_results(new)],
    "page": [row.note for row in table.page().rows],
    "found": [row.name for row in table.page(Filter(text="NOTE")).rows],
    "old page": [row.note for row in load_table(old).page().rows],
    "download": b"".join(download(table, "csv")).decode(),
}))
"""


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """The source of batch.row_result with one more column, which is the only change."""
    spec = find_spec("airflow_provider_oppo_image.batch.row_result")
    assert spec is not None
    assert spec.origin is not None
    column = f"Column(_optional(_is_text), since={LAST_COLUMN.since + 1}, searchable=True)"
    field = f"    note: Annotated[str | None, {column}] = None"
    source, count = re.subn(
        rf"^(    {LAST_COLUMN.name}: Annotated.*)$", rf"\1\n{field}", Path(spec.origin).read_text(), flags=re.MULTILINE
    )
    assert count == 1
    path = tmp_path / "results.py"
    path.write_text(source)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("old", ["this version", "first version"])
def test_appending_a_column_changes_one_line(next_version: Path, tmp_path: Path, suffix: str, old: str) -> None:
    old_results, new_results = tmp_path / f"old{suffix}", tmp_path / f"new{suffix}"
    if old == "this version":
        write_results(old_results, [RowResult(2, "old", "uploaded", "id")] * 2)
    else:
        old_results.write_text(FIRST_VERSION[f"r{suffix}"][0])
    arguments = [sys.executable, "-c", NEXT_VERSION, str(next_version), str(old_results), str(new_results)]
    found = json.loads(subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert found["read"] == found["page"] == ["a Note", None, None]
    assert (found["found"], found["old page"]) == (["new"], [None, None])
    assert found["download"].splitlines()[0].endswith(f",{LAST_COLUMN.name},note")
    # This version reads the file of the next one.
    assert list(read_results(new_results)) == list(load_table(new_results).page().rows)
    assert next(read_results(new_results)).name == "new"
