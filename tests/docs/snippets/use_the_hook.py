"""A whole DAG with the hook in a task; a test runs it."""

# [START use_the_hook]
import datetime

from airflow import DAG

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2.11
    from airflow.decorators import task

from airflow_provider_oppo_image.errors import PictureRefusedError
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors

with DAG(
    "use_the_hook",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={"big": "https://cdn.example.com/spring/big.jpg"},
) as dag:

    @task(retries=3)
    def upload_if_it_is_good(url: str) -> "str | None":
        """Return the picture's id, or None if the campaign must go out without it."""
        with airflow_errors():
            hook = OppoImageHook("oppo_image_default")
            if hook.check("big", url).state == "wrong":
                return None
            try:
                return hook.upload("big", url)
            except PictureRefusedError:
                return None

    upload_if_it_is_good("{{ params.big }}")
# [END use_the_hook]
