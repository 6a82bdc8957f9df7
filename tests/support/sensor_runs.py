"""Run sensors until they finish, in each mode, as Airflow does, without an Airflow."""

from __future__ import annotations

import asyncio
import importlib
import json
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from unittest.mock import patch

import airflow_provider_oppo_image.airflow_compat as airflow
from airflow_provider_oppo_image.net.deadline import TransportOptions
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.support.picture_host import PictureHost
from tests.support.tasks import make_context

try:
    from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferred
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowRescheduleException, TaskDeferred

AIRFLOW_2 = airflow.airflow_version().startswith("2.")

Mode: TypeAlias = Literal["poke", "reschedule", "deferrable"]
MODES: tuple[Mode, ...] = ("poke", "reschedule", "deferrable")

Ending: TypeAlias = Literal["succeeded", "timed out", "failed", "skipped", "failed, may be retried"]

QUICK = TransportOptions(2, 2, 4)


def ending(mode: Mode, **arguments: Any) -> tuple[Ending, Any]:
    """Run a sensor until it finishes, and return its outcome and its result or exception."""
    try:
        return "succeeded", run(mode, **arguments)
    except airflow.AirflowSensorTimeout as error:
        return "timed out", error
    except airflow.AirflowFailException as error:
        return "failed", error
    except airflow.AirflowSkipException as error:
        return "skipped", error
    except airflow.AirflowException as error:
        raise AssertionError("soft_fail would skip the task for this exception after a deferral") from error
    except Exception as error:  # noqa: BLE001 - the test checks the type
        return "failed, may be retried", error


def run(mode: Mode, **arguments: Any) -> Any:
    return {"poke": _poke, "reschedule": _reschedule, "deferrable": _defer}[mode](arguments)


def make_sensor(cls: type[Any] = OppoImageSensor, **arguments: Any) -> Any:
    """Return a sensor with the shortest interval and a timeout of 30 seconds by default."""
    return cls(**{"task_id": "wait", "poke_interval": 0, "timeout": 30, **arguments})


def deferred_by(sensor: OppoImageSensor) -> Any:
    """Execute a sensor that must defer, and return its deferral."""
    try:
        outcome = sensor.execute(make_context())
    except TaskDeferred as deferral:
        return deferral
    raise AssertionError(f"the sensor must defer, but it returned {outcome!r}")


def in_another_process(trigger: Any) -> Any:
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))


def first_event(trigger: Any) -> Any:
    """Run a trigger until its first event, and return the payload after a JSON round trip."""

    async def run_it() -> Any:
        return await anext(trigger.run())

    return json.loads(json.dumps(asyncio.run(run_it()).payload))


def _poke(arguments: dict[str, Any]) -> Any:
    return make_sensor(mode="poke", **arguments).execute(make_context())


def _reschedule(arguments: dict[str, Any]) -> Any:
    store = arguments.pop("store", None)
    started: datetime | None = None
    while True:
        context = make_context(store)
        context["ti"].get_first_reschedule_date.return_value = started
        context["ti"].max_tries = 0
        now = datetime.now(UTC)
        try:
            # Airflow 2 reads the date from its database.
            with patch("airflow.sensors.base._orig_start_date", return_value=started) if AIRFLOW_2 else nullcontext():
                return make_sensor(mode="reschedule", **arguments).execute(context)
        except AirflowRescheduleException as again:
            started = started or now
            time.sleep(max(0, (again.reschedule_date - datetime.now(UTC)).total_seconds()))


def _defer(arguments: dict[str, Any]) -> Any:
    try:
        return make_sensor(deferrable=True, **arguments).execute(make_context())
    except TaskDeferred as raised:
        deferral = raised
    # Outside of the except block: Airflow resumes the task in another process, without the exception context.
    event = first_event(in_another_process(deferral.trigger))
    again = make_sensor(deferrable=True, **arguments)
    return again.resume_execution(deferral.method_name, {"event": event}, make_context())


class Log:
    """Collects log lines, as a replacement of a class's `log`, whose type depends on the Airflow version."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, message: str, *arguments: Any) -> None:
        self.lines.append(message % arguments)

    warning = error = exception = info


def change_after(host: PictureHost, path: str, polls: int, before: Callable[[], str], after: Callable[[], str]) -> str:
    """Replace a page by another one after a number of requests; each callable serves its page at the path."""
    before()
    first = host.pages[path]
    after()
    second = host.pages[path]
    lock = threading.Lock()
    count = 0

    def page(handler: Any) -> None:
        nonlocal count
        with lock:
            count += 1
            chosen = first if count <= polls else second
        chosen(handler)

    return host.add(path, page)
