"""Uploads, sensors and pushes that succeed or fail in different ways; none of them may leak a secret."""

from __future__ import annotations

import datetime
import logging

from airflow.sdk import Asset, dag, get_current_context, task

from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today only"}}}}
QUERY = "?X-Amz-Signature=s1gN4tureX7ofAP1cture"
STRICT, WRONG = "oppo_image_strict", "oppo_image_wrong"

log = logging.getLogger(__name__)


def picture(path: str) -> str:
    """Return a signed URL. Only its host is in the run's `conf`, which Airflow logs at DEBUG."""
    return "{{ dag_run.conf['host'] }}" + path + QUERY


@dag(
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    default_args={"retries": 1, "retry_delay": datetime.timedelta(0)},
)
def leaks() -> None:
    ready, later, spoiled = picture("/ready.png"), picture("/later.png"), picture("/spoiled.png")
    upload = OppoImageUploadOperator(
        task_id="upload", big_picture_url=ready, outlets=[Asset(name="uploaded", uri="oppo-image-trust://uploaded")]
    )
    OppoImagePushOperator(task_id="push", message=MESSAGE, pictures=upload.output)

    OppoImageUploadOperator(task_id="upload_wrong_picture", big_picture_url=picture("/wrong.jpg"))
    OppoImageUploadOperator(task_id="upload_absent_picture", big_picture_url=picture("/absent.png"))
    OppoImageUploadOperator(task_id="upload_reset_picture", big_picture_url=picture("/reset.png"))
    OppoImageUploadOperator(task_id="upload_unchecked", big_picture_url=picture("/wrong.jpg"), check=False)
    OppoImageUploadOperator(task_id="upload_wrong_secret", big_picture_url=ready, oppo_image_conn_id=WRONG)
    OppoImageUploadOperator(task_id="upload_echoed", big_picture_url=ready, oppo_image_conn_id=STRICT)
    OppoImagePushOperator(task_id="push_wrong_secret", message=MESSAGE, big_picture_id="1_a", oppo_image_conn_id=WRONG)
    OppoImagePushOperator(task_id="push_echoed", message=MESSAGE, big_picture_id="1_a", oppo_image_conn_id=STRICT)

    waits = {"deferrable": True, "poke_interval": 0.5, "timeout": 120}
    OppoImageSensor(task_id="wait", big_picture_url=later, **waits)
    OppoImageSensor(task_id="wait_for_spoiled", big_picture_url=spoiled, **waits)
    OppoImageSensor(task_id="wait_in_vain", big_picture_url=picture("/absent.png"), **{**waits, "timeout": 3})

    @task
    def own_code() -> None:
        """Log everything and raise an error, as a user's code might do."""
        hook = OppoImageHook(STRICT)
        client = hook.get_conn()
        log.info("%s %s %s %s", hook, client, hook.settings, vars(hook))
        try:
            hook.upload_pictures(get_current_context()["dag_run"].conf["host"] + "/ready.png" + QUERY)
        finally:
            log.info("%s", hook.test_connection())

    own_code()


leaks()
