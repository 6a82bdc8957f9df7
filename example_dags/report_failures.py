"""A mail for each task that fails, with the reason, what to do, and the report on each picture."""

from __future__ import annotations

# [START report_failures]
import datetime
import html
from typing import Any

from airflow import DAG
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.pictures.report import PictureReport


def failure_text(context: Any) -> str:
    """Return why the task failed and what to do, then a line for each picture that is not ready."""
    exception = context.get("exception") or "The task's process ended, for example because it was killed."
    reports = getattr(getattr(exception, "__cause__", None) or exception, "reports", ())
    pictures = [str(PictureReport.from_dict(report)) for report in reports if report["problems"]]
    return "\n".join([str(exception), *pictures])


def send_mail(context: Any) -> None:
    """Send the mail; Airflow calls it once, after the last try."""
    task = context["ti"]
    SmtpNotifier(
        from_email="airflow@example.com",
        to="campaigns@example.com",
        subject=f"{task.dag_id}: {task.task_id} failed",
        html_content=f"<pre>{html.escape(failure_text(context))}</pre>",
    ).notify(context)


with DAG(
    "report_failures",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    default_args={"retries": 3, "on_failure_callback": send_mail},
    params={"big_picture_url": "https://cdn.example.com/spring/big.jpg"},
    tags=["oppo"],
) as dag:
    upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{{ params.big_picture_url }}")
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
    )
# [END report_failures]
