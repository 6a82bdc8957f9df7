"""Permanent errors fail at the first try, transient ones are retried, and the log has the documented messages."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.docs.pages import ROOT
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.system.conftest import FAILING, REFUSING, TIMEOUT_S

pytestmark = pytest.mark.timeout(900)


def tries_of(airflow: AirflowStack, run: Run) -> tuple[str, int]:
    """Return the state of an upload, and the number of its last try."""
    airflow.wait_for(run, TIMEOUT_S)
    [task] = airflow.database.tasks(run)
    return task["state"], task["try_number"]


def documented(page: str) -> set[str]:
    """Return the words of the message on a page of docs/errors, without its URL."""
    text = (ROOT / "docs/errors" / f"{page}.md").read_text()
    [shown] = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return words(re.sub(r"https://\S+|\b(?:big|small)\b", "", shown))


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w-]+", text))


def test_wrong_picture_fails_without_retry(airflow: AirflowStack, runs: Mapping[str, Run]) -> None:
    run = runs["a wrong picture"]
    assert tries_of(airflow, run) == ("failed", 1)
    log = airflow.api.log(run, "upload")
    assert "wrong_dimensions" in log
    assert not documented("wrong_dimensions") - words(log)


def test_refused_picture_fails_and_keeps_other_id(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["a refused picture"]
    assert tries_of(airflow, run) == ("failed", 1)
    received = services[REFUSING].received()
    [uploaded] = received["uploads"]
    log = airflow.api.log(run, "upload")
    assert not documented("51") - words(log)
    assert uploaded["id"] in log
    assert airflow.api.returned(run, "upload", "big_picture_id") == uploaded["id"]


def test_failing_service_is_retried(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["a failing service"]
    assert tries_of(airflow, run) == ("success", 2)
    assert not documented("23100") - words(airflow.api.log(run, "upload", 1))
    [uploaded] = services[FAILING].received()["uploads"]
    assert airflow.api.returned(run, "upload")["big_picture_id"] == uploaded["id"]
    assert uploaded["id"] in airflow.api.log(run, "upload", 2)
