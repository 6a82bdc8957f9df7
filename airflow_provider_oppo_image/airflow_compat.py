"""The only module that asks which Airflow this is.

What both Airflows have comes from the common compat provider; what only some have is asked for here, once.
"""

from __future__ import annotations

import functools
import importlib.util
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseHook,
    BaseOperator,
    BaseOperatorLink,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
    mask_secret,
)

from airflow_provider_oppo_image.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection, Context

__all__ = [
    "HAS_PAGES",
    "HAS_RETRY_POLICIES",
    "TRIGGER_TIMEOUT_REASONS",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AssetStateStore",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "PokeReturnValue",
    "RetryPolicy",
    "TaskStateStore",
    "aget_connection",
    "airflow_version",
    "asset_state_store",
    "conf",
    "mask_secret",
    "metrics",
    "task_state_store",
    "triggering_asset_events",
]


HAS_PAGES: Final = importlib.util.find_spec("airflow.sdk") is not None
"""Whether plugins add pages to DAG runs and tasks: since Airflow 3."""

HAS_RETRY_POLICIES: Final = HAS_PAGES and importlib.util.find_spec("airflow.sdk.definitions.retry_policy") is not None
"""Whether a task asks a policy about its retries: since Airflow 3.3."""

TRIGGER_TIMEOUT_REASONS: Final = ("Trigger timeout", "Trigger/execution timeout")
"""What a deferred task is told when Airflow ended its trigger because time was up: Airflow 3's words and 2's."""


if TYPE_CHECKING or HAS_RETRY_POLICIES:
    from airflow.providers.common.compat.sdk import RetryPolicy
else:

    class RetryPolicy:
        """Stands where Airflow has no such class, so that modules can be imported; it cannot be made."""

        def __init__(self) -> None:
            raise ConfigurationError(
                f"This is Airflow {airflow_version()}, and tasks have a retry_policy since Airflow 3.3. Leave it out, "
                "and put `with airflow_errors():` (from airflow_provider_oppo_image.hooks.oppo_image) around what "
                "calls the hook: a permanent error then fails the task without retries, and others are tried again "
                "after the task's own retry_delay."
            )


class TaskStateStore(Protocol):
    """What Airflow 3.3 and later keep for a task from one try to the next, and past its end."""

    def get(self, key: str) -> Any:
        """Return a stored value, or None."""

    def set(self, key: str, value: Any, *, retention: timedelta) -> None:
        """Store a JSON value for a time."""

    def delete(self, key: str) -> None:
        """Forget a value."""


def task_state_store(context: Context) -> TaskStateStore | None:
    """Return the running task's state store; None before Airflow 3.3, where a retry remembers nothing.

    :param context: the context that Airflow hands to `execute`.
    """
    return cast("TaskStateStore | None", context.get("task_state_store"))


class AssetStateStore(Protocol):
    """What Airflow 3.3 and later keep for an asset, for the triggers that watch it."""

    async def aget(self, key: str) -> Any:
        """Return a stored value, or None."""

    async def aset(self, key: str, value: Any) -> None:
        """Store a JSON value."""


def asset_state_store(trigger: object) -> AssetStateStore | None:
    """Return the state store of the asset that a trigger watches; None before Airflow 3.3, and for other triggers.

    :param trigger: a trigger that is being run.
    """
    return cast("AssetStateStore | None", getattr(trigger, "asset_state_store", None))


async def aget_connection(conn_id: str) -> Connection:
    """Return a connection without blocking the event loop.

    :param conn_id: the connection's id.
    :raises AirflowNotFoundException: if there is none.
    """
    if hasattr(BaseHook, "aget_connection"):
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    return await sync_to_async(BaseHook.get_connection)(conn_id)


def triggering_asset_events(context: Context) -> list[Any]:
    """Return the asset events that started a run, the earliest first; Airflow 2 calls an asset a dataset.

    :param context: the context of a running task.
    """
    by_asset: Any = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
    # An event of an alias is listed twice, under the alias and under its asset.
    events = {id(event): event for events in by_asset.values() for event in events}
    return sorted(events.values(), key=lambda event: event.timestamp)


def metrics() -> Any:
    """Return what counts and gauges go to: Airflow's `Stats`."""
    from airflow.providers.common.compat.sdk import Stats

    return Stats


@functools.cache
def airflow_version() -> str:
    """Return Airflow's version, such as "3.3.2"."""
    return version("apache-airflow")
