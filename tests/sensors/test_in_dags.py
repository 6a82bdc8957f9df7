"""The sensor in a complete DAG run: rendering, mapping, deferral and resumption."""

from __future__ import annotations

import pytest

from tests.support import artwork
from tests.support.dags import run_source
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import change_after

pytestmark = pytest.mark.usefixtures("airflow_db", "connect")


def test_deferred_sensors_resume(host: PictureHost) -> None:
    big = change_after(
        host,
        "/big.png",
        2,
        lambda: host.status("/big.png", 404),
        lambda: host.serve("/big.png", artwork.good("big")),
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
