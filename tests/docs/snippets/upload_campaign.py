"""A whole DAG that uploads the pictures of one campaign and pushes; a test runs it."""

# [START upload_campaign]
import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator

with DAG(
    "upload_campaign",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={"big": "https://cdn.example.com/spring/big.jpg", "small": "https://cdn.example.com/spring/small.png"},
) as dag:
    upload = OppoImageUploadOperator(
        task_id="upload",
        campaign="Spring sale",
        big_picture_url="{{ params.big }}",
        small_picture_url="{{ params.small }}",
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
    )
    push = OppoImagePushOperator(
        task_id="push",
        campaign="Spring sale",
        message={
            "to": "all",
            "body": {"platform": "all", "notification": {"android": {"title": "Spring sale", "alert": "Today only"}}},
        },
        pictures=upload.output,
        validate_only=True,  # remove this line to send the push
        retries=3,
    )
# [END upload_campaign]
