"""One campaign, whose pictures and connection are handed over as the run's `conf`."""

from __future__ import annotations

import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator

with DAG("one_campaign", schedule=None, start_date=datetime.datetime(2026, 1, 1)):
    upload = OppoImageUploadOperator(
        task_id="upload",
        big_picture_url="{{ dag_run.conf['big_picture_url'] }}",
        oppo_image_conn_id="{{ dag_run.conf['connection'] }}",
    )
    OppoImagePushOperator(
        task_id="push",
        message={"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today only"}}}},
        pictures=upload.output,
        oppo_image_conn_id="{{ dag_run.conf['connection'] }}",
    )
