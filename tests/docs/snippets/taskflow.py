"""The decorator with its types, as a type checker sees it."""

from __future__ import annotations

# [START typed]
from airflow_provider_oppo_image.decorators.oppo_image import oppo_image_upload_task


@oppo_image_upload_task(oppo_image_conn_id="oppo_image_default", retries=3)
def upload(campaign: str, version: int = 1) -> dict[str, str]:
    """Return where the campaign's pictures are."""
    return {"big_picture_url": f"https://cdn.example.com/{campaign}/{version}/big.jpg", "campaign": campaign}


# [END typed]
