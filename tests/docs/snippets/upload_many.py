"""A whole DAG that uploads the pictures of a manifest; a test runs it."""

# [START upload_many]
import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImageBatchUploadOperator

with DAG(
    "upload_many",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={"manifest": "s3://my_connection@bucket/night.csv"},
) as dag:
    OppoImageBatchUploadOperator(
        task_id="batch",
        manifest="{{ params.manifest }}",
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
    )
# [END upload_many]
