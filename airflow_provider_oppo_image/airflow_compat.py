"""All differences between Airflow versions.

`FEATURES` lists the features that only some versions have. The guards below use it, and docs/compatibility.md is
generated from it.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, cast

if TYPE_CHECKING:
    from airflow.sdk import Asset as Asset
    from airflow.sdk import AssetAlias as AssetAlias
    from airflow.sdk import BaseHook as BaseHook
    from airflow.sdk import BaseOperator as BaseOperator
    from airflow.sdk import BaseOperatorLink as BaseOperatorLink
    from airflow.sdk import BaseSensorOperator as BaseSensorOperator
    from airflow.sdk import Connection, Context
    from airflow.sdk import PokeReturnValue as PokeReturnValue
    from airflow.sdk.bases.decorator import DecoratedOperator as DecoratedOperator
    from airflow.sdk.bases.decorator import determine_kwargs as determine_kwargs
    from airflow.sdk.bases.decorator import task_decorator_factory as task_decorator_factory
    from airflow.sdk.configuration import conf as conf
    from airflow.sdk.definitions.context import context_merge as context_merge
    from airflow.sdk.exceptions import AirflowException as AirflowException
    from airflow.sdk.exceptions import AirflowFailException as AirflowFailException
    from airflow.sdk.exceptions import AirflowNotFoundException as AirflowNotFoundException
    from airflow.sdk.exceptions import AirflowSensorTimeout as AirflowSensorTimeout
    from airflow.sdk.exceptions import AirflowSkipException as AirflowSkipException
    from airflow.sdk.log import mask_secret as mask_secret
    from airflow.triggers.base import BaseEventTrigger as BaseEventTrigger
else:
    _EXCEPTIONS: Final = ("airflow.sdk.exceptions", "airflow.exceptions")
    _MODULES: Final = {
        "AirflowException": _EXCEPTIONS,
        "AirflowFailException": _EXCEPTIONS,
        "AirflowNotFoundException": _EXCEPTIONS,
        "AirflowSensorTimeout": _EXCEPTIONS,
        "AirflowSkipException": _EXCEPTIONS,
        "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
        "AssetAlias": ("airflow.sdk", "airflow.datasets:DatasetAlias"),
        "BaseEventTrigger": ("airflow.triggers.base", "airflow.triggers.base:BaseTrigger"),
        "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
        "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
        "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
        "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
        "DecoratedOperator": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
        "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
        "conf": ("airflow.sdk.configuration", "airflow.configuration"),
        "context_merge": ("airflow.sdk.definitions.context", "airflow.utils.context"),
        "determine_kwargs": ("airflow.sdk.bases.decorator", "airflow.utils.operator_helpers"),
        "mask_secret": ("airflow.sdk.log", "airflow.utils.log.secrets_masker"),
        "task_decorator_factory": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    }
    """Modules of names that Airflow has moved, the newest first; with another name after a colon."""

    def __getattr__(name: str) -> Any:
        """Import a name from the first of its modules that has it, when it is first used."""
        for module in _MODULES.get(name, ()):
            path, _, other_name = module.partition(":")
            try:
                globals()[name] = getattr(importlib.import_module(path), other_name or name)
            except (ImportError, AttributeError):
                continue
            return globals()[name]
        raise AttributeError(f"{__name__} has no attribute {name!r} with Airflow {airflow_version()}.")


@functools.cache
def airflow_version() -> str:
    """Return Airflow's version, such as "3.3.2"."""
    return version("apache-airflow")


@dataclass(frozen=True)
class Feature:
    """A feature that only some Airflow versions have.

    :param name: the feature, as users know it.
    :param since: the first version that has it, as major and minor number.
    :param fallback: what happens in a version without it, and what to do there.
    :param detected_by: how this package detects it.
    :param except_in: a later version without it, as major and minor number; None if all later versions have it.
    """

    name: str
    since: tuple[int, int]
    fallback: str
    detected_by: str
    except_in: tuple[int, int] | None = None

    @property
    def available(self) -> bool:
        """Whether the installed Airflow has it."""
        major, minor = map(int, airflow_version().split(".")[:2])
        return (major, minor) >= self.since and (major, minor) != self.except_in


_BY_VERSION: Final = "Airflow's version"
_NOT_DETECTED: Final = "not detected: Airflow reads what it supports"

