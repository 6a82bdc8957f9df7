"""A whole DAG with a schedule in a time zone; a test runs it."""

# [START evening_push]
import datetime

import pendulum
from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

with DAG(
    "evening_push",
    schedule="0 18 * * *",  # each day at 18:00 in Shanghai, the zone of `start_date`
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,  # no runs for days in the past
    max_active_runs=1,
    params={"folder": "https://cdn.example.com/evening"},
) as dag:
    big_picture_url = "{{ params.folder }}/{{ dag.timezone.convert(data_interval_end).strftime('%Y-%m-%d') }}.jpg"
    wait = OppoImageSensor(
        task_id="wait",
        big_picture_url=big_picture_url,  # such as https://cdn.example.com/evening/2026-12-01.jpg
        mode="reschedule",
        poke_interval=60,
        timeout=2 * 3600,  # until 20:00
    )
    upload = OppoImageUploadOperator(
        task_id="upload",
        big_picture_url=big_picture_url,
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
    )
    push = OppoImagePushOperator(
        task_id="push",
        message={
            "to": "all",
            "body": {"platform": "all", "notification": {"android": {"title": "Good evening", "alert": "Today only"}}},
        },
        pictures=upload.output,
        not_after="{{ data_interval_end + macros.timedelta(hours=3) }}",  # never after 21:00
        on_late="skip",
        validate_only=True,  # remove this line when the log of `push` has been right for some days
        retries=3,
    )
    wait >> upload >> push
# [END evening_push]
