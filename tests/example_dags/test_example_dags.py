"""Each example runs whole, against the sandbox."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.dags import run_file
from tests.support.picture_host import PictureHost

EXAMPLES = Path(__file__).parents[2] / "example_dags"

pytestmark = pytest.mark.usefixtures("airflow_db", "connect")


@pytest.fixture
def pictures(host: PictureHost) -> dict[str, str]:
    return {
        "big_picture_url": host.serve("/big.jpg", artwork.good("big", "JPEG")),
        "small_picture_url": host.serve("/small.png", artwork.good("small")),
    }


def test_upload_then_push_validates_by_default(sandbox: SandboxServer, pictures: dict[str, str]) -> None:
    dag_run = run_file(EXAMPLES / "upload_then_push.py", "upload_then_push", {**pictures, "small_picture_url": None})
    assert dag_run.state == "success"
    assert dag_run.returned["push", -1] is None
    received = sandbox.received()
    assert received["pushes"] == []
    [validated] = received["validations"]
    picture_id = dag_run.returned["upload", -1]["big_picture_id"]
    assert validated["body"]["body"]["options"]["third_party_channel"]["oppo"] == {
        "style": 3,
        "big_picture_id": picture_id,
    }


def test_nightly_campaigns_stops_only_the_wrong_picture(
    sandbox: SandboxServer, host: PictureHost, pictures: dict[str, str]
) -> None:
    def campaign(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "title": name, "text": "Today only", **pictures, **more}

    wrong = host.serve("/old.jpg", artwork.jpeg(876, 324))
    campaigns = [campaign("spring"), campaign("old", big_picture_url=wrong), campaign("autumn")]
    dag_run = run_file(EXAMPLES / "nightly_campaigns.py", "nightly_campaigns", {"campaigns": campaigns, "send": True})
    assert dag_run.state == "failed"
    states = [dag_run.states["campaign.push", index] for index in range(3)]
    assert states == ["success", "upstream_failed", "success"]
    titles = {sent["body"]["body"]["notification"]["android"]["title"] for sent in sandbox.received()["pushes"]}
    assert titles == {"spring", "autumn"}


def test_taskflow_upload_uploads_returned_urls(
    sandbox: SandboxServer, host: PictureHost, pictures: dict[str, str]
) -> None:
    campaigns = [{"name": name, "folder": host.base_url} for name in ("spring", "summer")]
    dag_run = run_file(EXAMPLES / "taskflow_upload.py", "taskflow_upload", {"campaigns": campaigns})
    assert dag_run.state == "success"
    received = sandbox.received()
    assert received["pushes"] == []
    validated = [
        {**sent["body"]["body"]["options"]["third_party_channel"]["oppo"], "uploaded_at": ANY}
        for sent in received["validations"]
    ]
    uploaded = [{"style": 3, **dag_run.returned["upload", index]} for index in range(2)]
    by_id = operator.itemgetter("big_picture_id")
    assert sorted(validated, key=by_id) == sorted(uploaded, key=by_id), "each with its own, whichever is first"
    assert len(received["uploads"]) == 4


def test_upload_pictures_uploads(sandbox: SandboxServer, pictures: dict[str, str]) -> None:
    dag_run = run_file(EXAMPLES / "push_on_uploaded.py", "upload_pictures", pictures)
    assert dag_run.state == "success"
    assert all(dag_run.returned["upload", -1].values())


def test_push_on_uploaded_skips_without_an_event(sandbox: SandboxServer) -> None:
    dag_run = run_file(EXAMPLES / "push_on_uploaded.py", "push_on_uploaded")
    assert dag_run.states["push", -1] == "skipped"
    assert sandbox.received()["requests"] == {}


@pytest.mark.parametrize(
    ("distribution", "states"),
    [(None, ("success", "skipped")), ("mtpush_pns", ("failed", "success"))],
    ids=["seen", "unseen"],
)
def test_push_and_observe_withdraws_what_no_phone_shows(
    sandbox: SandboxServer, pictures: dict[str, str], tmp_path: Path, distribution: str | None, states: tuple[str, str]
) -> None:
    source = (EXAMPLES / "push_and_observe.py").read_text().replace("retries=1", "observe_for=0")
    options = {"third_party_channel": {"distribution_new": distribution}} if distribution else {}
    path = tmp_path / "push_and_observe.py"
    path.write_text(source.replace('"platform": "all",', f'"platform": "all", "options": {options},'))
    conf = {"big_picture_url": pictures["big_picture_url"], "send": True}
    dag_run = run_file(path, "push_and_observe", conf)
    assert (dag_run.states["observe", -1], dag_run.states["withdraw", -1]) == states
    assert [push["withdrawn"] for push in sandbox.received()["pushes"]] == [distribution is not None]


def test_push_and_observe_validates_by_default(sandbox: SandboxServer, pictures: dict[str, str]) -> None:
    conf = {"big_picture_url": pictures["big_picture_url"]}
    dag_run = run_file(EXAMPLES / "push_and_observe.py", "push_and_observe", conf)
    assert (dag_run.states["observe", -1], dag_run.states["withdraw", -1]) == ("skipped", "skipped")
    assert sandbox.received()["pushes"] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example_is_paused_and_shown_in_the_docs(path: Path) -> None:
    from scripts.run_dag import load_dags

    source = path.read_text()
    assert f"[START {path.stem}]" in source
    assert f"[END {path.stem}]" in source
    dags = load_dags(path)
    assert dags
    assert all(dag.is_paused_upon_creation for dag in dags)


def test_nightly_batch_splits_and_merges(
    sandbox: SandboxServer, host: PictureHost, pictures: dict[str, str], tmp_path: Path
) -> None:
    wrong = host.serve("/old.jpg", artwork.jpeg(876, 324))
    urls = [f"{pictures['big_picture_url']}?{number}" for number in range(7)]
    manifest = tmp_path / "night.csv"
    manifest.write_text("name,big_picture_url\n" + "".join(f"{url[-1]},{url}\n" for url in urls) + f"old,{wrong}\n")
    params = {
        "manifest": str(manifest),
        "folder": str(tmp_path / "night"),
        "parts": 3,
    }
    dag_run = run_file(EXAMPLES / "nightly_batch.py", "nightly_batch", params)
    assert [dag_run.states["upload", index] for index in range(3)] == ["success", "success", "failed"]
    assert dag_run.states["merge", -1] == "failed", "a campaign without its picture must be seen"
    results = list(read_results(next((tmp_path / "night").glob("*/results.csv"))))
    assert [result.line for result in results] == list(range(2, 10))
    assert [result.state for result in results] == ["uploaded"] * 7 + ["failed"]
    assert len(sandbox.received()["uploads"]) == 7


def test_push_batch_validates_a_push_for_each_row(
    sandbox: SandboxServer, pictures: dict[str, str], tmp_path: Path
) -> None:
    manifest = tmp_path / "night.csv"
    rows = [f"c{number},{pictures['big_picture_url']},segment {number},Sale,Today only\n" for number in range(2)]
    manifest.write_text("name,big_picture_url,segment,title,text\n" + "".join(rows))
    params = {"manifest": str(manifest), "folder": str(tmp_path)}
    dag_run = run_file(EXAMPLES / "push_batch.py", "push_batch", params)
    assert dag_run.state == "success"
    assert dag_run.returned["push", -1]["valid"] == 2
    received = sandbox.received()
    audiences = [validated["body"]["to"]["tag"] for validated in received["validations"]]
    assert (sorted(audiences), received["pushes"]) == ([["segment 0"], ["segment 1"]], [])
