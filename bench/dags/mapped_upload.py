"""A baseline with providers-http: one mapped task instance for each picture."""

import json
import os
from datetime import UTC, datetime

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG

with DAG("mapped_upload", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
    HttpOperator.partial(
        task_id="upload",
        http_conn_id="bench_service",
        endpoint="/v4/image/oppo",
        headers={"Content-Type": "application/json"},
        response_filter=lambda response: response.json()["big_picture_id"],
    ).expand(data=[json.dumps({"big_picture_url": url}) for url in json.loads(os.environ.get("BENCH_PICTURES", "[]"))])
