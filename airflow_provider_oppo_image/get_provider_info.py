"""Provider metadata for Airflow. Does not import Airflow."""

from __future__ import annotations

from typing import Any

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.connection import CONN_TYPE, HOOK_NAME, form_for_airflow_3

_PACKAGE = "airflow_provider_oppo_image"
_INTEGRATION = "OPPO pictures"
_ASSET_URIS = {"schemes": ["oppo-image"], "handler": None}  # None: Airflow's own normalization is enough


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata; called by Airflow through the package's entry point."""
    return {
        "package-name": "airflow-provider-oppo-image",
        "name": HOOK_NAME,
        "description": "Checks pictures, uploads them to EngageLab for OPPO phones, and pushes.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://www.engagelab.com/docs/app-push",
                "tags": ["service"],
            }
        ],
        "hooks": _modules("hooks"),
        "operators": _modules("operators"),
        "sensors": _modules("sensors"),
        "triggers": _modules("triggers"),
        "asset-uris": [dict(_ASSET_URIS)],
        "dataset-uris": [dict(_ASSET_URIS)],  # Airflow 2's name
        "cli": [f"{_PACKAGE}.cli.airflow_command.get_commands"],
        "task-decorators": [
            # Airflow reads `class-name`, although its schema says `path`.
            {
                "name": "oppo_image_upload",
                "class-name": f"{_PACKAGE}.decorators.oppo_image.oppo_image_upload_task",
            }
        ],
        "extra-links": [f"{_PACKAGE}.links.oppo_image.{name}" for name in ("PicturesLink", "ConsoleLink")],
        "connection-types": [
            {
                "connection-type": CONN_TYPE,
                "hook-class-name": f"{_PACKAGE}.hooks.oppo_image.OppoImageHook",
                "hook-name": HOOK_NAME,
                **form_for_airflow_3(),
            }
        ],
    }


def _modules(subpackage: str) -> list[dict[str, Any]]:
    return [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{subpackage}.oppo_image"]}]
