"""Campaigns, a teaser that is only uploaded, and a batch, all from the run's `conf`.

A task with an absent picture keeps waiting until after the tests.
"""

from __future__ import annotations

import datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task, task_group

from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImageBatchUploadOperator,
    OppoImagePushOperator,
    OppoImageUploadOperator,
)


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1))
def demo_run() -> None:
    @task
    def campaigns() -> list[dict[str, Any]]:
        return list(get_current_context()["dag_run"].conf["campaigns"])

    @task_group
    def campaign(name: str, title: str, text: str, big_picture_url: str, small_picture_url: str) -> None:
        upload = OppoImageUploadOperator(
            task_id="upload",
            campaign=name,
            big_picture_url=big_picture_url,
            small_picture_url=small_picture_url,
            retries=1,
            retry_delay=datetime.timedelta(days=1),
        )
        OppoImagePushOperator(
            task_id="push",
            campaign=name,
            message={
                "to": "all",
                "body": {"platform": "all", "notification": {"android": {"title": title, "alert": text}}},
            },
            pictures=upload.output,
        )

    campaign.expand_kwargs(campaigns())
    OppoImageUploadOperator(task_id="teaser", big_picture_url="{{ dag_run.conf['teaser'] }}")
    OppoImageBatchUploadOperator(task_id="night", manifest="{{ dag_run.conf['manifest'] }}", on_error="keep_going")


demo_run()
