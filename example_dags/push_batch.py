"""A push for each row of a manifest: upload the pictures, then push with the row's ids, audience and texts.

Start it by hand with the manifest as a parameter: CSV or JSON Lines with name, big_picture_url, segment, title and
text.
"""

from __future__ import annotations

# [START push_batch]
import datetime

try:
    from airflow.sdk import DAG, Param
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.models import Param

from airflow_provider_oppo_image.operators.oppo_image import OppoImageBatchPushOperator, OppoImageBatchUploadOperator

with DAG(
    "push_batch",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=5)},
    params={
        "manifest": Param("s3://bucket/night.csv", type="string", description="name, big_picture_url, segment, title"),
        "folder": Param("s3://bucket/night", type="string", description="Where results go; all workers must reach it."),
    },
    tags=["oppo"],
) as dag:
    upload = OppoImageBatchUploadOperator(
        task_id="upload",
        manifest="{{ params.manifest }}",
        results="{{ params.folder }}/{{ run_id }}.csv",
        on_error="keep_going",  # push the rows whose pictures are right
    )
    push = OppoImageBatchPushOperator(
        task_id="push",
        results="{{ params.folder }}/{{ run_id }}.csv",
        manifest="{{ params.manifest }}",
        message={
            "from": "push",
            "to": {"tag": ["${segment}"]},
            "body": {
                "platform": "all",
                "notification": {"android": {"title": "${title}", "alert": "${text}"}},
            },
        },
        # Remove this line when the service accepts the pushes and the log names the right number of audiences: then
        # each run sends a push for each row.
        validate_only=True,
    )
    upload >> push
# [END push_batch]
