from __future__ import annotations

import pytest

from airflow_provider_oppo_image.errors import Failure
from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord, Step, TaskRecord
from airflow_provider_oppo_image.pictures.report import PictureReport, State
from airflow_provider_oppo_image.plugins.campaigns import Campaign, TaskView, group_campaigns

WRONG = Failure("wrong_dimensions", "876 x 324 px", "picture")
BUSY = Failure("23100", "the service had an internal error", "service", transient=True)
SENT = PushRecord("t", "x", sent=True)


def task(
    step: Step,
    *pictures: PictureRecord,
    index: int = -1,
    group: str = "",
    state: str = "success",
    campaign: str = "",
    push: PushRecord | None = None,
    failure: Failure | None = None,
) -> TaskView:
    record = TaskRecord(step, campaign, list(pictures), push, failure=failure)
    return TaskView(f"{group}.{step}" if group else step, index, None, state, record)


def uploaded(number: int, *, url: str = "") -> PictureRecord:
    return PictureRecord("big", url or f"https://a.example/{number}.jpg", picture_id=f"id{number}")


def pushed(number: int) -> PictureRecord:
    return PictureRecord("big", picture_id=f"id{number}")


def steps(campaign: Campaign) -> list[tuple[str, int]]:
    return [(task.record.step, task.map_index) for task in campaign.tasks if task.record]


def test_group_by_picture_id_and_url() -> None:
    waits = [task("wait", PictureRecord("big", f"https://a.example/{n}.jpg"), index=n) for n in range(3)]
    uploads = [task("upload", uploaded(n), index=n) for n in range(3)]
    pushes = [task("push", pushed(n), index=2 - n, push=SENT) for n in range(3)]
    campaigns = group_campaigns([*waits, *pushes, *uploads])
    assert [campaign.status for campaign in campaigns] == ["pushed"] * 3
    assert {tuple(steps(campaign)) for campaign in campaigns} == {
        (("wait", n), ("upload", n), ("push", 2 - n)) for n in range(3)
    }


def test_group_by_map_index_if_campaigns_share_a_picture() -> None:
    url = "https://a.example/shared.jpg"
    waits = [task("wait", PictureRecord("big", url), index=n, group="campaign") for n in range(50)]
    uploads = [task("upload", uploaded(n, url=url), index=n, group="campaign") for n in range(50)]
    campaigns = group_campaigns([*waits, *uploads])
    assert sorted(tuple(steps(campaign)) for campaign in campaigns) == [(("wait", n), ("upload", n)) for n in range(50)]


def test_group_by_the_names_of_pictures() -> None:
    pictures = [PictureRecord("big", f"https://a.example/{n}.jpg", name=f"c{n}") for n in range(3)]
    campaigns = group_campaigns([task("wait", *pictures)])
    assert sorted(campaign.name for campaign in campaigns) == ["c0", "c1", "c2"]


def test_group_sorts_problems_first() -> None:
    report = PictureReport("big", "u", "wrong")
    wrong = task("upload", PictureRecord("big", "u", report=report), state="failed", failure=WRONG)
    without = [task("upload", uploaded(1), index=1), task("push", index=1, push=SENT)]
    retrying = task("upload", PictureRecord("big", "v"), state="up_for_retry", failure=BUSY, index=5)
    campaigns = group_campaigns([task("upload", uploaded(7), index=7), *without, retrying, wrong])
    assert [campaign.status for campaign in campaigns] == ["stopped", "pushed_without_picture", "waiting", "uploaded"]


def test_group_skips_tasks_without_a_record() -> None:
    assert group_campaigns([TaskView("x", -1, None, "success", None)]) == []


def test_status_of_a_push_without_pictures() -> None:
    [campaign] = group_campaigns([task("push", push=SENT)])
    assert campaign.status == "pushed_without_picture"


@pytest.mark.parametrize(("state", "status"), [("up_for_retry", "waiting"), ("failed", "stopped")])
def test_status_of_a_transient_failure(state: str, status: str) -> None:
    [campaign] = group_campaigns([task("upload", PictureRecord("big", "v"), state=state, failure=BUSY)])
    assert campaign.status == status


@pytest.mark.parametrize(("state", "status"), [("wrong", "stopped"), ("absent", "waiting"), ("ready", "ready")])
def test_status_follows_the_report(state: State, status: str) -> None:
    report = PictureReport("big", "u", state)
    [campaign] = group_campaigns([task("wait", PictureRecord("big", "u", report=report))])
    assert campaign.status == status


@pytest.mark.parametrize(
    ("tasks", "name"),
    [
        ([task("upload", uploaded(1), campaign="spring")], "spring"),
        ([task("upload", uploaded(1)), task("push", pushed(1), push=PushRecord("Sale", "x"))], "Sale"),
        ([task("upload", uploaded(1), index=4)], "upload [4]"),
    ],
)
def test_name(tasks: list[TaskView], name: str) -> None:
    [campaign] = group_campaigns(tasks)
    assert campaign.name == name
