"""The decision whether a results file may be opened for a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

if not HAS_PAGES:
    pytest.skip("this Airflow has no such pages", allow_module_level=True)

from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.batch.row_result import task_name
from airflow_provider_oppo_image.hooks.task_record import TaskRecord
from airflow_provider_oppo_image.plugins.queries import BatchQuery
from airflow_provider_oppo_image.plugins.results_access import ResultsNotOfTaskError, required_task
from tests.plugins.conftest import AddTask

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Required = Callable[..., str | None]
NAME = task_name("nightly", "run 1", "batch", 3)


@pytest.fixture
def required(session: Session, add_task: AddTask) -> Required:
    """Return what `required_task` returns for a path in the record of a task with these rendered fields."""

    def required(path: str, rendered: dict[str, Any], run_id: str = "run 1") -> str | None:
        record = TaskRecord("batch", batch=Summary(1, 1, 0, 0, results=path))
        add_task("batch", record, map_index=3, run_id=run_id, rendered=rendered)
        return required_task(session, path, BatchQuery("nightly", "run 1", "batch", 3))

    return required


@pytest.mark.parametrize(
    ("path", "rendered"),
    [
        ("/data/r.csv", {"results": "/data/r.csv"}),
        ("/data/r.csv", {"results": " file:///data/r.csv\n", "manifest": "/data/n.csv"}),
        ("/data/n.results.csv", {"results": None, "manifest": "/data/n.csv"}),
        ("s3://aws@bucket/n.results.csv", {"results": "None", "manifest": "s3://aws@bucket/n.csv.gz"}),
    ],
)
def test_rendered_path_needs_no_names(required: Required, path: str, rendered: dict[str, Any]) -> None:
    assert required(path, rendered) is None


@pytest.mark.parametrize(
    ("path", "rendered", "run_id"),
    [
        ("/data/r.csv", {}, "run 1"),
        ("/data/r.csv", {"results": "/data/other.csv", "pictures": [{"results": "/data/r.csv"}]}, "run 1"),
        ("/data/n.results.csv", {"results": "/data/r.csv", "manifest": "/data/n.csv"}, "run 1"),
        ("/data/r.csv", {"results": "/data/r.csv"}, "run 2"),
        ("s3://aws@bucket/old.csv", {"results": "s3://aws@bucket/r.csv"}, "run 2"),
    ],
)
def test_other_path_needs_names(required: Required, path: str, rendered: dict[str, Any], run_id: str) -> None:
    assert required(path, rendered, run_id) == NAME


@pytest.mark.parametrize("path", ["s3://aws@other/r.csv", "s3://admin@bucket/r.csv", "gs://aws@bucket/r.csv"])
def test_storage_that_the_task_does_not_use_is_not_opened(required: Required, path: str) -> None:
    with pytest.raises(ResultsNotOfTaskError):
        required(path, {"results": "s3://aws@bucket/r.csv"})
