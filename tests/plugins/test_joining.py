from __future__ import annotations

from airflow_provider_oppo_image.errors import Failure
from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord, Step, TaskRecord
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.plugins.campaigns import Campaign, TaskView
from airflow_provider_oppo_image.plugins.joining import campaigns_of

WRONG = Failure("wrong_dimensions", "876 x 324 px", "picture")
BUSY = Failure("23100", "the service had an internal error", "service", transient=True)


def report(url: str, state: str = "ready") -> PictureReport:
    problems = () if state == "ready" else (Problem("wrong_dimensions", "876 x 324 px", "984 x 369 px", "Export it."),)
    return PictureReport("big", url, state, problems, width=984, height=369)  # type: ignore[arg-type]


def seen(
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
    return TaskView(f"{group}.{step}" if group else step, index, None, state, None, record)


def uploaded(number: int, *, url: str = "") -> PictureRecord:
    return PictureRecord("big", url or f"https://a.example/{number}.jpg", picture_id=f"id{number}")


def pushed(number: int) -> PictureRecord:
    return PictureRecord("big", picture_id=f"id{number}")


def steps(campaign: Campaign) -> list[tuple[str, int]]:
    return [(task.record.step, task.map_index) for task in campaign.tasks if task.record]


def test_a_push_joins_the_upload_whose_id_it_carries_and_a_wait_the_one_of_its_url() -> None:
    waits = [seen("wait", PictureRecord("big", f"https://a.example/{n}.jpg"), index=n) for n in range(3)]
    uploads = [seen("upload", uploaded(n), index=n) for n in range(3)]
    pushes = [seen("push", pushed(n), index=2 - n, push=PushRecord("t", "x", sent=True)) for n in range(3)]
    found = campaigns_of([*waits, *pushes, *uploads])
    assert [campaign.status for campaign in found] == ["pushed"] * 3
    assert {tuple(steps(campaign)) for campaign in found} == {
        (("wait", n), ("upload", n), ("push", 2 - n)) for n in range(3)
    }


def test_campaigns_that_share_a_picture_stay_apart() -> None:
    url = "https://a.example/shared.jpg"
    looks = [seen("wait", PictureRecord("big", url), index=n, group="campaign") for n in range(50)]
    uploads = [seen("upload", uploaded(n, url=url), index=n, group="campaign") for n in range(50)]
    found = campaigns_of([*looks, *uploads])
    assert sorted(tuple(steps(campaign)) for campaign in found) == [(("wait", n), ("upload", n)) for n in range(50)]


def test_those_with_problems_come_first() -> None:
    bad = seen("upload", PictureRecord("big", "u", report=report("u", "wrong")), state="failed", failure=WRONG)
    bare = [seen("upload", uploaded(1), index=1), seen("push", index=1, push=PushRecord("t", "x", sent=True))]
    late = seen("upload", PictureRecord("big", "v"), state="up_for_retry", failure=BUSY, index=5)
    found = campaigns_of([seen("upload", uploaded(7), index=7), *bare, late, bad])
    assert [campaign.status for campaign in found] == ["stopped", "bare", "waiting", "uploaded"]


def test_a_push_without_pictures_is_no_success() -> None:
    [campaign] = campaigns_of([seen("push", push=PushRecord("t", "x", sent=True))])
    assert campaign.status == "bare"


def test_a_transient_failure_waits_until_airflow_gives_up() -> None:
    for state, status in (("up_for_retry", "waiting"), ("failed", "stopped")):
        [campaign] = campaigns_of([seen("upload", PictureRecord("big", "v"), state=state, failure=BUSY)])
        assert campaign.status == status


def test_a_sensor_of_many_makes_a_campaign_of_each_name() -> None:
    pictures = [PictureRecord("big", f"https://a.example/{n}.jpg", name=f"c{n}") for n in range(3)]
    found = campaigns_of([seen("wait", *pictures)])
    assert sorted(campaign.name for campaign in found) == ["c0", "c1", "c2"]


def test_what_cannot_be_read_is_passed_over() -> None:
    assert campaigns_of([TaskView("x", -1, None, "success", None, None)]) == []


def test_a_name_is_the_campaigns_or_the_labels_or_the_titles() -> None:
    [named] = campaigns_of([seen("upload", uploaded(1), campaign="spring")])
    assert named.name == "spring"
    [titled] = campaigns_of([seen("upload", uploaded(1)), seen("push", pushed(1), push=PushRecord("Sale", "x"))])
    assert titled.name == "Sale"
    [plain] = campaigns_of([seen("upload", uploaded(1), index=4)])
    assert plain.name == "upload [4]"
