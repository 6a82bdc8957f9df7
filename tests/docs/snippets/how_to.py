"""The small pieces of DAGs that the how-to guides show, together in one DAG that a test runs."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

try:
    from airflow.sdk import DAG, Asset, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task

from airflow_provider_oppo_image.errors import PictureRefusedError
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImageBatchUploadOperator,
    OppoImagePushOperator,
    OppoImageUploadOperator,
)
from airflow_provider_oppo_image.sensors.oppo_image import OppoImagePushStatusSensor, OppoImageSensor

MESSAGE = {
    "to": "all",
    "body": {"platform": "all", "notification": {"android": {"title": "Spring sale", "alert": "Today only"}}},
}

with DAG(
    "how_to",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={"big": "", "small": "", "manifest": "", "campaign": "spring"},
) as dag:
    wait = OppoImageSensor(
        task_id="wait",
        big_picture_url="{{ params.big }}",
        small_picture_url="{{ params.small }}",
        deferrable=True,  # wait in the triggerer, where no worker's slot is held
        poke_interval=60,
        timeout=6 * 3600,
    )

    # [START wait_for_many]
    wait_for_many = OppoImageSensor(
        task_id="wait_for_many",
        pictures=[
            {"name": "spring", "big_picture_url": "{{ params.big }}", "small_picture_url": "{{ params.small }}"},
            {"name": "summer", "big_picture_url": "{{ params.big }}"},
        ],
        on_wrong="wait",  # the designer may still replace a wrong one
        mode="reschedule",
        poke_interval=300,
        timeout=6 * 3600,
    )
    # [END wait_for_many]

    upload = OppoImageUploadOperator(
        task_id="upload",
        big_picture_url="{{ params.big }}",
        small_picture_url="{{ params.small }}",
        outlets=[Asset("oppo-image://campaigns/spring")],  # optional: starts the DAGs that wait for it
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
    )

    batch = OppoImageBatchUploadOperator(
        task_id="batch",
        manifest="{{ params.manifest }}",  # such as s3://my_connection@bucket/night.csv
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
    )

    # [START batch_of_a_list]
    batch_of_a_list = OppoImageBatchUploadOperator(
        task_id="batch_of_a_list",
        pictures=[
            {"name": "spring", "big_picture_url": "{{ params.big }}", "small_picture_url": "{{ params.small }}"},
            {"name": "summer", "big_picture_url": "{{ params.big }}"},
        ],
    )
    # [END batch_of_a_list]

    push = OppoImagePushOperator(
        task_id="push",
        message=MESSAGE,
        pictures=upload.output,
        validate_only=True,  # remove this line to send the push
        retries=3,
    )

    # [START push_or_text]
    push_or_text = OppoImagePushOperator(
        task_id="push_or_text",
        message=MESSAGE,
        big_picture_id="{{ ti.xcom_pull('upload', key='big_picture_id') }}",
        small_picture_id="{{ ti.xcom_pull('upload', key='small_picture_id') }}",
        uploaded_at="{{ ti.xcom_pull('upload', key='uploaded_at') }}",
        on_missing_picture="text",
        validate_only=True,  # remove this line to send the push
        trigger_rule="all_done",  # also after an upload that failed
        retries=3,
    )
    upload >> push_or_text  # a template alone makes no dependency
    # [END push_or_text]

    # [START push_again]
    push_again = OppoImagePushOperator(
        task_id="push_again",
        message=MESSAGE,
        pictures=upload.output,
        cid="{{ params.campaign }}-{{ ds_nodash }}-2",  # the second one of that day
        validate_only=True,  # remove this line to send the push
        retries=3,
    )
    # [END push_again]

    # [START observe]
    observe = OppoImagePushStatusSensor(
        task_id="observe",
        msg_ids=push.output,
        has_pictures=upload.output["big_picture_id"],  # an empty id: a push as plain text is not judged
        deferrable=True,  # wait in the triggerer, without a worker slot
    )
    # [END observe]

    @task(retries=3)
    def upload_if_it_is_good(url: str) -> str | None:
        """Return the picture's id, or None where the campaign shall go out without it."""
        with airflow_errors():
            hook = OppoImageHook("oppo_image_default")
            if hook.check("big", url).state == "wrong":
                return None
            try:
                return hook.upload("big", url)
            except PictureRefusedError:
                return None

    # [START hook_push]
    @task(retries=3)
    def push_by_hook(picture_id: str | None, run_id: Any = None) -> str:
        """Push; the service recognises a repeat of the `cid` for one hour."""
        cid = hashlib.sha256(f"spring push {run_id}".encode()).hexdigest()[:40]
        with airflow_errors():
            return OppoImageHook().push(MESSAGE, big_picture_id=picture_id, cid=cid)

    # [END hook_push]

    # [START hook_status]
    @task(retries=3)
    def how_it_fared(msg_id: str) -> dict[str, Any]:
        """Return the numbers of phones, in all and by channel."""
        with airflow_errors():
            return OppoImageHook().push_status(msg_id)[msg_id].to_dict()

    # [END hook_status]

    [wait, wait_for_many] >> upload
    how_it_fared(push_by_hook(upload_if_it_is_good("{{ params.big }}")))
