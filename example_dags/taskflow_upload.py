"""Campaigns in TaskFlow's words: a function says where a campaign's pictures are, and its task uploads them.

Nothing is sent unless the parameter `send` says so; until then the service only checks the pushes.
"""

from __future__ import annotations

# [START taskflow_upload]
import datetime
from typing import Any

try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.models import Param

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator

CAMPAIGNS = [{"name": "spring_sale", "folder": "https://cdn.example.com/spring"}]


@dag(
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=5)},
    params={
        "campaigns": Param(CAMPAIGNS, type="array", description="name, and the folder of big.jpg and small.png"),
        "send": Param(False, type="boolean", description="Really push; otherwise the service only checks the push."),
    },
    tags=["oppo"],
)
def taskflow_upload() -> None:
    """Upload the pictures of each campaign, and push."""

    @task
    def tonights_campaigns(params: Any = None) -> list[dict[str, Any]]:
        """Return the campaigns; a real DAG queries its campaign database here."""
        return list(params["campaigns"])

    @task.oppo_image_upload
    def upload(name: str, folder: str) -> dict[str, str]:
        """Say where the pictures are; the task checks them, uploads them, and returns their ids."""
        return {
            "big_picture_url": f"{folder}/big.jpg",
            "small_picture_url": f"{folder}/small.png",
            "campaign": name,
        }

    notification = {"android": {"title": "Spring sale", "alert": "Up to 40 % off, today only"}}
    OppoImagePushOperator.partial(
        task_id="push",
        message={"from": "push", "to": "all", "body": {"platform": "all", "notification": notification}},
        validate_only="{{ not params.send }}",
    ).expand_kwargs(upload.expand_kwargs(tonights_campaigns()))


taskflow_upload_dag = taskflow_upload()
# [END taskflow_upload]
