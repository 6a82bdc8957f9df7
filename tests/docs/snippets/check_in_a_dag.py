"""A whole DAG that checks a picture without an upload; a test runs it."""

# [START check_in_a_dag]
import datetime

from airflow import DAG

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2.11
    from airflow.decorators import task

from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

with DAG(
    "check_in_a_dag",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={"big": "https://cdn.example.com/spring/big.jpg"},
) as dag:

    @task
    def check(url):
        """Return the state of the picture and its problems."""
        report = OppoImageHook("oppo_image_default").check("big", url)
        return {"state": report.state, "problems": [str(problem) for problem in report.problems]}

    check("{{ params.big }}")
# [END check_in_a_dag]
