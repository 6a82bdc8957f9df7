"""One campaign from the trigger form: wait for its pictures, upload them, push.

Nothing is sent unless the parameter `send` says so; until then the service only checks the push.
"""

from __future__ import annotations

# [START upload_then_push]
import datetime

try:
    from airflow.sdk import DAG, Param
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.models import Param

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

with DAG(
    "upload_then_push",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    params={
        "big_picture_url": Param(
            "https://cdn.example.com/spring/big.jpg", type=["null", "string"], description="984 x 369 px, PNG or JPEG"
        ),
        "small_picture_url": Param(None, type=["null", "string"], description="144 x 144 px, PNG or JPEG"),
        "title": Param("Spring sale", type="string", maxLength=50),
        "text": Param("Up to 40 % off, today only", type="string", maxLength=50),
        "send": Param(False, type="boolean", description="Really push; otherwise the service only checks the push."),
    },
    tags=["oppo"],
) as dag:
    wait = OppoImageSensor(
        task_id="wait",
        big_picture_url="{{ params.big_picture_url }}",
        small_picture_url="{{ params.small_picture_url }}",
        mode="reschedule",
        poke_interval=60,
        timeout=3600,
    )
    upload = OppoImageUploadOperator(
        task_id="upload",
        big_picture_url="{{ params.big_picture_url }}",
        small_picture_url="{{ params.small_picture_url }}",
        retries=3,
    )
    push = OppoImagePushOperator(
        task_id="push",
        message={
            "from": "push",
            "to": "all",
            "body": {
                "platform": "all",
                "notification": {"android": {"title": "{{ params.title }}", "alert": "{{ params.text }}"}},
            },
        },
        pictures=upload.output,
        validate_only="{{ not params.send }}",
        retries=3,
    )
    wait >> upload >> push
# [END upload_then_push]
