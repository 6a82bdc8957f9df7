from __future__ import annotations

import csv
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException, Asset
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.operators.oppo_image import OppoImageBatchPushOperator, OppoImageBatchUploadOperator
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import OutletEvents, make_context

# Airflow 2 has a task's earlier tries in its database.
pytestmark = pytest.mark.usefixtures("connect", "airflow_db")

MESSAGE = {
    "to": {"tag": ["${segment}"]},
    "body": {"platform": "all", "notification": {"android": {"title": "${name}", "alert": "For you"}}},
}


@pytest.fixture
def manifest(host: PictureHost, tmp_path: Path) -> Path:
    """A manifest whose last picture is wrong, and its results beside it."""
    urls = [host.serve(f"/{number}.jpg", artwork.good("big", "JPEG")) for number in range(2)]
    urls.append(host.serve("/wrong.jpg", artwork.jpeg(876, 324)))
    path = tmp_path / "night.csv"
    rows = [f"campaign {number},{url},segment {number}\n" for number, url in enumerate(urls)]
    path.write_text("name,big_picture_url,segment\n" + "".join(rows))
    OppoImageBatchUploadOperator(task_id="upload", manifest=str(path), on_error="keep_going").execute(make_context())
    return path


def push(manifest: Path, context: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    results = manifest.with_name("night.results.csv")
    arguments = {"results": results, "manifest": manifest, "message": MESSAGE, "on_error": "keep_going"} | arguments
    return OppoImageBatchPushOperator(task_id="push", **arguments).execute(context or make_context())


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open()))


def test_each_row_is_pushed_once_with_its_own_picture(
    sandbox: SandboxServer, manifest: Path, task_log: Callable[[], str]
) -> None:
    summary = push(manifest)
    assert (summary["rows"], summary["sent"], summary["refused"], summary["audiences"]) == (3, 2, 1, 2)
    assert "2 pushes to 2 different audiences, of 3 rows" in task_log()
    rows = read(Path(summary["results"]))
    uploads = read(manifest.with_name("night.results.csv"))
    sent = {push["msg_id"]: push["body"] for push in sandbox.received()["pushes"]}
    for row, upload in zip(rows[:2], uploads, strict=False):
        body = sent[row["msg_id"]]
        assert body["body"]["notification"]["android"]["title"] == row["name"]
        oppo = body["body"]["options"]["third_party_channel"]["oppo"]
        assert oppo["big_picture_id"] == upload["big_picture_id"]
    assert (rows[2]["state"], rows[2]["error_code"], rows[2]["fault"]) == ("refused", "wrong_dimensions", "picture")
    assert push(manifest, make_context(try_number=2))["sent"] == 2
    assert len(sandbox.received()["pushes"]) == 2


def test_outlet_event_has_counts_and_metrics_are_sent(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stats, asset, events = Mock(), Asset("s3://bucket/pushes"), OutletEvents()
    monkeypatch.setattr("airflow_provider_oppo_image.operators.batch.metrics", lambda: stats)
    summary = push(manifest, make_context(outlet_events=events), outlets=[asset])
    assert events[asset].extra == {key: summary[key] for key in ("rows", "sent", "unknown", "failed", "results")}
    assert call("oppo_image.batch_push.sent", 2) in stats.incr.mock_calls
    assert stats.gauge.mock_calls[-1] == call("oppo_image.batch_push.left", 0)


def test_failed_rows_fail_the_task_with_the_summary(manifest: Path) -> None:
    context = make_context()
    with pytest.raises(AirflowFailException, match=r"1 of 3 rows failed, 1 of them with wrong_dimensions"):
        push(manifest, context, on_error="fail_at_end")
    assert context["ti"].pushed["summary"]["sent"] == 2


def test_validate_only_validates_each_row(sandbox: SandboxServer, manifest: Path) -> None:
    summary = push(manifest, validate_only="True")
    received = sandbox.received()
    assert (summary["valid"], len(received["validations"]), received["pushes"]) == (2, 2, [])
    assert not manifest.with_name("night.results.pushes.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"on_error": "maybe"}, "on_error is 'maybe'"),
        ({"on_missing_picture": "skip"}, r"'text' \(push without pictures\)"),
        ({"on_unknown_outcome": "ask"}, r"'send_again' \(may push twice\)"),
        ({"rate": 0}, "at least 1"),
        ({"max_picture_age": datetime.timedelta(0)}, "positive timedelta"),
        ({"not_after": "2026-12-01"}, "with a zone"),
        ({"message": {"body": MESSAGE["body"]}}, "no `to`"),
    ],
)
def test_invalid_argument_is_refused_when_the_dag_is_parsed(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        OppoImageBatchPushOperator(task_id="push", **{"results": "r.csv", "message": MESSAGE} | arguments)


def test_empty_results_path_fails(manifest: Path) -> None:
    with pytest.raises(AirflowFailException, match="results is empty after template rendering"):
        push(manifest, results="None")
