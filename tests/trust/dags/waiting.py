"""Deferred sensors for pictures from the run's `conf`."""

from __future__ import annotations

import datetime
from typing import Any

from airflow.sdk import Asset, dag, get_current_context, task

from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1))
def waiting() -> None:
    @task
    def pictures() -> list[str]:
        return list(get_current_context()["dag_run"].conf["pictures"])

    @task(outlets=[Asset(name="counted", uri="oppo-image-trust://counted")])
    def count(results: Any) -> int:
        return sum(result["counts"]["ready"] for result in results)

    wait = OppoImageSensor.partial(
        task_id="wait",
        deferrable=True,
        poke_interval=0.5,
        timeout=300,
        outlets=[Asset(name="ready", uri="oppo-image-trust://ready")],
    ).expand(big_picture_url=pictures())
    count(wait.output)


waiting()
