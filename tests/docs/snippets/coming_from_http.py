"""A campaign as people write it with `HttpOperator`: a test shows what it gets wrong."""

# [START coming_from_http]
import datetime
import json

from airflow import DAG
from airflow.providers.http.operators.http import HttpOperator

JSON = {"Content-Type": "application/json"}
BIG_ID = "{{ ti.xcom_pull('upload')['big_picture_id'] }}"
OPPO = {"style": 3, "big_picture_id": BIG_ID}
MESSAGE = {
    "to": "all",
    "body": {
        "platform": "all",
        "notification": {"android": {"alert": "Spring sale"}},
        "options": {"third_party_channel": {"oppo": OPPO}},
    },
}

# Each run sends the push to everybody.
with DAG(
    "spring_sale_by_http",
    schedule=None,
    start_date=datetime.datetime(2026, 3, 1),
    catchup=False,
    params={"big": "https://cdn.example.com/big.jpg"},
    default_args={"retries": 3},
) as dag:
    upload = HttpOperator(
        task_id="upload",
        http_conn_id="engagelab",
        endpoint="v4/image/oppo",
        headers=JSON,
        data=json.dumps({"big_picture_url": "{{ params.big }}"}),
        response_filter=lambda answer: answer.json(),
    )
    push = HttpOperator(
        task_id="push",
        http_conn_id="engagelab",
        endpoint="v4/push",
        headers=JSON,
        data=json.dumps(MESSAGE),
        response_filter=lambda answer: answer.json()["msg_id"],
    )
    upload >> push
# [END coming_from_http]
