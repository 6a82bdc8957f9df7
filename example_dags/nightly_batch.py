"""A night's pictures from one manifest: split, uploaded on several workers, and put together again.

Start it by hand with the manifest as a parameter: CSV or JSON Lines with name, big_picture_url and small_picture_url,
in a local file or in any object storage that Airflow reaches, such as s3://my_connection@bucket/night.csv.
"""

from __future__ import annotations

# [START nightly_batch]
import datetime
from typing import Any

try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.models import Param

from airflow_provider_oppo_image.operators.oppo_image import OppoImageBatchUploadOperator


@dag(
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=5)},
    params={
        "manifest": Param(
            "s3://bucket/night.csv", type="string", description="name, big_picture_url, small_picture_url"
        ),
        "folder": Param(
            "s3://bucket/night", type="string", description="Where parts and results go; all workers must reach it."
        ),
        "parts": Param(4, type="integer", minimum=1, description="How many tasks share the work."),
    },
    tags=["oppo"],
)
def nightly_batch() -> None:
    """Upload a manifest's pictures, and write a file of their ids."""

    @task
    def split(params: Any = None, run_id: Any = None) -> list[str]:
        from airflow_provider_oppo_image.batch.split import split_manifest

        return split_manifest(params["manifest"], f"{params['folder']}/{run_id}", params["parts"])

    @task(trigger_rule="all_done", retries=0)
    def merge(manifests: list[str], params: Any = None, run_id: Any = None) -> dict[str, object]:
        """Also when an upload failed, so that the results say what is missing."""
        from airflow_provider_oppo_image.batch.split import merge_results

        summary = merge_results(manifests, f"{params['folder']}/{run_id}/results.csv")
        if summary.uploaded < summary.rows:
            raise RuntimeError(str(summary))
        return summary.to_dict()

    manifests = split()
    upload = OppoImageBatchUploadOperator.partial(task_id="upload").expand(manifest=manifests)
    upload >> merge(manifests)


nightly_batch_dag = nightly_batch()
# [END nightly_batch]
