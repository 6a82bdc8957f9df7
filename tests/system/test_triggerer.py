"""Triggers survive a killed triggerer, and fire once."""

from __future__ import annotations

import hashlib

import pytest

from airflow_provider_oppo_image.airflow_compat import airflow_version
from tests.support import artwork
from tests.support.airflow_stack import AirflowStack
from tests.support.picture_host import PictureHost
from tests.system.conftest import BANNER, TIMEOUT_S

pytestmark = pytest.mark.timeout(900)

LATE_PICTURE = "/late.png"
ENOUGH_POLLS = 5
"""After so many polls, an event of the first one would exist."""


def wait_for_polls(airflow: AirflowStack, host: PictureHost, path: str, count: int) -> None:
    """Wait until a picture was requested `count` more times; all polls but the last have ended then."""
    before = host.requests.count(path)
    airflow.until(lambda: host.requests.count(path) >= before + count, f"requests of {path}", within=TIMEOUT_S)


def restart_triggerer(airflow: AirflowStack) -> None:
    airflow.kill("triggerer")
    airflow.start("triggerer")


def test_sensor_survives_triggerer_restart(airflow: AirflowStack, late: PictureHost) -> None:
    run = airflow.trigger("wait_then_upload", {"big_picture_url": late.base_url + LATE_PICTURE})

    def deferred() -> bool:
        return any(task["state"] == "deferred" for task in airflow.database.tasks(run))

    airflow.until(deferred, "the sensor to defer", within=TIMEOUT_S)
    wait_for_polls(airflow, late, LATE_PICTURE, 2)
    restart_triggerer(airflow)
    wait_for_polls(airflow, late, LATE_PICTURE, 2)
    late.serve(LATE_PICTURE, artwork.good("big"))
    assert airflow.wait_for(run, TIMEOUT_S) == "success"

    assert {task["task_id"]: task["try_number"] for task in airflow.database.tasks(run)} == {"wait": 1, "upload": 1}
    assert airflow.api.returned(run, "wait")["counts"] == {"ready": 1, "absent": 0, "wrong": 0}
    log = airflow.api.log(run, "wait")
    for seen in ("1 absent", "not_found", "1 ready"):
        assert seen in log


@pytest.mark.skipif(airflow_version().startswith("2."), reason="Airflow 2 has no asset watchers")
def test_new_picture_makes_one_event(airflow: AirflowStack, late: PictureHost) -> None:
    first, second = artwork.good("big"), artwork.png(turn=1)

    def made_events(*pictures: bytes) -> bool:
        events = airflow.api.ask("GET", "assets/events?order_by=timestamp")["asset_events"]
        made = [event["extra"]["payload"]["sha256"] for event in events if event["extra"].get("from_trigger")]
        return made == [hashlib.sha256(picture).hexdigest() for picture in pictures]

    wait_for_polls(airflow, late, BANNER, 2)
    assert made_events()
    late.serve(BANNER, first)
    airflow.until(lambda: made_events(first), "the new picture's event", within=TIMEOUT_S)

    restart_triggerer(airflow)
    wait_for_polls(airflow, late, BANNER, ENOUGH_POLLS)
    assert made_events(first)

    airflow.kill("triggerer")
    late.serve(BANNER, second)
    airflow.start("triggerer")
    airflow.until(lambda: made_events(first, second), "the event of what changed meanwhile", within=TIMEOUT_S)
    wait_for_polls(airflow, late, BANNER, ENOUGH_POLLS)
    assert made_events(first, second)

    airflow.until(lambda: len(airflow.api.runs("upload_new_banner")) == 2, "a run for each", within=TIMEOUT_S)
    for run in airflow.api.runs("upload_new_banner"):
        assert airflow.wait_for(run, TIMEOUT_S) == "success"
