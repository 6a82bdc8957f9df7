"""The environment of a separate Airflow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from airflow_provider_oppo_image.connection import CONN_TYPE
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import LOOPBACK

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def airflow_environment(
    home: Path,
    dags: Path,
    settings: Mapping[str, str] = _NOTHING,
    connections: Mapping[str, Mapping[str, Any]] = _NOTHING,
) -> dict[str, str]:
    """Return the environment of an Airflow with a home of its own, without the settings of another one.

    :param settings: more configuration, for example ``{"LOGGING__LOGGING_LEVEL": "DEBUG"}``.
    :param connections: the fields of connections, by id.
    """
    configuration = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__LOAD_EXAMPLES": "False",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=20",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        **settings,
    }
    return {
        # Airflow behaves differently if it knows that it is tested.
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))},
        **{f"AIRFLOW__{name}": value for name, value in configuration.items()},
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields) for name, fields in connections.items()},
        "AIRFLOW_HOME": str(home),
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }


def server_settings(port: int, users: Mapping[str, str], passwords: Path, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of an API server of Airflow 3 on a port of loopback.

    :param users: the roles of the users who may log in, by name.
    :param passwords: the file with their passwords.
    :param secrets: the settings that are secret.
    """
    url = f"http://{LOOPBACK}:{port}"
    return {
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in users.items()),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "API__BASE_URL": url,
        "API__HOST": LOOPBACK,
        "API__PORT": str(port),
        "API__WORKERS": "1",
        **secrets,
    }


def connection_to(service: SandboxServer, **extra: Any) -> dict[str, Any]:
    """Return the fields of a connection to a sandbox."""
    return {
        "conn_type": CONN_TYPE,
        "login": service.options.app_key,
        "password": service.options.master_secret,
        "host": service.url,
        "extra": {"allow_private_addresses": True, **extra},
    }
