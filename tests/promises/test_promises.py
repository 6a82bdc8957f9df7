"""The public API is compatible with the stored snapshots, and what an earlier version wrote can be read.

The files in the folders here are never edited, also not to make these tests pass: people's DAGs, databases and files
have these shapes. Keep an old name, argument, key or column beside the new one.
"""

from __future__ import annotations

import copy
import datetime
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from pydantic import TypeAdapter

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.airflow_compat import AirflowFailException, AirflowSensorTimeout
from airflow_provider_oppo_image.batch.manifest import read_manifest
from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.connection import read_settings
from airflow_provider_oppo_image.hooks.task_record import TaskRecord
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.operators.asset_events import uploaded_pictures
from airflow_provider_oppo_image.operators.push import PushState
from airflow_provider_oppo_image.operators.upload import UploadState
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.storage import resolve
from scripts import api_samples as samples
from scripts.api_snapshots import REQUIRED, collect, lost, main, newly_required, read, versions
from tests.support.sensor_runs import make_sensor
from tests.support.tasks import MemoryStore, make_context

EACH_VERSION = pytest.mark.parametrize("version", versions())
EACH_PROMISE = pytest.mark.parametrize(("version", "kind"), [(one, kind) for one in versions() for kind in read(one)])

BROKEN = """
The API is no longer compatible with version {version}:
  {broken}
People's DAGs, databases, files and scripts rely on it (docs/decisions/api-snapshots.md). Do not edit
tests/promises/{version}: keep what was promised beside what is new.
"""


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return collect()


@EACH_PROMISE
def test_snapshot_is_still_compatible(version: str, kind: str, now: dict[str, Any]) -> None:
    broken = list(lost(read(version)[kind], now[kind]))
    assert not broken, BROKEN.format(version=version, broken="\n  ".join(broken))


@EACH_VERSION
def test_api_has_no_new_required_argument(version: str, now: dict[str, Any]) -> None:
    broken = list(newly_required(read(version)["arguments"], now["arguments"]))
    assert not broken, BROKEN.format(version=version, broken="\n  ".join(broken))


def test_this_version_has_a_snapshot() -> None:
    assert __version__ in versions(), "run: make api-snapshot"


@EACH_VERSION
class TestStoredShapes:
    def test_trigger_is_restored(self, version: str) -> None:
        for path, arguments in read(version)["triggers"]["serialized"]:
            module, _, name = path.rpartition(".")
            trigger = getattr(importlib.import_module(module), name)(**arguments)
            now_path, now_arguments = trigger.serialize()
            assert now_path == path
            assert now_arguments.items() >= arguments.items()

    def test_event_ends_sensor(self, version: str) -> None:
        ready, wrong, timeout, error = read(version)["triggers"]["events"]
        sensor = make_sensor(big_picture_url=samples.URL)
        assert sensor.execute_complete(make_context(), ready) == ready["result"]
        for event, kind in (
            (wrong, AirflowFailException),
            (timeout, AirflowSensorTimeout),
            (error, AirflowFailException),
        ):
            with pytest.raises(kind):
                sensor.execute_complete(make_context(), event)

    def test_record_is_read(self, version: str) -> None:
        adapter = TypeAdapter(TaskRecord)
        for record in read(version)["records"]:
            assert not list(lost(record, adapter.validate_python(record).to_json()))

    def test_reports_and_summary_are_read(self, version: str) -> None:
        xcoms = read(version)["xcoms"]
        for report in xcoms["wait"]["reports"]:
            assert not list(lost({**report, "name": None}, {**PictureReport.from_dict(report).to_dict(), "name": None}))
        end = {key: value for key, value in xcoms["batch"].items() if key != "pictures"}
        assert not list(lost(end, json.loads(json.dumps(Summary.from_dict(end).to_dict()))))

    def test_manifests_and_results_are_read(self, version: str, tmp_path: Path) -> None:
        for name, text in read(version)["files"].items():
            (tmp_path / name).write_text(text)
        csv, jsonl = (list(read_manifest(resolve(tmp_path / f"night.{kind}"))) for kind in ("csv", "jsonl"))
        assert [(row.name, set(row.pictures)) for row in csv] == [("spring", {"big", "small"}), ("old", {"small"})]
        assert [(row.name, dict(row.pictures)) for row in jsonl] == [("spring", {"big": samples.URL})]
        for kind in ("csv", "jsonl"):
            failed, uploaded = read_results(resolve(tmp_path / f"night.results.{kind}"))
            assert (failed.state, failed.fault, failed.error_code) == ("failed", "picture", "wrong_dimensions")
            assert (uploaded.line, uploaded.state, uploaded.big_picture_id) == (3, "uploaded", samples.PICTURE_ID)

    def test_connection_is_read(self, version: str) -> None:
        promised = read(version)["connection"]
        extra = json.dumps(promised["extra"])
        connection = SimpleNamespace(
            conn_id="any", conn_type="oppo_image", login="key", password="secret", host=None, port=None, schema=None
        )
        settings = read_settings(cast("Any", SimpleNamespace(**vars(connection), extra=extra)))
        assert settings.unknown_keys == ()

    def test_task_state_is_read(self, version: str) -> None:
        store = stored_state(read(version)["task_state"]["stored"])
        pushed = PushState(store).load()
        assert pushed
        assert (pushed.outcome, pushed.msg_id) == ("sent", "1180003")
        report = PictureReport("big", samples.URL, "ready", sha256=samples.SHA256)
        [upload] = UploadState(store, {"big": PictureUrl.parse(samples.URL)}, {"big": report}).load().values()
        assert upload.picture_id == samples.PICTURE_ID

    def test_asset_event_is_read(self, version: str) -> None:
        event = SimpleNamespace(extra=read(version)["asset_events"]["upload"], timestamp=0)
        [ids] = uploaded_pictures(cast("Any", {"triggering_asset_events": {"asset": [event]}}))
        assert ids == {"big_picture_id": samples.PICTURE_ID, "small_picture_id": None, "uploaded_at": samples.WHEN}


