"""A whole DAG that waits for pictures; a test runs it."""

# [START wait_for_pictures]
import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImageUploadOperator
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

with DAG(
    "wait_for_pictures",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={"big": "https://cdn.example.com/spring/big.jpg", "small": "https://cdn.example.com/spring/small.png"},
) as dag:
    wait = OppoImageSensor(
        task_id="wait",
        big_picture_url="{{ params.big }}",
        small_picture_url="{{ params.small }}",
        deferrable=True,  # wait in the triggerer, without a worker slot
        poke_interval=60,
        timeout=6 * 3600,
    )
    upload = OppoImageUploadOperator(
        task_id="upload",
        big_picture_url="{{ params.big }}",
        small_picture_url="{{ params.small }}",
        retries=3,
    )
    wait >> upload
# [END wait_for_pictures]
