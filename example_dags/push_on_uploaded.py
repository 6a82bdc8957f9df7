"""Two DAGs that know of each other by an asset only: one uploads pictures, the other pushes when they are uploaded.

The second one is started by the scheduler, with the event in which the upload put the picture ids.
"""

from __future__ import annotations

# [START push_on_uploaded]
import datetime
from typing import Any

try:
    from airflow.sdk import DAG, Asset, Param, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task
    from airflow.models import Param

from airflow_provider_oppo_image.operators.asset_events import uploaded_pictures
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator

PICTURES = Asset("oppo-image://example/campaign-pictures")

with DAG(
    "upload_pictures",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    params={
        "big_picture_url": Param("https://cdn.example.com/spring/big.jpg", type=["null", "string"]),
        "small_picture_url": Param(None, type=["null", "string"]),
    },
    tags=["oppo"],
) as upload_pictures:
    OppoImageUploadOperator(
        task_id="upload",
        big_picture_url="{{ params.big_picture_url }}",
        small_picture_url="{{ params.small_picture_url }}",
        outlets=[PICTURES],
        retries=3,
    )

with DAG(
    "push_on_uploaded",
    schedule=[PICTURES],
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["oppo"],
) as push_on_uploaded:

    @task
    def pictures(**context: Any) -> list[dict[str, str | None]]:
        """Return the ids in the events that started this run; without an event, Airflow skips the push."""
        return uploaded_pictures(context)

    OppoImagePushOperator.partial(
        task_id="push",
        message={
            "from": "push",
            "to": "all",
            "body": {
                "platform": "all",
                "notification": {"android": {"title": "Spring sale", "alert": "Up to 40 % off, today only"}},
            },
        },
        validate_only=True,  # remove this line to send the push
        retries=3,
    ).expand_kwargs(pictures())
# [END push_on_uploaded]
