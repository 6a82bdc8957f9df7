"""The scheduler runs the example DAGs as they are, and the service has what they say that it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import CAMPAIGNS
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.system.conftest import DEFAULT, PATIENCE_S

pytestmark = pytest.mark.timeout(900)


def states_of(airflow: AirflowStack, run: Run, task_id: str) -> list[str]:
    """How the tasks of a name ended, by map index."""
    tasks = [task for task in airflow.database.tasks(run) if task["task_id"] == task_id]
    return [task["state"] for task in sorted(tasks, key=lambda task: int(task["map_index"]))]


def pictures_of(push: Mapping[str, Any]) -> dict[str, str]:
    """The picture ids in a push that the service had."""
    oppo: Mapping[str, Any] = push["body"]["body"]["options"]["third_party_channel"]["oppo"]
    return {key: value for key, value in oppo.items() if key.endswith("_picture_id")}


def test_one_campaign_is_pushed_with_its_pictures(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["one campaign"]
    assert airflow.wait_for(run, PATIENCE_S) == "success"
    message_id = airflow.api.returned(run, "push")
    [push] = [push for push in services[DEFAULT].received()["pushes"] if push["msg_id"] == message_id]
    assert push["body"]["body"]["notification"]["android"]["title"] == "Pushed once"
    assert pictures_of(push) == airflow.api.returned(run, "upload")


def test_what_a_function_says_is_uploaded_and_pushed(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["a function that uploads"]
    assert airflow.wait_for(run, PATIENCE_S) == "success"
    message_id = airflow.api.returned(run, "push", map_index=0)
    [push] = [push for push in services[DEFAULT].received()["pushes"] if push["msg_id"] == message_id]
    assert pictures_of(push) == airflow.api.returned(run, "upload", map_index=0)


def test_of_a_nights_campaigns_only_the_wrong_one_stops(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["a night's campaigns"]
    assert airflow.wait_for(run, PATIENCE_S) == "failed"
    assert states_of(airflow, run, "campaign.wait") == ["success", "success", "failed"]
    assert states_of(airflow, run, "campaign.push") == ["success", "success", "upstream_failed"]
    uploaded = [airflow.api.returned(run, "campaign.upload", map_index=index) for index in range(2)]
    pushes = services[DEFAULT].received()["pushes"]
    sent = [(push["body"]["body"]["notification"]["android"]["title"], pictures_of(push)) for push in pushes]
    for campaign, ids in zip(CAMPAIGNS, uploaded, strict=True):
        assert (campaign.title, ids) in sent


def test_a_nights_manifest_is_shared_out_and_only_wrong_pictures_have_no_id(
    airflow: AirflowStack, runs: Mapping[str, Run]
) -> None:
    run = runs["a night's manifest"]
    assert airflow.wait_for(run, PATIENCE_S) == "failed"
    assert sorted(states_of(airflow, run, "upload")) == ["failed", "failed", "success", "success"]
    log = airflow.api.log(run, "merge")
    for said in ("60 rows: 56 uploaded, 4 failed", "wrong_dimensions", "wrong_format", "too_heavy"):
        assert said in log


def test_an_upload_starts_the_dag_that_pushes_with_the_ids_of_its_event(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    upload, by_hand = runs["an upload with an event"], runs["a push without an event"]
    assert airflow.wait_for(upload, PATIENCE_S) == "success"

    def started() -> list[Run]:
        return [run for run in airflow.api.runs("push_on_uploaded") if run != by_hand]

    [push] = airflow.until(started, "the event to start a run", within=PATIENCE_S)
    assert airflow.wait_for(push, PATIENCE_S) == "success"
    assert states_of(airflow, push, "push") == ["success"]
    ids = airflow.api.returned(upload, "upload")
    assert all(ids.values())
    assert ids in [pictures_of(validated) for validated in services[DEFAULT].received()["validations"]]


def test_without_an_event_the_push_is_skipped(airflow: AirflowStack, runs: Mapping[str, Run]) -> None:
    run = runs["a push without an event"]
    airflow.wait_for(run, PATIENCE_S)
    assert states_of(airflow, run, "pictures") == ["success"]
    assert states_of(airflow, run, "push") == ["skipped"]
