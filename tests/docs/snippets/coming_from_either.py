"""The same campaign with this package's operators."""

# [START coming_from_either]
import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImagePushOperator,
    OppoImageUploadOperator,
)

MESSAGE = {
    "to": "all",
    "body": {
        "platform": "all",
        "notification": {"android": {"alert": "Spring sale"}},
    },
}

with DAG(
    "spring_sale",
    schedule=None,
    start_date=datetime.datetime(2026, 3, 1),
    catchup=False,
    params={"big": "https://cdn.example.com/big.jpg"},
    default_args={"retries": 3},
) as dag:
    upload = OppoImageUploadOperator(
        task_id="upload",
        big_picture_url="{{ params.big }}",
    )
    push = OppoImagePushOperator(
        task_id="push",
        message=MESSAGE,
        pictures=upload.output,
        validate_only=True,  # remove to send
    )
# [END coming_from_either]
