"""A task of one's own that obeys this package's errors, for Airflow 3.3 and later."""

from __future__ import annotations

import datetime

from airflow.sdk import DAG, task

from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.retry_policy import OppoImageRetryPolicy

with DAG("retry_policy", schedule=None, start_date=datetime.datetime(2026, 1, 1), catchup=False) as dag:
    # [START retry_policy]
    @task(retries=5, retry_delay=datetime.timedelta(minutes=5), retry_policy=OppoImageRetryPolicy())
    def upload_or_wait(url: str) -> str:
        """Return the picture's id; wait as long as the service or the picture's host asks for."""
        return OppoImageHook().upload("big", url)

    # [END retry_policy]

    upload_or_wait("https://cdn.example.com/spring/big.jpg")
