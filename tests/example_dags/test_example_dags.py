"""Each example runs whole, against the sandbox."""

from __future__ import annotations

import asyncio
import importlib
import json
import operator
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from unittest.mock import ANY, Mock

import pytest
from sqlalchemy import select

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES, airflow_version
from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import docs_url
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.conftest import CONNECTION_VARIABLE
from tests.docs.pages import blocks
from tests.support import artwork
from tests.support.dags import NEED_3_1, run_file
from tests.support.picture_host import PictureHost
from tests.support.smtp_server import smtp_server

EXAMPLES = Path(__file__).parents[2] / "example_dags"

BEFORE_3_3 = airflow_version().startswith(("2.", "3.0.", "3.1.", "3.2."))

from_3_1 = pytest.mark.skipif(not HAS_PAGES, reason="approvals and deadlines exist since Airflow 3.1")

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

    if path.stem in NEED_3_1 and not HAS_PAGES:
        pytest.skip("it needs Airflow 3.1")
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


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EmailMessage]]:
    """The mails that Airflow sends by its connection smtp_default."""
    with smtp_server() as (port, received):
        extra = {"disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        yield received


def test_push_to_segments_pushes_to_each_audience(sandbox: SandboxServer, pictures: dict[str, str]) -> None:
    conf = {"big_picture_url": pictures["big_picture_url"]}
    dag_run = run_file(EXAMPLES / "push_to_segments.py", "push_to_segments", conf)
    assert dag_run.state == "success"
    received = sandbox.received()
    audiences = [validated["body"]["to"] for validated in received["validations"]]
    assert sorted(map(str, audiences)) == [
        "{'seg': {'id': 'YOUR_SEGMENT_ID'}}",
        "{'tag': ['trial', 'first_order']}",
        "{'tag_and': ['member', 'shanghai'], 'tag_not': ['opted_out']}",
    ]
    assert (len(received["uploads"]), received["pushes"]) == (1, [])


def test_report_failures_sends_one_mail_with_the_report(host: PictureHost, mails: list[EmailMessage]) -> None:
    conf = {"big_picture_url": host.serve("/old.jpg", artwork.jpeg(876, 324))}
    dag_run = run_file(EXAMPLES / "report_failures.py", "report_failures", conf)
    assert (dag_run.states["upload", -1], dag_run.states["push", -1]) == ("failed", "upstream_failed")
    [mail] = mails
    assert (mail["to"], mail["subject"]) == ("campaigns@example.com", "report_failures: upload failed")
    if airflow_version().startswith("2.") or not BEFORE_3_3:  # in between, `dag.test()` hands over no exception
        text = mail.get_body().get_content()
        assert "876 x 324 px" in text
        assert docs_url("wrong_dimensions") in text


@pytest.mark.skipif(BEFORE_3_3, reason="before Airflow 3.3, `dag.test()` takes no answers")
@pytest.mark.parametrize(("choice", "state"), [("Approve", "success"), ("Reject", "skipped")])
def test_approve_before_push_asks_with_a_link_to_the_pictures(
    sandbox: SandboxServer, pictures: dict[str, str], choice: str, state: str
) -> None:
    conf = {"big_picture_url": pictures["big_picture_url"]}
    with ThreadPoolExecutor(1) as person:
        question = person.submit(choose, "approve_before_push", choice, lambda: sandbox.received()["uploads"])
        dag_run = run_file(EXAMPLES / "approve_before_push.py", "approve_before_push", conf)
    assert (dag_run.states["approve", -1], dag_run.states["push", -1]) == ("success", state)
    assert len(sandbox.received()["validations"]) == (choice == "Approve")
    link = re.search(r"\((.*)\)", question.result())
    assert link
    assert re.fullmatch(r".*/dags/approve_before_push/runs/manual__[^:+]+/plugin/oppo-pictures", link[1])


def choose(dag_id: str, choice: str, began: Callable[[], object]) -> str:
    """Answer the question that a run of this DAG asks, as Airflow's API does; return the question's text.

    Before the run began, Airflow creates its database, and another session would disturb it.
    """
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.models import TaskInstance
    from airflow.models.hitl import HITLDetail
    from airflow.utils.session import create_session

    waiting = (
        select(HITLDetail).join(TaskInstance).where(TaskInstance.dag_id == dag_id, HITLDetail.responded_at.is_(None))
    )
    waiting = waiting.where(TaskInstance.state.in_(["awaiting_input", "deferred"]))
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if not began():
            continue
        with create_session() as session:
            if question := session.scalar(waiting):
                run_id, text = question.task_instance.run_id, str(question.body)
                user = Mock(**{"get_id.return_value": "ann", "get_name.return_value": "Ann"})
                payload = UpdateHITLDetailPayload(chosen_options=[choice])
                update_hitl_detail(dag_id, run_id, "approve", payload, user=user, session=session)
                return text
    raise TimeoutError(f"no run of {dag_id} asked")


@from_3_1
def test_alert_when_late_sends_a_mail(host: PictureHost, mails: list[EmailMessage], tmp_path: Path) -> None:
    from airflow.models import Trigger
    from airflow.models.deadline import Deadline
    from airflow.utils.session import create_session

    conf = {"big_picture_url": host.serve("/old.jpg", artwork.jpeg(876, 324))}
    path = tmp_path / "alert_when_late.py"  # `dag.test()` does not queue a run
    path.write_text((EXAMPLES / path.name).read_text().replace("DAGRUN_QUEUED_AT", "DAGRUN_LOGICAL_DATE"))
    dag_run = run_file(path, "alert_when_late", conf)
    assert dag_run.state == "failed"
    with create_session() as session:  # as the scheduler does after 30 minutes
        [deadline] = session.scalars(select(Deadline))
        deadline.handle_miss(session)
        session.flush()
        stored = session.scalars(select(Trigger).order_by(Trigger.id.desc())).first()
        module, _, name = stored.classpath.rpartition(".")
        trigger = getattr(importlib.import_module(module), name)(**stored.kwargs)

    async def run_in_triggerer() -> list[Any]:
        return [event.payload["state"] async for event in trigger.run()]

    assert "failed" not in asyncio.run(run_in_triggerer())
    [mail] = mails
    assert mail["subject"] == "The campaign alert_when_late is late"


def test_example_reads_its_connection_from_a_secrets_backend(
    sandbox: SandboxServer, pictures: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [shown] = [block for block in blocks("json") if block.place.startswith("docs/how-to/secrets-backends.md")]
    connections = json.loads(shown.text)
    connections[DEFAULT_CONN_ID] |= json.loads(os.environ[CONNECTION_VARIABLE])
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(connections))
    monkeypatch.delenv(CONNECTION_VARIABLE)
    backend = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(file)}))
    if not BEFORE_3_3:  # which keeps a backend for the rest of the process
        monkeypatch.setattr("airflow.sdk.configuration._secrets_backend_cache", {})
    conf = {"big_picture_url": pictures["big_picture_url"]}
    assert run_file(EXAMPLES / "push_to_segments.py", "push_to_segments", conf).state == "success"
    assert len(sandbox.received()["validations"]) == 3
