"""A campaign as people write it with the vendor's SDK: a test shows what it gets wrong."""

# [START coming_from_sdk]
import datetime
import os

import engagelab

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task


def client():
    return engagelab.Client(
        os.environ["APP_KEY"],
        os.environ["MASTER_SECRET"],
        base_url=os.environ["ENGAGELAB"],
    )


# Each run sends the push to everybody.
with DAG(
    "spring_sale_by_sdk",
    schedule=None,
    start_date=datetime.datetime(2026, 3, 1),
    catchup=False,
    params={"big": "https://cdn.example.com/big.jpg"},
    default_args={"retries": 3},
) as dag:

    @task
    def upload(params=None):
        picture = engagelab.OppoImageParam(params["big"])
        result = client().image.upload_oppo(picture)
        return result.big_picture_id

    @task
    def push(big_picture_id):
        oppo = {"big_picture_id": big_picture_id}
        message = {
            "platform": "all",
            "notification": {"android": {"alert": "Spring sale"}},
            "options": {"third_party_channel": {"oppo": oppo}},
        }
        body = {"to": "all", "body": message}
        return client().push.send_raw(body).msg_id

    push(upload())
# [END coming_from_sdk]
