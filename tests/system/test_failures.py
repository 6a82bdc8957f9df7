"""What no retry mends fails at the first try, what may pass is tried again, and the log says what the pages promise."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.docs.pages import ROOT
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.system.conftest import FAILING, PATIENCE_S, REFUSING

pytestmark = pytest.mark.timeout(900)


def tries_of(airflow: AirflowStack, run: Run) -> tuple[str, int]:
    """How an upload ended, and at which try."""
    airflow.wait_for(run, PATIENCE_S)
    [task] = airflow.database.tasks(run)
    return task["state"], task["try_number"]


def promised(page: str) -> set[str]:
    """The words that a page of docs/errors shows a message to have, without the URL in it."""
    text = (ROOT / "docs/errors" / f"{page}.md").read_text()
    [shown] = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return words(re.sub(r"https://\S+|\b(?:big|small)\b", "", shown))


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w-]+", text))


def test_a_wrong_picture_fails_at_once_with_its_report_and_is_not_sent(
    airflow: AirflowStack, runs: Mapping[str, Run]
) -> None:
    run = runs["a wrong picture"]
    assert tries_of(airflow, run) == ("failed", 1)
    log = airflow.api.log(run, "upload")
    assert "wrong_dimensions" in log
    assert not promised("wrong_dimensions") - words(log)


def test_a_picture_that_oppo_refuses_fails_at_once_and_the_other_ones_id_is_known(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["a refused picture"]
    assert tries_of(airflow, run) == ("failed", 1)
    received = services[REFUSING].received()
    [uploaded] = received["uploads"]
    log = airflow.api.log(run, "upload")
    assert not promised("51") - words(log)
    assert uploaded["id"] in log
    assert airflow.api.returned(run, "upload", "big_picture_id") == uploaded["id"]


def test_a_service_that_fails_is_asked_again(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["a failing service"]
    assert tries_of(airflow, run) == ("success", 2)
    assert not promised("23100") - words(airflow.api.log(run, "upload", 1))
    [uploaded] = services[FAILING].received()["uploads"]
    assert airflow.api.returned(run, "upload")["big_picture_id"] == uploaded["id"]
    assert uploaded["id"] in airflow.api.log(run, "upload", 2)
