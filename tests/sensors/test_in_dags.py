"""The sensors in a complete DAG run: rendering, mapping, deferral and resumption."""

from __future__ import annotations

import time

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_RETRY_POLICIES
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.dags import run_source
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import change_after

HAS_TASK_STATE = HAS_RETRY_POLICIES  # both since Airflow 3.3

pytestmark = pytest.mark.usefixtures("airflow_db", "connect")


def test_deferred_sensors_resume(host: PictureHost) -> None:
    big = change_after(
        host, "/big.png", 2, lambda: host.status("/big.png", 404), lambda: host.serve("/big.png", artwork.good("big"))
    )
    small = host.serve("/small.png", artwork.good("small"))
    wrong = host.serve("/wrong.png", artwork.HTML)
    dag_run = run_source(
        "waiting",
        """
        WAIT = {"deferrable": True, "poke_interval": 0.1, "timeout": 60}

        with DAG(NAME, schedule=None, start_date=START, params={"big": "", "small": "", "wrong": ""}) as dag:
            OppoImageSensor(
                task_id="wait",
                big_picture_url="{{ params.big }}",
                small_picture_url="{{ ti.xcom_pull('nobody') }}",
                pictures=[{"name": "{{ dag.dag_id }}", "small_picture_url": "{{ params.small }}"}],
                **WAIT,
            )

            @task
            def campaigns(params=None):
                return [[{"small_picture_url": params["small"]}], [{"big_picture_url": params["wrong"]}]]

            OppoImageSensor.partial(task_id="mapped", soft_fail=True, **WAIT).expand(pictures=campaigns())
        """,
        {"big": big, "small": small, "wrong": wrong},
    )
    assert dag_run.states["wait", -1] == "success"
    result = dag_run.returned["wait", -1]
    assert [(report["name"], report["kind"], report["state"]) for report in result["reports"]] == [
        (None, "big", "ready"),
        ("waiting", "small", "ready"),
    ]
    assert host.requests.count("/big.png") == 3
    assert dag_run.states["mapped", 0] == "success"
    assert dag_run.states["mapped", 1] == "skipped"


def test_rescheduled_push_status_sensor_keeps_its_answers(sandbox: SandboxServer) -> None:
    """Each poke is a new task: Airflow 3.3 keeps the answers in its store, and earlier versions only the first time."""
    start = time.monotonic()
    dag_run = run_source(
        "observing",
        """
        from airflow_provider_oppo_image.sensors.oppo_image import OppoImagePushStatusSensor

        with DAG(NAME, schedule=None, start_date=START) as dag:
            push = OppoImagePushOperator(task_id="push", message=MESSAGE, on_missing_picture="text")
            OppoImagePushStatusSensor(
                task_id="observe", msg_ids=push.output, mode="reschedule", poke_interval=1, observe_for=6, timeout=60
            )
        """,
    )
    assert dag_run.states["observe", -1] == "success"
    assert dag_run.returned["observe", -1]["oppo_share"] == 1.0
    polls = sandbox.received()["requests"]["status"]["200"]
    # On a busy machine, the pokes of 6 s can be 3 or fewer.
    assert polls == 3 if HAS_TASK_STATE else polls < 8 and (polls > 3 or time.monotonic() - start > 6)
