"""Many campaigns a night: each waits for its own pictures, uploads them, and pushes.

A campaign that fails stops only itself.
Start it by hand with the campaigns as parameters, or set the environment variable OPPO_IMAGE_EXAMPLE_SCHEDULE (such as
"0 2 * * *") for the process that parses DAG files. Nothing is sent unless the parameter `send` says so.
"""

from __future__ import annotations

# [START nightly_campaigns]
import datetime
import os
from typing import Any

try:
    from airflow.sdk import Param, dag, task, task_group
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task, task_group
    from airflow.models import Param

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

CAMPAIGNS = [
    {
        "name": "spring_sale",
        "title": "Spring sale",
        "text": "Up to 40 % off, today only",
        "big_picture_url": "https://cdn.example.com/spring/big.jpg",
        "small_picture_url": "https://cdn.example.com/spring/small.png",
    },
]


@dag(
    schedule=os.environ.get("OPPO_IMAGE_EXAMPLE_SCHEDULE"),
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=5)},
    params={
        "campaigns": Param(
            CAMPAIGNS, type="array", description="name, title, text, big_picture_url, small_picture_url"
        ),
        "send": Param(False, type="boolean", description="Really push; otherwise the service only checks the push."),
    },
    tags=["oppo"],
)
def nightly_campaigns() -> None:
    """Upload the pictures of tonight's campaigns, and push."""

    @task
    def tonights_campaigns(params: Any = None) -> list[dict[str, Any]]:
        """Return the campaigns; a real DAG queries its campaign database here."""
        return list(params["campaigns"])

    @task
    def message(title: str, text: str) -> dict[str, Any]:
        notification = {"android": {"title": title, "alert": text}}
        return {"from": "push", "to": "all", "body": {"platform": "all", "notification": notification}}

    @task_group
    def campaign(name: str, title: str, text: str, big_picture_url: str, small_picture_url: str) -> None:
        ready = OppoImageSensor(
            task_id="wait",
            campaign=name,
            big_picture_url=big_picture_url,
            small_picture_url=small_picture_url,
            mode="reschedule",
            poke_interval=60,
            timeout=3600,
        )
        upload = OppoImageUploadOperator(
            task_id="upload",
            big_picture_url=big_picture_url,
            small_picture_url=small_picture_url,
            campaign=name,
        )
        push = OppoImagePushOperator(
            task_id="push",
            campaign=name,
            message=message(title, text),
            pictures=upload.output,
            validate_only="{{ not params.send }}",
        )
        ready >> upload >> push

    campaign.expand_kwargs(tonights_campaigns())


nightly_campaigns_dag = nightly_campaigns()
# [END nightly_campaigns]
