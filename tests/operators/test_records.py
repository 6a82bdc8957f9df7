"""What tasks leave in XCom for the page of a run's pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.errors import ServiceUnavailableError
from airflow_provider_oppo_image.hooks.task_record import XCOM_KEY
from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImageBatchUploadOperator,
    OppoImagePrepareOperator,
    OppoImagePushOperator,
    OppoImageUploadOperator,
)
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import MemoryStore, make_context

pytestmark = pytest.mark.usefixtures("connect")

MESSAGE = {
    "to": "all",
    "body": {"platform": "all", "notification": {"android": {"title": "Spring sale", "alert": "Today only"}}},
}


@pytest.fixture
def urls(host: PictureHost) -> dict[str, str]:
    return {
        "big_picture_url": host.serve("/big.png", artwork.good("big")),
        "small_picture_url": host.serve("/small.png?signature=s3cret", artwork.good("small")),
    }


def record_of(operator: Any, context: dict[str, Any] | None = None, fails: Any = None) -> dict[str, Any]:
    context = context or make_context()
    if fails:
        with pytest.raises(fails):
            operator.execute(context)
    else:
        operator.execute(context)
    record = context["ti"].pushed[XCOM_KEY]
    assert json.loads(json.dumps(record)) == record
    assert "s3cret" not in str(record)
    return dict(record)


def test_an_upload_tells_of_reports_and_ids_and_when(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    record = record_of(OppoImageUploadOperator(task_id="task", campaign="spring", **urls))
    ids = {entry["kind"]: entry["id"] for entry in sandbox.received()["uploads"]}
    assert (record["step"], record["campaign"], record["failure"]) == ("upload", "spring", None)
    big, small = record["pictures"]
    assert (big["kind"], big["picture_id"], big["report"]["width"]) == ("big", ids["big"], 984)
    assert small["url"] == urls["small_picture_url"].partition("?")[0] + "?…"
    assert big["uploaded_at"].endswith("+00:00")


def test_a_wrong_picture_s_report_is_told_although_the_task_fails(host: PictureHost) -> None:
    operator = OppoImageUploadOperator(task_id="task", big_picture_url=host.serve("/old.jpg", artwork.jpeg(876, 324)))
    record = record_of(operator, fails=AirflowFailException)
    [big] = record["pictures"]
    assert (big["picture_id"], big["report"]["problems"][0]["code"]) == (None, "wrong_dimensions")
    assert (record["failure"]["code"], record["failure"]["transient"]) == ("wrong_dimensions", False)


def test_one_of_two_that_failed_is_told_beside_the_other(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    sandbox.fail(call="upload_big", code=23100)
    store = MemoryStore()
    record = record_of(OppoImageUploadOperator(task_id="task", **urls), make_context(store), ServiceUnavailableError)
    big, small = record["pictures"]
    assert (big["picture_id"], big["failure"]["code"], big["failure"]["transient"]) == (None, "23100", True)
    assert small["picture_id"] is not None
    again = record_of(OppoImageUploadOperator(task_id="task", **urls), make_context(store, try_number=2))
    assert again["pictures"][1]["picture_id"] == small["picture_id"]
    assert again["pictures"][1]["uploaded_at"][:19] == small["uploaded_at"][:19]


def test_a_task_without_a_connection_tells_why(connect: Callable[..., None], urls: dict[str, str]) -> None:
    connect(password="")
    record = record_of(OppoImageUploadOperator(task_id="task", **urls), fails=AirflowFailException)
    assert record["failure"]["code"] == "configuration"
    assert "master secret" in record["failure"]["message"]


@pytest.mark.parametrize("nothing", [None, "", "None"])
def test_no_campaign_is_told_as_none(urls: dict[str, str], nothing: str | None) -> None:
    assert record_of(OppoImageUploadOperator(task_id="task", campaign=nothing, **urls))["campaign"] == ""


@pytest.mark.parametrize("validate_only", [False, True])
def test_a_push_tells_what_the_phone_shows(sandbox: SandboxServer, urls: dict[str, str], validate_only: bool) -> None:
    ids = OppoImageUploadOperator(task_id="upload", **urls).execute(make_context())
    operator = OppoImagePushOperator(
        task_id="task", message=MESSAGE, campaign="spring", validate_only=validate_only, **ids
    )
    record = record_of(operator)
    sent = sandbox.received()["pushes"]
    assert record["push"] == {
        "title": "Spring sale",
        "text": "Today only",
        "sent": not validate_only,
        "msg_id": None if validate_only else sent[0]["msg_id"],
    }
    assert {picture["kind"] + "_picture_id": picture["picture_id"] for picture in record["pictures"]} == ids


def test_a_push_that_failed_is_not_told_as_sent(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    ids = OppoImageUploadOperator(task_id="upload", **urls).execute(make_context())
    sandbox.fail(call="push", code=21011)
    record = record_of(OppoImagePushOperator(task_id="task", message=MESSAGE, **ids), fails=AirflowFailException)
    assert (record["push"]["sent"], record["failure"]["code"]) == (False, "21011")


def test_a_push_without_pictures_tells_that_it_has_none() -> None:
    record = record_of(OppoImagePushOperator(task_id="task", message=MESSAGE), fails=AirflowFailException)
    assert (record["pictures"], record["push"], record["failure"]["code"]) == ([], None, "configuration")


def test_a_batch_tells_how_it_ended(host: PictureHost, urls: dict[str, str], tmp_path: Path) -> None:
    rows = [
        {"name": "good", "big_picture_url": urls["big_picture_url"]},
        {"name": "old", "big_picture_url": host.serve("/old.jpg", artwork.jpeg(876, 324))},
    ]
    results = str(tmp_path / "night.results.csv")
    operator = OppoImageBatchUploadOperator(task_id="task", pictures=rows, results=results)
    record = record_of(operator, fails=AirflowFailException)
    batch = record["batch"]
    assert (batch["rows"], batch["uploaded"], batch["failed"], batch["results"]) == (2, 1, 1, results)
    assert batch["causes"][0]["code"] == "wrong_dimensions"


def test_a_prepared_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "art.png").write_bytes(artwork.png(1968, 900))
    operator = OppoImagePrepareOperator(
        task_id="task",
        source=str(tmp_path / "art.png"),
        destination=str(tmp_path / "big"),
        kind="big",
        public_url="https://cdn.example.com/{name}?signature=s3cret",
    )
    record = record_of(operator)
    [big] = record["pictures"]
    assert (record["step"], big["url"], big["report"]["state"]) == (
        "prepare",
        "https://cdn.example.com/big.png?…",
        "ready",
    )


def test_what_the_page_lacks_never_fails_a_task(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    context = make_context()
    context["ti"].task.multiple_outputs = False  # the ids' own XComs are none of the page's
    context["ti"].xcom_push.side_effect = ConnectionError("no API server")
    assert OppoImageUploadOperator(task_id="task", **urls).execute(context)["big_picture_id"]
