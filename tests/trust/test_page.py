"""Attacks on the page by a user who may edit XComs and writes no DAG."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

if not HAS_PAGES:
    pytest.skip("this Airflow has no such pages", allow_module_level=True)

from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import RowResult, task_name
from airflow_provider_oppo_image.hooks.task_record import TaskRecord
from airflow_provider_oppo_image.plugins import results_table
from tests.plugins.conftest import AddTask, add_task, client, engine, session, viewer  # noqa: F401 - fixtures
from tests.trust.attack_report import AttackReport

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

SECTION = "an edited XCom opens no file"
ROW = RowResult(2, "hush", "uploaded", "id_1", task=task_name("secret", "run 1", "batch", -1))


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    """The paths that the user writes into the record, by what the path leads to."""
    files = {name: tmp_path / f"{number}.csv" for number, name in enumerate(("other", "mixed", "text", "missing"))}
    own = dataclasses.replace(ROW, task=task_name("nightly", "run 1", "batch", -1))
    write_results(files["other"], [ROW])
    write_results(files["mixed"], [own, ROW])
    files["text"].write_text("hush")
    (tmp_path / "5.csv.parts").mkdir()
    return {
        "a file that does not exist": str(files["missing"]),
        "results of another DAG": str(files["other"]),
        "results, one row of another DAG": str(files["mixed"]),
        "a file that is not results": str(files["text"]),
        "a batch that has not ended": str(tmp_path / "5.csv"),
        "a folder": str(tmp_path),
        "another name": "/etc/passwd",
        "a storage that the task does not use": "s3://admin@bucket/r.csv",
        "a host": "http://127.0.0.1:1/r.csv",
    }


@pytest.mark.parametrize("route", ["/batch", "/batch/download"])
def test_edited_path_reveals_nothing(
    viewer: TestClient,  # noqa: F811
    add_task: AddTask,  # noqa: F811
    paths: dict[str, str],
    attacks: AttackReport,
    monkeypatch: pytest.MonkeyPatch,
    route: str,
) -> None:
    opened: list[str] = []
    resolve = results_table.resolve_results
    monkeypatch.setattr(results_table, "resolve_results", lambda path: (opened.append(path), resolve(path))[1])
    answers = {}
    for index, (kind, path) in enumerate(paths.items()):
        record = TaskRecord("batch", batch=Summary(1, 1, 0, 0, results=path))
        add_task("batch", record, map_index=index, rendered={"results": "s3://aws@bucket/r.csv"})
        query = {"dag_id": "nightly", "run_id": "run 1", "task_id": "batch", "map_index": index, "kind": "csv"}
        response = viewer.get(route, params=query)
        answers[kind] = (response.status_code, response.text)
        failed = response.status_code == 404 and answers[kind] == answers["a file that does not exist"]
        attacks.require(SECTION, kind, failed, response.text)
    assert not [path for path in opened if "://" in path], "no storage is connected to"
