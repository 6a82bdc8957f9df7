"""Campaigns from the run's `conf`: each uploads its picture and pushes it."""

from __future__ import annotations

import datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task, task_group

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator

START = datetime.datetime(2026, 1, 1)
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today only"}}}}


@dag(schedule=None, start_date=START, default_args={"retries": 8, "retry_delay": datetime.timedelta(0)})
def campaigns() -> None:
    @task
    def read_campaigns() -> list[dict[str, Any]]:
        return list(get_current_context()["dag_run"].conf["campaigns"])

    @task_group
    def campaign(big_picture_url: str, connection: str) -> None:
        upload = OppoImageUploadOperator(
            task_id="upload", big_picture_url=big_picture_url, oppo_image_conn_id=connection
        )
        OppoImagePushOperator(
            task_id="push",
            message=MESSAGE,
            pictures=upload.output,
            oppo_image_conn_id=connection,
        )

    campaign.expand_kwargs(read_campaigns())


campaigns()
