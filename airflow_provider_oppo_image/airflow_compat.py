"""The only module that asks which Airflow this is.

What all Airflows have comes from the common compat provider. What only some have is asked for here, once, and stands in
`FEATURES`, which the guards read, and `docs/compatibility.md` is made of.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, cast

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
    "FEATURES",
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
    "DecoratorCompatMixin",
    "Feature",
    "PokeReturnValue",
    "RetryPolicy",
    "TaskStateStore",
    "aget_connection",
    "airflow_version",
    "asset_state_store",
    "conf",
    "mask_secret",
    "metrics",
    "push_outputs_separately",
    "task_state_store",
    "triggering_asset_events",
]


@functools.cache
def airflow_version() -> str:
    """Return Airflow's version, such as "3.3.2"."""
    return version("apache-airflow")


@dataclass(frozen=True)
class Feature:
    """What only some Airflows can do.

    :param name: what it is, in users' words.
    :param since: the first Airflow that has it, as its major and minor number.
    :param without: what happens on one that lacks it, and what to do there.
    :param found_out: how this package finds out.
    :param but_not: a later Airflow that lacks it, likewise; None for none.
    """

    name: str
    since: tuple[int, int]
    without: str
    found_out: str
    but_not: tuple[int, int] | None = None

    @property
    def is_here(self) -> bool:
        """Whether the installed Airflow has it."""
        major, minor = map(int, airflow_version().split(".")[:2])
        return (major, minor) >= self.since and (major, minor) != self.but_not


_BY_VERSION: Final = "by Airflow's version"

NULL_XCOMS: Final = Feature(
    "An XCom that is None, as that of a picture id is which there is not",
    (2, 11),
    'The id\'s own XCom is "", which a push takes for none as well. What the task returns has None everywhere.',
    _BY_VERSION,
    but_not=(3, 0),  # https://github.com/apache/airflow/issues/55062
)
PAGES: Final = Feature(
    "The page that shows a run's pictures, and the tasks' links to it",
    (3, 1),
    "There is neither; the task's log and its XCom say what was found. The link to the vendor's console stays.",
    _BY_VERSION,
)
RETRY_POLICIES: Final = Feature(
    "`OppoImageRetryPolicy`",
    (3, 3),
    "Making one raises `ConfigurationError`, which names what to write in its place: `with airflow_errors():`.",
    _BY_VERSION,
)
ASYNC_CONNECTIONS: Final = Feature(
    "A trigger reads its connection without a thread",
    (3, 1),
    "It reads it in a thread, with the same outcome.",
    "by whether Airflow's hooks can",
)

FEATURES: Final = (
    NULL_XCOMS,
    Feature(
        "Asset watchers, which `OppoImageEventTrigger` is for",
        (3, 0),
        "`from airflow.sdk import AssetWatcher` fails in the DAG file; wait with `OppoImageSensor`.",
        "not at all: the DAG's author imports it",
    ),
    PAGES,
    ASYNC_CONNECTIONS,
    Feature(
        "The connection's form, drawn from the provider info",
        (3, 2),
        "Airflow 2.11 and 3.1 draw it as the hook describes it, with the data centre as plain text on 3.1. Airflow 3.0 "
        "draws Airflow's own fields alone: write the others into Extra.",
        "not at all: Airflow reads what it knows",
    ),
    Feature(
        "`airflow oppo-image ...`",
        (3, 2),
        "Airflow does not know the command; `oppo-image ...` is the same one, on every Airflow.",
        "not at all: Airflow reads what it knows",
    ),
    RETRY_POLICIES,
    Feature(
        "A task remembers from one try to the next",
        (3, 3),
        "A retry uploads all of its pictures again, and a push whose answer was lost is told by its `cid` alone.",
        "by whether the task's context has a store",
    ),
    Feature(
        "A watched picture is remembered while the triggerer is down",
        (3, 3),
        "Each start of the triggerer starts anew: what changed in between makes no event.",
        "by whether the trigger has a store",
    ),
)
"""What only some Airflows can do, the earliest first."""

HAS_PAGES: Final = PAGES.is_here
"""Whether plugins add pages to DAG runs and tasks."""

HAS_RETRY_POLICIES: Final = RETRY_POLICIES.is_here
"""Whether a task asks a policy about its retries."""

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


def push_outputs_separately(context: Context, outputs: Mapping[str, str | None]) -> None:
    """Push a task's outputs as XComs of their own where Airflow would fail the task for one that is None.

    :param context: the context that Airflow hands to `execute`.
    :param outputs: what the task is about to return, for a task with ``multiple_outputs``.
    """
    task = context["ti"].task
    if not NULL_XCOMS.is_here and task.multiple_outputs and task.do_xcom_push:
        task.multiple_outputs = False
        for key, value in outputs.items():
            context["ti"].xcom_push(key=key, value=value or "")


class DecoratorCompatMixin:
    """Has what a decorated operator of Airflow 3.0 looks up to do nothing with; the operators of its SDK lack it."""

    if not hasattr(BaseOperator, "xcom_push"):
        xcom_push: ClassVar[None] = None


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
