"""Task records that operators and the sensor push to XCom for the page of a run's pictures."""

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
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
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


@pytest.fixture
def old(host: PictureHost) -> str:
    return host.serve("/old.jpg", artwork.jpeg(876, 324))


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


def test_upload_record_has_reports_ids_and_times(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    record = record_of(OppoImageUploadOperator(task_id="task", campaign="spring", **urls))
    ids = {entry["kind"]: entry["id"] for entry in sandbox.received()["uploads"]}
    assert (record["step"], record["campaign"], record["failure"]) == ("upload", "spring", None)
    big, small = record["pictures"]
    assert (big["kind"], big["picture_id"], big["report"]["width"]) == ("big", ids["big"], 984)
    assert small["url"] == urls["small_picture_url"].partition("?")[0] + "?…"
    assert big["uploaded_at"].endswith("+00:00")


def test_failed_upload_record_has_the_report(old: str) -> None:
    record = record_of(OppoImageUploadOperator(task_id="task", big_picture_url=old), fails=AirflowFailException)
    [big] = record["pictures"]
    assert (big["picture_id"], big["report"]["problems"][0]["code"]) == (None, "wrong_dimensions")
    assert (record["failure"]["code"], record["failure"]["transient"]) == ("wrong_dimensions", False)


def test_record_of_one_failed_and_one_stored_upload(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    sandbox.fail(call="upload_big", code=23100)
    store = MemoryStore()
    record = record_of(OppoImageUploadOperator(task_id="task", **urls), make_context(store), ServiceUnavailableError)
    big, small = record["pictures"]
    assert (big["picture_id"], big["failure"]["code"], big["failure"]["transient"]) == (None, "23100", True)
    assert small["picture_id"] is not None
    again = record_of(OppoImageUploadOperator(task_id="task", **urls), make_context(store, try_number=2))
    assert again["pictures"][1]["picture_id"] == small["picture_id"]
    assert again["pictures"][1]["uploaded_at"][:19] == small["uploaded_at"][:19]


def test_record_has_configuration_errors(connect: Callable[..., None], urls: dict[str, str]) -> None:
    connect(password="")
    record = record_of(OppoImageUploadOperator(task_id="task", **urls), fails=AirflowFailException)
    assert record["failure"]["code"] == "configuration"
    assert "master secret" in record["failure"]["message"]


@pytest.mark.parametrize("blank", [None, "", "None"])
def test_record_without_campaign(urls: dict[str, str], blank: str | None) -> None:
    assert record_of(OppoImageUploadOperator(task_id="task", campaign=blank, **urls))["campaign"] == ""


@pytest.mark.parametrize("validate_only", [False, True])
def test_push_record_has_title_and_text(sandbox: SandboxServer, urls: dict[str, str], validate_only: bool) -> None:
    ids = OppoImageUploadOperator(task_id="upload", **urls).execute(make_context())
    record = record_of(OppoImagePushOperator(task_id="task", message=MESSAGE, validate_only=validate_only, **ids))
    sent = sandbox.received()["pushes"]
    assert record["push"] == {
        "title": "Spring sale",
        "text": "Today only",
        "sent": not validate_only,
        "msg_id": None if validate_only else sent[0]["msg_id"],
    }
    assert {picture["kind"] + "_picture_id": picture["picture_id"] for picture in record["pictures"]} == {
        key: ids[key] for key in ("big_picture_id", "small_picture_id")
    }


def test_failed_push_record_is_not_sent(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    ids = OppoImageUploadOperator(task_id="upload", **urls).execute(make_context())
    sandbox.fail(call="push", code=21011)
    record = record_of(OppoImagePushOperator(task_id="task", message=MESSAGE, **ids), fails=AirflowFailException)
    assert (record["push"]["sent"], record["failure"]["code"]) == (False, "21011")


def test_push_record_without_pictures() -> None:
    record = record_of(OppoImagePushOperator(task_id="task", message=MESSAGE), fails=AirflowFailException)
    assert (record["pictures"], record["push"], record["failure"]["code"]) == ([], None, "configuration")


def test_batch_record_has_the_summary(old: str, urls: dict[str, str], tmp_path: Path) -> None:
    rows = [{"name": "good", "big_picture_url": urls["big_picture_url"]}, {"name": "old", "big_picture_url": old}]
    results = str(tmp_path / "night.results.csv")
    operator = OppoImageBatchUploadOperator(task_id="task", pictures=rows, results=results)
    batch = record_of(operator, fails=AirflowFailException)["batch"]
    assert (batch["rows"], batch["uploaded"], batch["failed"], batch["results"]) == (2, 1, 1, results)
    assert batch["causes"][0]["code"] == "wrong_dimensions"


def test_prepare_record_has_the_public_url(tmp_path: Path) -> None:
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
    assert (record["step"], big["url"]) == ("prepare", "https://cdn.example.com/big.png?…")
    assert big["report"]["state"] == "ready"


def test_failing_xcom_push_does_not_fail_the_task(sandbox: SandboxServer, urls: dict[str, str]) -> None:
    context = make_context()
    context["ti"].task.multiple_outputs = False  # the ids' own XComs are not part of the record
    context["ti"].xcom_push.side_effect = ConnectionError("no API server")
    assert OppoImageUploadOperator(task_id="task", **urls).execute(context)["big_picture_id"]


class TestSensor:
    def polled(self, context: dict[str, Any]) -> list[tuple[str, str, str]]:
        record = context["ti"].pushed[XCOM_KEY]
        assert record["step"] == "wait"
        return [(picture["name"], picture["kind"], picture["report"]["state"]) for picture in record["pictures"]]

    def test_poll_is_recorded(self, host: PictureHost) -> None:
        pictures = [{"name": "spring", "big_picture_url": host.status("/big.png", 404)}]
        sensor, context = OppoImageSensor(task_id="wait", pictures=pictures), make_context()
        assert not sensor.poke(context)
        assert self.polled(context) == [("spring", "big", "absent")]
        host.serve("/big.png", artwork.good("big"))
        assert sensor.poke(context)
        assert self.polled(context) == [("spring", "big", "ready")]

    def test_wrong_picture_is_recorded(self, old: str) -> None:
        context = make_context()
        with pytest.raises(AirflowFailException):
            OppoImageSensor(task_id="wait", big_picture_url=old).poke(context)
        assert self.polled(context) == [("", "big", "wrong")]
        assert context["ti"].pushed[XCOM_KEY]["failure"]["code"] == "wrong_dimensions"

    def test_trigger_result_is_recorded(self, urls: dict[str, str]) -> None:
        sensor, context = OppoImageSensor(task_id="wait", big_picture_url=urls["big_picture_url"]), make_context()
        result = sensor.poke(make_context()).xcom_value
        sensor.execute_complete(context, {"status": "ready", "result": result})
        assert self.polled(context) == [("", "big", "ready")]

    def test_trigger_error_has_no_pictures(self) -> None:
        context = make_context()
        sensor = OppoImageSensor(task_id="wait", big_picture_url="https://a.example/b.png")
        with pytest.raises(Exception, match="triggerer lost"):
            sensor.execute_complete(context, {"status": "error", "message": "triggerer lost"})
        assert self.polled(context) == []
