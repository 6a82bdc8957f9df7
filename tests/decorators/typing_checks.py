"""Types of the decorator, checked by `make types`: a needless `type: ignore` is an error too."""

from typing import assert_type

from airflow.sdk import XComArg

from airflow_provider_oppo_image.decorators.oppo_image import oppo_image_upload_task


@oppo_image_upload_task
def bare(campaign: str, version: int = 1) -> dict[str, str]:
    return {"big_picture_url": f"{campaign}/{version}"}


@oppo_image_upload_task(check=False, retries=3)
def with_arguments(campaign: str) -> dict[str, str | None]:
    return {"big_picture_url": campaign}


assert_type(with_arguments(campaign="spring"), XComArg)
assert_type(bare("spring", version=2), XComArg)
assert_type(bare.partial(version=2).expand(campaign=["spring"]), XComArg)

bare(7)  # type: ignore[arg-type]
bare()  # type: ignore[call-arg]


@oppo_image_upload_task  # type: ignore[arg-type]
def returns_text() -> str:
    return "https://cdn.example.com/big.png"
