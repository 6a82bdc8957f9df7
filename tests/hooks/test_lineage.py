from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_oppo_image.hooks.lineage import MAX_DATASETS, Lineage, LineageMixin, dataset_uri
from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImageBatchUploadOperator,
    OppoImagePrepareOperator,
    OppoImagePushOperator,
    OppoImageUploadOperator,
)
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import make_context

SIGNED = "?X-Signature=hush#part"
Collected = Callable[[], tuple[set[str], set[str]]]


def lineage_module() -> ModuleType:
    try:
        return importlib.import_module("airflow.sdk.lineage")
    except ImportError:  # before Airflow 3.2
        return importlib.import_module("airflow.lineage.hook")


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Collected:
    """The URIs of inputs and outputs in Airflow's collector, which is a no-op unless a plugin reads it."""
    module = lineage_module()
    collector = module.HookLineageCollector()
    monkeypatch.setattr(module, "get_hook_lineage_collector", lambda: collector)

    def collected() -> tuple[set[str], set[str]]:
        kind = "asset" if hasattr(collector, "collected_assets") else "dataset"
        lineage = getattr(collector, f"collected_{kind}s")
        return tuple({getattr(entry, kind).uri for entry in side} for side in (lineage.inputs, lineage.outputs))

    return collected


@pytest.fixture
def big(host: PictureHost) -> str:
    return host.serve("/big.jpg", artwork.good("big", "JPEG"))


@pytest.fixture
def small(host: PictureHost) -> str:
    return host.serve("/small.png", artwork.good("small"))


@pytest.mark.parametrize(
    ("location", "uri"),
    [
        ("https://user:pass@cdn.example.com/a%20b/big.jpg?sig=1#x", "https://cdn.example.com/a%20b/big.jpg"),
        ("s3://aws_default@bucket/night.csv", "s3://bucket/night.csv"),
        ("/data/a b.csv", "file:///data/a%20b.csv"),
        ("file:///data/night.csv", "file:///data/night.csv"),
        ("https://cdn.example.com/\x00", None),
    ],
)
def test_dataset_uri_has_no_secret_parts(location: str, uri: str | None) -> None:
    assert dataset_uri(location) == uri


@pytest.mark.usefixtures("connect")
def test_upload_reports_pictures_and_ids(big: str, small: str, sandbox: SandboxServer, collected: Collected) -> None:
    task = OppoImageUploadOperator(task_id="task", big_picture_url=big + SIGNED, small_picture_url=small)
    ids = task.execute(make_context())
    del ids["uploaded_at"]
    assert collected() == ({big, small}, set())
    assert task._lineage == Lineage((big, small), (), ids)


@pytest.mark.usefixtures("connect")
def test_failed_upload_reports_nothing(host: PictureHost, small: str, collected: Collected) -> None:
    task = OppoImageUploadOperator(
        task_id="task", big_picture_url=host.base_url + "/nowhere.jpg", small_picture_url=small
    )
    with pytest.raises(Exception, match="404"):
        task.execute(make_context())
    assert collected() == (set(), set())
    assert task.get_openlineage_facets_on_complete(None) is None


@pytest.mark.usefixtures("connect")
@pytest.mark.parametrize("deferred", [False, True])
def test_sensor_reports_pictures(deferred: bool, big: str, small: str, collected: Collected) -> None:
    task = OppoImageSensor(task_id="task", big_picture_url=big + SIGNED, pictures=[{"small_picture_url": small}])
    if deferred:
        event = {"status": "ready", "result": {"counts": {}, "reports": []}}
        task.execute_complete(make_context(), event)
    else:
        assert task.poke(make_context())
    assert collected() == ({big, small}, set())


def test_prepare_reports_artwork_picture_and_public_url(tmp_path: Path, collected: Collected) -> None:
    art, made = tmp_path / "art.jpg", tmp_path / "made.jpg"
    art.write_bytes(artwork.jpeg(1500, 900))
    public_url = "https://cdn.example.com/made.jpg"
    OppoImagePrepareOperator(
        task_id="task", source=str(art), destination=str(made), kind="big", public_url=public_url + "?t"
    ).execute(make_context())
    assert collected() == ({art.as_uri()}, {made.as_uri(), public_url})


@pytest.mark.usefixtures("connect")
def test_push_reports_ids_if_sent(big: str, sandbox: SandboxServer, collected: Collected) -> None:
    ids = OppoImageUploadOperator(task_id="upload", big_picture_url=big).execute(make_context())
    message = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today"}}}}
    for validate_only in (True, False):
        task = OppoImagePushOperator(
            task_id="push", message=message, big_picture_id=ids["big_picture_id"], validate_only=validate_only
        )
        msg_id = task.execute(make_context())
        lineage = None if validate_only else Lineage(ids={"big_picture_id": ids["big_picture_id"], "msg_id": msg_id})
        assert task._lineage == lineage


@pytest.mark.usefixtures("connect")
def test_batch_reports_manifest_and_results(
    big: str, tmp_path: Path, sandbox: SandboxServer, collected: Collected
) -> None:
    manifest = tmp_path / "night.csv"
    manifest.write_text(f"name,big_picture_url\nspring,{big}\n")
    OppoImageBatchUploadOperator(task_id="task", manifest=str(manifest)).execute(make_context())
    assert collected() == ({manifest.as_uri()}, {(tmp_path / "night.results.csv").as_uri()})


@pytest.mark.usefixtures("connect")
def test_batch_of_a_list_reports_pictures(big: str, small: str, collected: Collected) -> None:
    rows = [{"name": "spring", "big_picture_url": big + SIGNED, "small_picture_url": small}, {"name": "wrong"}]
    OppoImageBatchUploadOperator(task_id="task", pictures=rows, on_error="keep_going").execute(make_context())
    assert collected() == ({big, small}, set())


def test_report_lineage_is_limited(collected: Collected) -> None:
    read = []

    def locations() -> Any:
        for number in range(100_000):
            read.append(number)
            yield f"https://cdn.example.com/{number}.jpg"

    LineageMixin()._report_lineage(locations())
    assert len(collected()[0]) == MAX_DATASETS
    assert len(read) <= 2 * MAX_DATASETS


def test_report_lineage_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(lineage_module(), "get_hook_lineage_collector", fail)
    task = LineageMixin()
    task._report_lineage(["https://cdn.example.com/big.jpg"])
    task._report_lineage([7])  # type: ignore[list-item]
    assert task._lineage
