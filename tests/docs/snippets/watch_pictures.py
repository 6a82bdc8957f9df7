"""A DAG that a new picture starts, on Airflow 3."""

# [START watch_pictures]
import datetime

from airflow.sdk import DAG, Asset, AssetWatcher

from airflow_provider_oppo_image.operators.oppo_image import OppoImageUploadOperator
from airflow_provider_oppo_image.triggers.oppo_image import OppoImageEventTrigger

BIG_PICTURE_URL = "https://cdn.example.com/banner/big.jpg"

BANNER = Asset(
    "oppo-image://watched/banner",
    watchers=[
        AssetWatcher(
            name="banner",
            trigger=OppoImageEventTrigger(big_picture_url=BIG_PICTURE_URL, poke_interval=300),
        )
    ],
)

with DAG("upload_new_banner", schedule=[BANNER], start_date=datetime.datetime(2026, 1, 1), catchup=False) as dag:
    OppoImageUploadOperator(task_id="upload", big_picture_url=BIG_PICTURE_URL, retries=3)
# [END watch_pictures]