NULL_XCOMS: Final = Feature(
    "XComs with the value None, for example the id of a picture that was not requested",
    (2, 11),
    'The id\'s own XCom is "", which a push treats as no id too. The value that the task returns has None in all '
    "versions.",
    _BY_VERSION,
    except_in=(3, 0),  # https://github.com/apache/airflow/issues/55062
)
PAGES: Final = Feature(
    "The page that shows a run's pictures, and the tasks' links to it",
    (3, 1),
    "Not available. The task's log and its XCom have the reports. The link to the vendor's console remains.",
    _BY_VERSION,
)
RETRY_POLICIES: Final = Feature(
    "`OppoImageRetryPolicy`",
    (3, 3),
    "The constructor raises `ConfigurationError`, which names the alternative: `with airflow_errors():`.",
    _BY_VERSION,
)
ASYNC_CONNECTIONS: Final = Feature(
    "A trigger reads its connection without a thread",
    (3, 1),
    "It reads the connection in a thread, with the same result.",
    "a method of Airflow's hooks",
)

FEATURES: Final = (
    NULL_XCOMS,
    Feature(
        "Asset watchers, for `OppoImageEventTrigger`",
        (3, 0),
        "`from airflow.sdk import AssetWatcher` fails in the DAG file. Wait with `OppoImageSensor` instead.",
        "not detected: the DAG's author imports it",
    ),
    PAGES,
    ASYNC_CONNECTIONS,
    Feature(
        "The connection's form, built from the provider info",
        (3, 2),
        "Airflow 2.11 and 3.1 build it from the hook, in 3.1 with the data center as plain text. Airflow 3.0 has only "
        "Airflow's own fields: write the others into Extra.",
        _NOT_DETECTED,
    ),
    Feature(
        "`airflow oppo-image ...`",
        (3, 2),
        "Airflow does not know the command. `oppo-image ...` is the same command, with every Airflow.",
        _NOT_DETECTED,
    ),
    RETRY_POLICIES,
    Feature(
        "A task keeps state between tries",
        (3, 3),
        "A retry uploads all of its pictures again. If the response to a push was lost, a retry within the hour "
        "repeats the push with the same `cid`, and a later retry fails. A rescheduled `OppoImagePushStatusSensor` "
        "always observes for all of `observe_for`.",
        "a store in the task's context",
    ),
    Feature(
        "The state of a watched picture is kept while the triggerer is down",
        (3, 3),
        "Each start of the triggerer takes a new baseline: a change while it was down sends no event.",
        "a store of the trigger",
    ),
)
"""Features that only some versions have, sorted by version."""

HAS_PAGES: Final = PAGES.available
"""Whether plugins can add pages to DAG runs and tasks."""

HAS_RETRY_POLICIES: Final = RETRY_POLICIES.available
"""Whether tasks have a retry policy."""

TRIGGER_TIMEOUT_REASONS: Final = ("Trigger timeout", "Trigger/execution timeout")
"""Error texts for a trigger that Airflow has timed out, in Airflow 3 and in Airflow 2."""


def push_outputs_separately(context: Context, outputs: Mapping[str, str | None]) -> None:
    """Push a task's outputs as XComs of their own in versions that fail a task with an output that is None.

    :param context: the context of the running task.
    :param outputs: the value that the task will return, for a task with ``multiple_outputs``.
    """
    task = context["ti"].task
    if not NULL_XCOMS.available and task.multiple_outputs and task.do_xcom_push:
        task.multiple_outputs = False
        for key, value in outputs.items():
            context["ti"].xcom_push(key=key, value=value or "")


class DecoratorCompatMixin:
    """Attribute that decorated operators of Airflow 3.0 read, but the operators of its SDK lack.

    It is the last base class, so that an Airflow with the attribute keeps its own.
    """

    xcom_push: ClassVar[None] = None


class TaskStateStore(Protocol):
    """State of a task in Airflow 3.3 and later; it is kept between tries and after the task."""

    def get(self, key: str) -> Any:
        """Return a stored value, or None."""

    def set(self, key: str, value: Any, *, retention: timedelta) -> None:
        """Store a JSON value for a time."""

    def delete(self, key: str) -> None:
        """Delete a value."""


def task_state_store(context: Context) -> TaskStateStore | None:
    """Return the running task's state store; None before Airflow 3.3.

    :param context: the context of the running task.
    """
    return cast("TaskStateStore | None", context.get("task_state_store"))