def stored_state(values: dict[str, Any]) -> MemoryStore:
    """Return a task's state store, with values of one hour ago."""
    store = MemoryStore()
    then = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)).isoformat()
    for key, value in values.items():
        entry = {**value, **({"uploaded_at": then} if "uploaded_at" in value else {})}
        store.set(key, entry, retention=datetime.timedelta(days=1))
    return store


class TestLost:
    STORED: ClassVar[dict[str, Any]] = {
        "a": 1,
        "names": ["x", "y"],
        "rows": [{"b": 2}],
        "needed": REQUIRED,
        "nothing": None,
    }

    @pytest.mark.parametrize(
        ("change", "reported"),
        [
            (lambda now: now.pop("a"), "a: is gone"),
            (lambda now: now.update(a=2), "a: was 1, is 2"),
            (lambda now: now.update(a={}), "a: was 1, is {}"),
            (lambda now: now["names"].remove("y"), "names > y: is gone"),
            (lambda now: now["rows"].clear(), "rows: had 1 entries, has 0"),
            (lambda now: now["rows"][0].pop("b"), "rows > 0 > b: is gone"),
            (lambda now: now["rows"].__setitem__(0, "b"), "rows > 0: is no longer a mapping, but 'b'"),
            (lambda now: now.update(nothing=0), "nothing: was None, is 0"),
        ],
    )
    def test_lost_reports_removals_and_changes(self, change: Callable[[Any], Any], reported: str) -> None:
        now = copy.deepcopy(self.STORED)
        change(now)
        assert list(lost(self.STORED, now)) == [reported]

    def test_lost_ignores_additions(self) -> None:
        now = {"c": 3, **self.STORED, "names": ["z", "y", "x"], "rows": [{"b": 2, "d": 4}, {}], "needed": "default"}
        assert list(lost(self.STORED, now)) == []

    def test_newly_required(self) -> None:
        stored = {"call": {"old": REQUIRED}, "gone": {}}
        now = {"call": {"old": REQUIRED, "new": REQUIRED, "optional": 1}, "another": {"any": REQUIRED}}
        assert list(newly_required(stored, now)) == ["call > new: must be given now, and did not exist"]


class TestMain:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        assert main("9.9.9", tmp_path) == 0
        return tmp_path

    def test_main_writes_new_version(self, folder: Path, now: dict[str, Any]) -> None:
        assert versions(folder) == ["9.9.9"]
        assert read("9.9.9", folder) == now

    def test_main_is_repeatable(self, folder: Path) -> None:
        before = {file: file.read_bytes() for file in folder.rglob("*.json")}
        assert main("9.9.9", folder) == 0
        assert {file: file.read_bytes() for file in folder.rglob("*.json")} == before

    def test_main_refuses_incompatible_change(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (folder / "9.9.9/names.json").write_text('["operators.oppo_image.Renamed"]')
        assert main("9.9.9", folder) == 1
        assert "names > operators.oppo_image.Renamed: is gone" in capsys.readouterr().out
        assert read("9.9.9", folder)["names"] == ["operators.oppo_image.Renamed"]
