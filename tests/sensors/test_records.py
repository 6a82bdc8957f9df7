"""What a sensor leaves in XCom for the page of a run's pictures."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.hooks.task_record import XCOM_KEY
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import make_context

pytestmark = pytest.mark.usefixtures("connect")


def looked(context: dict[str, Any]) -> list[tuple[str, str, str]]:
    record = context["ti"].pushed[XCOM_KEY]
    assert record["step"] == "wait"
    return [(picture["name"], picture["kind"], picture["report"]["state"]) for picture in record["pictures"]]


def test_each_look_is_told(host: PictureHost) -> None:
    pictures = [{"name": "spring", "big_picture_url": host.status("/big.png", 404)}]
    sensor, context = OppoImageSensor(task_id="wait", pictures=pictures), make_context()
    assert not sensor.poke(context)
    assert looked(context) == [("spring", "big", "absent")]
    host.serve("/big.png", artwork.good("big"))
    assert sensor.poke(context)
    assert looked(context) == [("spring", "big", "ready")]


def test_a_wrong_picture_is_told_although_the_task_fails(host: PictureHost) -> None:
    sensor = OppoImageSensor(task_id="wait", big_picture_url=host.serve("/old.jpg", artwork.jpeg(876, 324)))
    context = make_context()
    with pytest.raises(AirflowFailException):
        sensor.poke(context)
    assert looked(context) == [("", "big", "wrong")]
    assert context["ti"].pushed[XCOM_KEY]["failure"]["code"] == "wrong_dimensions"


def test_what_the_triggerer_saw_is_told(host: PictureHost) -> None:
    sensor, look = OppoImageSensor(task_id="wait", big_picture_url="https://a.example/b.png"), make_context()
    seen = OppoImageSensor(task_id="wait", big_picture_url=host.serve("/big.png", artwork.good("big"))).poke(look)
    context = make_context()
    sensor.execute_complete(context, {"status": "ready", "result": seen.xcom_value})
    assert looked(context) == [("", "big", "ready")]


def test_a_trigger_that_saw_nothing_leaves_no_pictures() -> None:
    context = make_context()
    with pytest.raises(Exception, match="triggerer lost"):
        OppoImageSensor(task_id="wait", big_picture_url="https://a.example/b.png").execute_complete(
            context, {"status": "error", "message": "triggerer lost"}
        )
    assert looked(context) == []
