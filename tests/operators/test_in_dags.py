"""Upload and push operators in complete DAG runs, on the installed Airflow."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import airflow_version
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.dags import run_source
from tests.support.picture_host import PictureHost

pytestmark = pytest.mark.usefixtures("airflow_db", "connect")


@pytest.fixture
def big(host: PictureHost) -> str:
    return host.serve("/big.png", artwork.good("big"))


@pytest.fixture
def small(host: PictureHost) -> str:
    return host.serve("/small.png", artwork.good("small"))


def test_ids_reach_pushes_by_output_and_by_jinja(sandbox: SandboxServer, host: PictureHost, big: str) -> None:
    source = f"""
    with DAG(NAME, schedule=None, start_date=START) as dag:
        for name, url in (("good", "{big}"), ("absent", "{host.base_url}/nowhere.png")):
            upload = OppoImageUploadOperator(task_id=name, big_picture_url=url)
            push = {{"message": MESSAGE, "on_missing_picture": "text", "trigger_rule": "all_done"}}
            upload >> [
                OppoImagePushOperator(
                    task_id=name + "_by_output", big_picture_id=upload.output["big_picture_id"],
                    small_picture_id=upload.output["small_picture_id"], **push,
                ),
                OppoImagePushOperator(task_id=name + "_as_a_whole", pictures=upload.output, **push),
                OppoImagePushOperator(
                    task_id=name + "_by_jinja",
                    big_picture_id=f"{{{{{{{{ ti.xcom_pull('{{name}}', key='big_picture_id') }}}}}}}}",
                    small_picture_id=f"{{{{{{{{ (ti.xcom_pull('{{name}}') or dict()).get('small_picture_id') }}}}}}}}",
                    **push,
                ),
            ]
    """
    dag_run = run_source("ids_reach_a_push", source)
    assert (dag_run.states["good", -1], dag_run.states["absent", -1]) == ("success", "failed")
    options = {
        sent["msg_id"]: sent["body"]["body"]["options"].get("third_party_channel", {}).get("oppo", {})
        for sent in sandbox.received()["pushes"]
    }
    with_picture = {"style": 3, "big_picture_id": dag_run.returned["good", -1]["big_picture_id"]}
    for how in ("by_output", "by_jinja", "as_a_whole"):
        assert options[dag_run.returned[f"good_{how}", -1]] == with_picture
        assert options[dag_run.returned[f"absent_{how}", -1]] == {}


def test_mapped_upload_feeds_mapped_pushes(sandbox: SandboxServer, big: str, small: str) -> None:
    source = f"""
    CAMPAIGNS = [
        {{"big_picture_url": "{big}", "small_picture_url": None}},
        {{"big_picture_url": "{big}", "small_picture_url": "{small}"}},
    ]

    def with_message(pair):
        ids, title = pair
        notification = {{"android": {{"title": title, "alert": "Today only"}}}}
        return {{**ids, "message": {{"to": "all", "body": {{"platform": "all", "notification": notification}}}}}}

    with DAG(NAME, schedule=None, start_date=START) as dag:
        upload = OppoImageUploadOperator.partial(task_id="upload").expand_kwargs(CAMPAIGNS)
        OppoImagePushOperator.partial(task_id="push", message=MESSAGE).expand_kwargs(upload.output)

        @task
        def titles():
            return ["first", "second"]

        OppoImagePushOperator.partial(task_id="push_own").expand_kwargs(upload.output.zip(titles()).map(with_message))
    """
    dag_run = run_source("mapped", source)
    assert dag_run.state == "success"
    ids = [dag_run.returned["upload", index] for index in (0, 1)]
    assert ids[0]["small_picture_id"] is None
    assert ids[1]["small_picture_id"]
    assert len({dag_run.returned[name, index] for name in ("push", "push_own") for index in (0, 1)}) == 4
    pushed: dict[str, Any] = {sent["msg_id"]: sent["body"]["body"] for sent in sandbox.received()["pushes"]}
    for index, title in enumerate(["first", "second"]):
        body = pushed[dag_run.returned["push_own", index]]
        assert body["notification"]["android"]["title"] == title
        assert body["options"]["third_party_channel"]["oppo"]["big_picture_id"] == ids[index]["big_picture_id"]


def test_retries_of_uploads_and_of_a_push(sandbox: SandboxServer, host: PictureHost, big: str, small: str) -> None:
    wrong = host.serve("/wrong.png", artwork.png(876, 324))
    sandbox.fail(call="upload_small", code=23100)
    sandbox.fail(call="push", drop=True, after=True)
    source = f"""
    with DAG(NAME, schedule=None, start_date=START, default_args={{"retries": 2, **NO_WAIT}}) as dag:
        OppoImageUploadOperator(task_id="wrong", big_picture_url="{wrong}")
        upload = OppoImageUploadOperator(task_id="transient", big_picture_url="{big}", small_picture_url="{small}")
        OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id=upload.output["big_picture_id"])
    """
    dag_run = run_source("retried", source)
    assert dag_run.states == {("wrong", -1): "failed", ("transient", -1): "success", ("push", -1): "success"}
    assert host.requests.count("/wrong.png") == 1, "a permanent error is not retried"
    received = sandbox.received()
    assert received["requests"]["upload_small"] == {"500": 1, "200": 1}
    # In Airflow 3.3 and later, the second try uploads only the picture that failed.
    keeps_state = tuple(map(int, airflow_version().split(".")[:2])) >= (3, 3)
    assert received["requests"]["upload_big"] == {"200": 1 if keeps_state else 2}
    [sent] = received["pushes"]
    assert dag_run.returned["push", -1] == sent["msg_id"], "the push whose response was lost is sent once"
