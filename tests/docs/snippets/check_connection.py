"""A whole DAG that tests the connection; a test runs it."""

# [START check_connection]
import datetime

from airflow import DAG

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2.11
    from airflow.decorators import task

from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors

with DAG("check_connection", schedule=None, start_date=datetime.datetime(2026, 1, 1), catchup=False) as dag:

    @task
    def check_credentials():
        """Fail if the service does not accept the credentials."""
        with airflow_errors():
            return OppoImageHook("oppo_image_default").check_credentials()

    check_credentials()
# [END check_connection]
