"""Entry points of the check: each takes a picture's URL and returns the same kind of outcome."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.errors import ConfigurationError, PictureError, docs_url_for
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.operators.oppo_image import OppoImageUploadOperator
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.support.sensor_runs import first_event, make_sensor
from tests.support.tasks import make_context


@dataclass(frozen=True)
class CheckOutcome:
    """Information that a caller gets about a URL.

    :param state: the picture's state.
    :param problems: the problems as text.
    """

    state: str
    problems: tuple[str, ...]


EntryPoint: TypeAlias = Callable[[str], CheckOutcome]


def by_check(url: str) -> CheckOutcome:
    """Call the check without a connection."""
    return _from_report(check_picture("big", url))


def by_hook(url: str) -> CheckOutcome:
    """Call a hook's check with the default connection."""
    return _from_report(OppoImageHook().check("big", url))


def by_sensor(url: str) -> CheckOutcome:
    """Poke a sensor in a worker."""
    try:
        make_sensor(big_picture_url=url).poke(make_context())
    except AirflowFailException as error:
        return _from_error(error.__cause__)
    return CheckOutcome("absent", ())


def by_trigger(url: str) -> CheckOutcome:
    """Poll once in the triggerer."""
    from airflow_provider_oppo_image.triggers.oppo_image import OppoImageTrigger

    event = first_event(OppoImageTrigger(deadline=time.time(), big_picture_url=url))
    return _from_data(event["result"]["reports"][0])


def by_upload(url: str) -> CheckOutcome:
    """Run the upload operator, which checks before it uploads."""
    try:
        OppoImageUploadOperator(task_id="upload", big_picture_url=url).execute(make_context())
    except AirflowFailException as error:
        return _from_error(error.__cause__)
    except PictureError as error:
        return _from_error(error)
    raise AssertionError("it was uploaded")


ENTRY_POINTS: Mapping[str, EntryPoint] = {
    "check_picture": by_check,
    "hook": by_hook,
    "sensor": by_sensor,
    "trigger": by_trigger,
    "upload operator": by_upload,
}


def connection_json(host: str, **extra: Any) -> str:
    """Return a connection in the format that Airflow reads from the environment."""
    fields = {"conn_type": "oppo_image", "login": "key", "password": "a master secret", "host": host}
    return json.dumps(fields | {"extra": {"retry_budget": 0, **extra}})


def _from_report(report: PictureReport) -> CheckOutcome:
    return _from_data(report.to_dict())


def _from_data(data: Mapping[str, Any]) -> CheckOutcome:
    report = PictureReport.from_dict(data)
    return CheckOutcome(report.state, tuple(map(str, report.problems)))


def _from_error(error: BaseException | None) -> CheckOutcome:
    if isinstance(error, ConfigurationError):
        # The operator parses its arguments first, and refuses invalid URLs before the check.
        problem = str(error).removeprefix("The big picture's URL is not one: ").removesuffix(f" {docs_url_for(error)}")
        return CheckOutcome("wrong", (problem,))
    assert isinstance(error, PictureError)
    return _from_data(error.reports[0])
