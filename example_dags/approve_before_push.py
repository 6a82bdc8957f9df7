"""A push that a person approves after a look at the pictures, in Airflow 3.1 and later."""

from __future__ import annotations

# [START approve_before_push]
import datetime

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator

with DAG(
    "approve_before_push",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    params={"big_picture_url": "https://cdn.example.com/spring/big.jpg"},
    tags=["oppo"],
) as dag:
    upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{{ params.big_picture_url }}", retries=3)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Push the spring sale to all phones?",
        # The address of the run, which is the first part of the task's, and its tab with the pictures.
        body="[The pictures as a phone shows them]({{ ti.log_url.partition('tasks/')[0] }}plugin/oppo-pictures)",
    )
    push = OppoImagePushOperator(
        task_id="push",
        message={
            "from": "push",
            "to": "all",
            "body": {
                "platform": "all",
                "notification": {"android": {"title": "Spring sale", "alert": "Up to 40 % off, today only"}},
            },
        },
        pictures=upload.output,
        validate_only=True,  # remove this line when the service accepts the push: then an approval sends it
        retries=3,
    )
    upload >> approve >> push
# [END approve_before_push]
