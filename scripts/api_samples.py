"""A sample of each stored shape: in Airflow's database, in files, and in other DAGs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from airflow_provider_oppo_image.airflow_compat import Asset
from airflow_provider_oppo_image.batch.progress import Cause, Summary
from airflow_provider_oppo_image.batch.push_result import PushSummary
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.engagelab.push_once import StoredPush
from airflow_provider_oppo_image.errors import Failure
from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord, TaskRecord
from airflow_provider_oppo_image.hooks.uploads import upload_result
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.operators.asset_events import announce_batch, announce_uploads
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator
from airflow_provider_oppo_image.operators.push import PushState
from airflow_provider_oppo_image.operators.upload import UploadState
from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, PollResult
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.storage import resolve
from airflow_provider_oppo_image.triggers.event import _payload
from airflow_provider_oppo_image.triggers.oppo_image import OppoImageEventTrigger, OppoImageTrigger
from tests.support.tasks import MemoryStore, OutletEvents

URL: Final = "https://cdn.example.com/spring/big.jpg"
SMALL_URL: Final = "https://cdn.example.com/s"
PICTURE_ID: Final = "3653918_1c3ef177497fb5f62f1abac9"
KINDS: Final = ("triggers", "xcoms", "records", "asset_events", "task_state", "files")
WHEN: Final = "2026-11-24T22:38:56+00:00"
SHA256: Final = "ae668afb648ccd37beac25b6781313f6ed6114670da5f2a93f6f9b581b5323fa"

_PROBLEM: Final = Problem("wrong_dimensions", "876 x 324 px", "984 x 369 px", "Lay it out again.")
_WARNING: Final = Problem("nearly_too_heavy", "1,010,000 bytes", "at most 1,000,000 bytes", "Make it lighter.")
_FAILURE: Final = Failure("51", "OPPO refused the picture.", "picture")
_ROW: Final = RowResult(
    2, "old", "failed", None, PICTURE_ID, "wrong_dimensions", "876 x 324 px", "picture", URL, SMALL_URL
)
_SUMMARY: Final = Summary(3, 1, 1, 1, (Cause("picture", "51", 1, 3, "refused"),), "s3://bucket/night.results.csv")
_READY: Final = PictureReport("big", URL, "ready", (), (_WARNING,), "JPEG", 984, 369, 17241, SHA256)
_PARSED: Final = PictureUrl.parse(URL)
_PUSH: Final = {"to": "all", "body": {"platform": "all"}}
_UPLOADED: Final = upload_result({"big": PICTURE_ID}, WHEN)
_WRONG: Final = PictureReport("big", URL, "wrong", (_PROBLEM,), (), "JPEG", 876, 324, 5249, SHA256, 1.5)


def triggers() -> dict[str, Any]:
    """Return triggers as Airflow stores them, and their events."""
    pictures = [{"name": "spring", "big_picture_url": URL, "small_picture_url": None}]
    shared: dict[str, Any] = {"big_picture_url": URL, "small_picture_url": URL, "pictures": pictures}
    shared |= {"poke_interval": 7.5}
    times: dict[str, Any] = {"deadline": 1_790_000_000.5, "exponential_backoff": True, "max_wait": 600.0}
    waiting = OppoImageTrigger(on_wrong="wait", silent_fail=True, oppo_image_conn_id=None, **times, **shared)
    watching = OppoImageEventTrigger(oppo_image_conn_id="another", **shared)
    return {
        "serialized": [waiting.serialize(), watching.serialize(), OppoImageTrigger(deadline=1.0).serialize()],
        "events": [
            {"status": "ready", "result": _poll(_READY)},
            {"status": "wrong", "result": _poll(_WRONG)},
            {"status": "timeout", "result": None},
            {"status": "error", "message": "Airflow has no connection.", "permanent": True},
        ],
    }


def xcoms() -> dict[str, Any]:
    """Return the return values of tasks, by step."""
    batch = {**_SUMMARY.to_dict(), "pictures": [_ROW.to_dict()]}
    pushes = PushSummary(2, 1, 1, 0, 0, 0, 2, _SUMMARY.causes, "night.results.pushes.csv", 1)
    step = {"prepare": URL, "wait": _poll(_READY, _WRONG), "upload": _UPLOADED, "batch": batch, "push": "1180003"}
    return {**step, "push_batch": pushes.to_dict()}


def records() -> list[dict[str, Any]]:
    """Return the records of tasks for the page."""
    small = PictureRecord("small", SMALL_URL, failure=_FAILURE)
    big = PictureRecord("big", URL, "spring", _READY, PICTURE_ID, WHEN)
    records = [
        TaskRecord("prepare", "spring", [PictureRecord("big", URL, report=_READY)]),
        TaskRecord("wait", pictures=[PictureRecord("big", URL, report=_WRONG)], failure=_FAILURE),
        TaskRecord("upload", "spring", [big, small]),
        TaskRecord("push", "spring", [big], push=PushRecord("Spring sale", "Today only", sent=True, msg_id="1180003")),
        TaskRecord("batch", batch=_SUMMARY),
    ]
    return [record.to_json() for record in records]


def asset_events() -> dict[str, Any]:
    """Return the extra of asset events, by source."""
    asset = Asset("oppo-image://campaigns/spring")
    uploads, batch = OutletEvents(), OutletEvents()
    context: Any = {"outlet_events": uploads}
    announce_uploads(context, [asset], result=_UPLOADED, urls={"big": _PARSED}, reports={"big": _READY})
    context = {"outlet_events": batch}
    announce_batch(context, [asset], _SUMMARY.to_dict())
    watched = {**_payload(ExpectedPicture("big", _PARSED, "spring"), _READY), "seen_at": WHEN}
    return {"upload": uploads[asset].extra, "batch": batch[asset].extra, "watched": watched}


def task_state() -> dict[str, Any]:
    """Return the state that tasks keep between tries, and the default `cid` of a push."""
    store = MemoryStore()
    UploadState(store, {"big": _PARSED}, {"big": _READY}).save({"big": PICTURE_ID}, WHEN)
    account = "0123456789abcdef https://pushapi-sgp.engagelab.com"
    PushState(store).save(StoredPush("spring-1", "0" * 64, account, WHEN, "sent", "1180003"))
    stored = {key: json.loads(value) for key, value in store.values.items()}
    for entry in stored.values():
        entry.update({"uploaded_at": WHEN} if "uploaded_at" in entry else {})
    hook = SimpleNamespace(settings=SimpleNamespace(cid_namespace="site"))
    context: Any = {"ti": SimpleNamespace(dag_id="nightly", run_id="run_1", task_id="push", map_index=-1)}
    with mock.patch.object(OppoImagePushOperator, "hook", hook):
        cid = OppoImagePushOperator(task_id="push", message=_PUSH)._default_cid(context)
    return {"stored": stored, "cid": cid}


def files() -> dict[str, str]:
    """Return the contents of a manifest and of results, by file name."""
    manifest = f"name,big_picture_url,small_picture_url\nspring,{URL},https://cdn.example.com/s\nold,,{URL}?1\n"
    row = f'{{"name": "spring", "big_picture_url": "{URL}", "small_picture_url": null}}\n'
    written = {"night.csv": manifest, "night.jsonl": row}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("night.results.csv", "night.results.jsonl"):
            write_results(resolve(Path(folder) / name), [_ROW, RowResult(3, "spring", "uploaded", PICTURE_ID)])
            written[name] = (Path(folder) / name).read_text()
    return written


def _poll(*reports: PictureReport) -> dict[str, Any]:
    return PollResult(tuple(ExpectedPicture(one.kind, _PARSED, "spring") for one in reports), reports).to_xcom()
