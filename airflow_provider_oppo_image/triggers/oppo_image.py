"""Public import path of the triggers."""

from __future__ import annotations

from airflow_provider_oppo_image.triggers.event import OppoImageEventTrigger
from airflow_provider_oppo_image.triggers.push_status import OppoImagePushStatusTrigger
from airflow_provider_oppo_image.triggers.wait import OppoImageTrigger

__all__ = ["OppoImageEventTrigger", "OppoImagePushStatusTrigger", "OppoImageTrigger"]
