"""A whole DAG whose uploads share a pool; a test runs it."""

# [START run_at_scale]
import datetime

from airflow import DAG

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2.11
    from airflow.decorators import task

from airflow_provider_oppo_image.operators.oppo_image import OppoImageUploadOperator

with DAG(
    "run_at_scale",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={"pictures": [{"big_picture_url": "https://cdn.example.com/spring/big.jpg"}]},
) as dag:

    @task
    def pictures(params=None):
        """Return the pictures; a real DAG queries its campaign database here."""
        return params["pictures"]

    OppoImageUploadOperator.partial(
        task_id="upload",
        pool="oppo_image",  # made by: airflow pools set oppo_image 100 "EngageLab"
        max_active_tis_per_dagrun=50,
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
    ).expand_kwargs(pictures())
# [END run_at_scale]
