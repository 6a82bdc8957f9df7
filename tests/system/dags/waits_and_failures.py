"""A sensor that waits in the triggerer, and uploads that fail: pictures and connection are handed over as `conf`."""

from __future__ import annotations

import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

START = datetime.datetime(2026, 1, 1)
BIG, SMALL = "{{ dag_run.conf.get('big_picture_url') }}", "{{ dag_run.conf.get('small_picture_url') }}"

with DAG("wait_then_upload", schedule=None, start_date=START):
    wait = OppoImageSensor(task_id="wait", big_picture_url=BIG, deferrable=True, poke_interval=1, timeout=600)
    wait >> OppoImageUploadOperator(task_id="upload", big_picture_url=BIG)

with DAG("upload_and_retry", schedule=None, start_date=START):
    OppoImageUploadOperator(
        task_id="upload",
        big_picture_url=BIG,
        small_picture_url=SMALL,
        oppo_image_conn_id="{{ dag_run.conf['connection'] }}",
        retries=2,
        retry_delay=datetime.timedelta(0),
    )