def earlier_try_since(context: Context) -> datetime | None:
    """Return the earliest time at which an earlier try of the running task can have started; None in the first try.

    Airflow 2.11 has the tries in its database. In Airflow 3 a worker knows only the time after which the run was due.
    Clearing a task resets the start of its run, so `dag_run.start_date` is not used.

    :param context: the context of the running task.
    :return: a time with a zone; the beginning of time if nothing is known.
    """
    ti = context["ti"]
    if ti.try_number <= 1:
        return None
    run = context["dag_run"]
    due: datetime | None = getattr(run, "run_after", None) or getattr(run, "data_interval_end", None)
    first_start = _first_start(ti) if airflow_version().startswith("2.") else None
    return first_start or due or datetime.min.replace(tzinfo=UTC)


def rescheduled_since(context: Context) -> datetime | None:
    """Return the start of the first poke of a rescheduled sensor; None in that poke.

    :param context: the context of the running sensor, in the mode "reschedule".
    """
    ti: Any = context["ti"]
    if hasattr(ti, "get_first_reschedule_date"):
        return cast("datetime | None", ti.get_first_reschedule_date(context))
    base: Any = importlib.import_module("airflow.sensors.base")  # Airflow 2, which has the date in its database
    first_try: int = ti.max_tries - (ti.task.retries or 0) + 1
    start: datetime | None = base._orig_start_date(ti.dag_id, ti.task_id, ti.run_id, ti.map_index, first_try)
    return start


def _first_start(ti: Any) -> datetime | None:
    """Return the start of the first try that ran, from Airflow 2's database."""
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    columns = ("dag_id", "task_id", "run_id", "map_index")
    same_task = [getattr(TaskInstanceHistory, column) == getattr(ti, column) for column in columns]
    not_run = TaskInstanceHistory.state.in_(("skipped", "upstream_failed", "removed"))
    query = select(func.min(TaskInstanceHistory.start_date)).where(*same_task, ~func.coalesce(not_run, False))
    with create_session() as session:
        return session.scalar(query)


class AssetStateStore(Protocol):
    """State of an asset in Airflow 3.3 and later, for the triggers that watch it."""

    async def aget(self, key: str) -> Any:
        """Return a stored value, or None."""

    async def aset(self, key: str, value: Any) -> None:
        """Store a JSON value."""


def asset_state_store(trigger: object) -> AssetStateStore | None:
    """Return the state store of the asset that a trigger watches; None before Airflow 3.3, and for other triggers.

    :param trigger: a running trigger.
    """
    return cast("AssetStateStore | None", getattr(trigger, "asset_state_store", None))


async def aget_connection(hook: BaseHook, conn_id: str) -> Connection:
    """Return a connection without blocking the event loop.

    :param hook: any hook.
    :param conn_id: the connection's id.
    :raises AirflowNotFoundException: if it does not exist.
    """
    if hasattr(hook, "aget_connection"):
        return await hook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    return await sync_to_async(hook.get_connection)(conn_id)


def triggering_asset_events(context: Context) -> list[Any]:
    """Return the asset events that started a run, the earliest first; Airflow 2 calls an asset a dataset.

    :param context: the context of a running task.
    """
    by_asset: Any = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
    # An event of an alias is listed twice, under the alias and under its asset.
    events = {id(event): event for events in by_asset.values() for event in events}
    return sorted(events.values(), key=lambda event: event.timestamp)


def collect_lineage(task: object, inputs: Iterable[str], outputs: Iterable[str]) -> None:
    """Add URIs to Airflow's hook lineage; Airflow 2 calls an asset a dataset.

    :param task: the operator or sensor that read and wrote them.
    :param inputs: URIs that it read.
    :param outputs: URIs that it wrote.
    """
    try:
        from airflow.sdk.lineage import get_hook_lineage_collector
    except ImportError:  # before Airflow 3.2
        # Not in the Airflow that mypy sees.
        from airflow.lineage.hook import get_hook_lineage_collector  # type: ignore[import-not-found,no-redef]

    collector: Any = get_hook_lineage_collector()
    kind = "asset" if hasattr(collector, "add_input_asset") else "dataset"
    for uri in inputs:
        getattr(collector, f"add_input_{kind}")(context=task, uri=uri)
    for uri in outputs:
        getattr(collector, f"add_output_{kind}")(context=task, uri=uri)


def metrics() -> Any:
    """Return Airflow's `Stats`, for counters and gauges."""
    try:
        from airflow.sdk.observability.stats import Stats
    except ImportError:  # before Airflow 3.2
        from airflow.stats import Stats
    return Stats


def is_mapped_instance(task: object) -> bool:
    """Return whether Airflow created a task from a mapped one when it runs, and not while it parsed the DAG."""
    return getattr(task, "_BaseOperator__from_mapped", False) is True
