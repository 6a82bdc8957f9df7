"""Push with a picture, observe what becomes of it, and withdraw it if no phone can show the picture.

Nothing is sent unless the parameter `send` says so; until then the service only checks the push.
"""

from __future__ import annotations

# [START push_and_observe]
import datetime

try:
    from airflow.sdk import DAG, Param
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.models import Param

from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImagePushOperator,
    OppoImageUploadOperator,
    OppoImageWithdrawOperator,
)
from airflow_provider_oppo_image.sensors.oppo_image import OppoImagePushStatusSensor

with DAG(
    "push_and_observe",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    params={
        "big_picture_url": Param("https://cdn.example.com/spring/big.jpg", type="string"),
        "title": Param("Spring sale", type="string", maxLength=50),
        "text": Param("Up to 40 % off, today only", type="string", maxLength=50),
        "send": Param(False, type="boolean", description="Really push; otherwise the service only checks the push."),
    },
    tags=["oppo"],
) as dag:
    upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{{ params.big_picture_url }}", retries=3)
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
        big_picture_id=upload.output["big_picture_id"],
        validate_only="{{ not params.send }}",
        retries=3,
    )
    observe = OppoImagePushStatusSensor(task_id="observe", msg_ids=push.output, mode="reschedule", retries=1)
    withdraw = OppoImageWithdrawOperator(
        task_id="withdraw",
        msg_id=push.output,
        trigger_rule="one_failed",  # not a teardown, which also runs after success
        retries=3,
    )
    observe >> withdraw
# [END push_and_observe]
