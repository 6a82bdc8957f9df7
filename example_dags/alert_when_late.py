"""A mail if a campaign is not pushed 30 minutes after its run was queued, in Airflow 3.1 and later."""

from __future__ import annotations

# [START alert_when_late]
import datetime

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import DAG
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

with DAG(
    "alert_when_late",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=datetime.timedelta(minutes=30),
        callback=AsyncCallback(
            SmtpNotifier,
            kwargs={
                "from_email": "airflow@example.com",
                "to": "campaigns@example.com",
                "subject": "The campaign {{ dag_run.dag_id }} is late",
                "html_content": "The run {{ dag_run.dag_run_id }} was not done at {{ deadline.deadline_time }}.",
            },
        ),
    ),
    params={"big_picture_url": "https://cdn.example.com/spring/big.jpg"},
    tags=["oppo"],
) as dag:
    wait = OppoImageSensor(
        task_id="wait",
        big_picture_url="{{ params.big_picture_url }}",
        mode="reschedule",
        poke_interval=60,
        timeout=3600,
    )
    upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{{ params.big_picture_url }}", retries=3)
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
        validate_only=True,  # remove this line when the service accepts the push: then it is sent
        retries=3,
    )
    wait >> upload >> push
# [END alert_when_late]
