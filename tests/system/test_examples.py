"""The scheduler runs the unchanged example DAGs, and the service receives what they report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import CAMPAIGNS
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.system.conftest import DEFAULT, TIMEOUT_S

pytestmark = pytest.mark.timeout(900)


def states_of(airflow: AirflowStack, run: Run, task_id: str) -> list[str]:
    tasks = [task for task in airflow.database.tasks(run) if task["task_id"] == task_id]
    return [task["state"] for task in sorted(tasks, key=lambda task: int(task["map_index"]))]


def pictures_of(push: Mapping[str, Any]) -> dict[str, str]:
    """Return the picture ids in a push that the service received."""
    oppo: Mapping[str, Any] = push["body"]["body"]["options"]["third_party_channel"]["oppo"]
    return {key: value for key, value in oppo.items() if key.endswith("_picture_id")}


def uploaded_ids(airflow: AirflowStack, run: Run, task_id: str, **mapped: int) -> dict[str, str]:
    """Return the picture ids that an upload returned."""
    returned = airflow.api.returned(run, task_id, **mapped)
    return {key: value for key, value in returned.items() if key.endswith("_picture_id")}


def test_upload_then_push(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["one campaign"]
    assert airflow.wait_for(run, TIMEOUT_S) == "success"
    message_id = airflow.api.returned(run, "push")
    [push] = [push for push in services[DEFAULT].received()["pushes"] if push["msg_id"] == message_id]
    assert push["body"]["body"]["notification"]["android"]["title"] == "Pushed once"
    assert pictures_of(push) == uploaded_ids(airflow, run, "upload")


def test_taskflow_upload(airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]) -> None:
    run = runs["a function that uploads"]
    assert airflow.wait_for(run, TIMEOUT_S) == "success"
    message_id = airflow.api.returned(run, "push", map_index=0)
    [push] = [push for push in services[DEFAULT].received()["pushes"] if push["msg_id"] == message_id]
    assert pictures_of(push) == uploaded_ids(airflow, run, "upload", map_index=0)


def test_nightly_campaigns_stops_wrong_picture(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    run = runs["a night's campaigns"]
    assert airflow.wait_for(run, TIMEOUT_S) == "failed"
    assert states_of(airflow, run, "campaign.wait") == ["success", "success", "failed"]
    assert states_of(airflow, run, "campaign.push") == ["success", "success", "upstream_failed"]
    uploaded = [uploaded_ids(airflow, run, "campaign.upload", map_index=index) for index in range(2)]
    pushes = services[DEFAULT].received()["pushes"]
    sent = [(push["body"]["body"]["notification"]["android"]["title"], pictures_of(push)) for push in pushes]
    for campaign, ids in zip(CAMPAIGNS, uploaded, strict=True):
        assert (campaign.title, ids) in sent


def test_nightly_batch_reports_wrong_pictures(airflow: AirflowStack, runs: Mapping[str, Run]) -> None:
    run = runs["a night's manifest"]
    assert airflow.wait_for(run, TIMEOUT_S) == "failed"
    assert sorted(states_of(airflow, run, "upload")) == ["failed", "failed", "success", "success"]
    log = airflow.api.log(run, "merge")
    for text in ("60 rows: 56 uploaded, 4 failed", "wrong_dimensions", "wrong_format", "too_heavy"):
        assert text in log


def test_asset_event_triggers_push(
    airflow: AirflowStack, runs: Mapping[str, Run], services: Mapping[str, SandboxServer]
) -> None:
    upload, by_hand = runs["an upload with an event"], runs["a push without an event"]
    assert airflow.wait_for(upload, TIMEOUT_S) == "success"

    def started() -> list[Run]:
        return [run for run in airflow.api.runs("push_on_uploaded") if run != by_hand]

    [push] = airflow.until(started, "the event to start a run", within=TIMEOUT_S)
    assert airflow.wait_for(push, TIMEOUT_S) == "success"
    assert states_of(airflow, push, "push") == ["success"]
    ids = uploaded_ids(airflow, upload, "upload")
    assert all(ids.values())
    assert ids in [pictures_of(validated) for validated in services[DEFAULT].received()["validations"]]


def test_push_without_event_is_skipped(airflow: AirflowStack, runs: Mapping[str, Run]) -> None:
    run = runs["a push without an event"]
    airflow.wait_for(run, TIMEOUT_S)
    assert states_of(airflow, run, "pictures") == ["success"]
    assert states_of(airflow, run, "push") == ["skipped"]
