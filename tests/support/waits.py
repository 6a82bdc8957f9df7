"""Sensors run to their end in each mode, as Airflow runs them, without an Airflow around."""

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
from airflow_provider_oppo_image.net.options import TransportOptions
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
    """Run a sensor to its end: how it ended, and what it returned or raised."""
    try:
        return "succeeded", run(mode, **arguments)
    except airflow.AirflowSensorTimeout as error:
        return "timed out", error
    except airflow.AirflowFailException as error:
        return "failed", error
    except airflow.AirflowSkipException as error:
        return "skipped", error
    except airflow.AirflowException as error:
        raise AssertionError("soft_fail would swallow this one after a deferral") from error
    except Exception as error:  # noqa: BLE001 - whatever it is, a test asks what it was
        return "failed, may be retried", error


def run(mode: Mode, **arguments: Any) -> Any:
    """Run a sensor to its end, and return what it returns."""
    return {"poke": _poke, "reschedule": _reschedule, "deferrable": _defer}[mode](arguments)


def make_sensor(**arguments: Any) -> OppoImageSensor:
    """A sensor that looks as often as it may and gives up after half a minute, unless told otherwise."""
    return OppoImageSensor(**{"task_id": "wait", "poke_interval": 0, "timeout": 30, **arguments})


def deferred_by(sensor: OppoImageSensor) -> Any:
    """Run a sensor that has to defer, and return its deferral."""
    try:
        outcome = sensor.execute(make_context())
    except TaskDeferred as deferral:
        return deferral
    raise AssertionError(f"it did not defer and returned {outcome!r}")


def in_another_process(trigger: Any) -> Any:
    """Make a trigger again from what Airflow stores of it."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))


def first_event(trigger: Any) -> Any:
    """Run a trigger to its first event, and return the payload as it comes out of Airflow's database."""

    async def run_it() -> Any:
        return await anext(trigger.run())

    return json.loads(json.dumps(asyncio.run(run_it()).payload))


def _poke(arguments: dict[str, Any]) -> Any:
    return make_sensor(mode="poke", **arguments).execute(make_context())


def _reschedule(arguments: dict[str, Any]) -> Any:
    begun: datetime | None = None
    while True:
        context = make_context()
        context["ti"].get_first_reschedule_date.return_value = begun
        context["ti"].max_tries = 0
        now = datetime.now(UTC)
        try:
            # Airflow 2 asks its database instead.
            with patch("airflow.sensors.base._orig_start_date", return_value=begun) if AIRFLOW_2 else nullcontext():
                return make_sensor(mode="reschedule", **arguments).execute(context)
        except AirflowRescheduleException as again:
            begun = begun or now
            time.sleep(max(0, (again.reschedule_date - datetime.now(UTC)).total_seconds()))


def _defer(arguments: dict[str, Any]) -> Any:
    try:
        return make_sensor(deferrable=True, **arguments).execute(make_context())
    except TaskDeferred as raised:
        deferral = raised
    # Outside, since what ends a wait has nothing to do with its beginning, in another process.
    event = first_event(in_another_process(deferral.trigger))
    again = make_sensor(deferrable=True, **arguments)
    return again.resume_execution(deferral.method_name, {"event": event}, make_context())


class Log:
    """Collects what is logged: in place of a class's `log`, which is another thing on each Airflow."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, words: str, *arguments: Any) -> None:
        self.lines.append(words % arguments)

    warning = error = exception = info


def change_after(host: PictureHost, path: str, looks: int, before: Callable[[], str], after: Callable[[], str]) -> str:
    """Let one page follow another after so many requests; each callable puts its page at the path."""
    before()
    first = host.pages[path]
    after()
    second = host.pages[path]
    counted = threading.Lock()
    seen = 0

    def page(handler: Any) -> None:
        nonlocal seen
        with counted:
            seen += 1
            chosen = first if seen <= looks else second
        chosen(handler)

    return host.add(path, page)
