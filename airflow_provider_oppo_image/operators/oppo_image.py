"""Public import path of the operators."""

from __future__ import annotations

from airflow_provider_oppo_image.operators.batch import OppoImageBatchUploadOperator
from airflow_provider_oppo_image.operators.prepare import OppoImagePrepareOperator
from airflow_provider_oppo_image.operators.push import OppoImagePushOperator
from airflow_provider_oppo_image.operators.push_batch import OppoImageBatchPushOperator
from airflow_provider_oppo_image.operators.upload import OppoImageUploadOperator
from airflow_provider_oppo_image.operators.withdraw import OppoImageWithdrawOperator

__all__ = [
    "OppoImageBatchPushOperator",
    "OppoImageBatchUploadOperator",
    "OppoImagePrepareOperator",
    "OppoImagePushOperator",
    "OppoImageUploadOperator",
    "OppoImageWithdrawOperator",
]
