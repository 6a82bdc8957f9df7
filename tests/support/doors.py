"""All ways in which a picture's URL reaches the check: each says what was found in the same terms."""

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
from tests.support.tasks import make_context
from tests.support.waits import first_event, make_sensor


@dataclass(frozen=True)
class Seen:
    """What somebody who gave a URL gets to know.

    :param state: the picture's state.
    :param problems: what is the matter, in words.
    """

    state: str
    problems: tuple[str, ...]


Door: TypeAlias = Callable[[str], Seen]


def by_check(url: str) -> Seen:
    """The check alone, without a connection."""
    return _of_report(check_picture("big", url))


def by_hook(url: str) -> Seen:
    """A hook's check, with the default connection."""
    return _of_report(OppoImageHook().check("big", url))


def by_sensor(url: str) -> Seen:
    """A sensor's look in a worker."""
    try:
        make_sensor(big_picture_url=url).poke(make_context())
    except AirflowFailException as error:
        return _of_error(error.__cause__)
    return Seen("absent", ())


def by_trigger(url: str) -> Seen:
    """A sensor's look in the triggerer."""
    from airflow_provider_oppo_image.triggers.oppo_image import OppoImageTrigger

    event = first_event(OppoImageTrigger(deadline=time.time(), big_picture_url=url))
    return _of_data(event["result"]["reports"][0])


def by_upload(url: str) -> Seen:
    """The upload operator, which looks before it uploads."""
    try:
        OppoImageUploadOperator(task_id="upload", big_picture_url=url).execute(make_context())
    except AirflowFailException as error:
        return _of_error(error.__cause__)
    except PictureError as error:
        return _of_error(error)
    raise AssertionError("it was uploaded")


DOORS: Mapping[str, Door] = {
    "check_picture": by_check,
    "hook": by_hook,
    "sensor": by_sensor,
    "trigger": by_trigger,
    "upload operator": by_upload,
}


def connect_to(host: str, **extra: Any) -> str:
    """Return a connection as Airflow reads it from the environment."""
    fields = {"conn_type": "oppo_image", "login": "key", "password": "a master secret", "host": host}
    return json.dumps(fields | {"extra": {"retry_budget": 0, **extra}})


def _of_report(report: PictureReport) -> Seen:
    return _of_data(report.to_dict())


def _of_data(data: Mapping[str, Any]) -> Seen:
    report = PictureReport.from_dict(data)
    return Seen(report.state, tuple(map(str, report.problems)))


def _of_error(error: BaseException | None) -> Seen:
    if isinstance(error, ConfigurationError):
        # The operator reads its arguments first: what cannot be any picture's URL is said before anybody looks.
        words = str(error).removeprefix("The big picture's URL is not valid: ").removesuffix(f" {docs_url_for(error)}")
        return Seen("wrong", (words,))
    assert isinstance(error, PictureError)
    return _of_data(error.reports[0])
