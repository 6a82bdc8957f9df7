"""Upload and push in DAGs, run whole on whichever Airflow is installed."""

from __future__ import annotations

from collections.abc import Callable
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


def oppo_options(sandbox: SandboxServer) -> list[dict[str, Any]]:
    return [
        sent["body"]["body"]["options"].get("third_party_channel", {}).get("oppo", {})
        for sent in sandbox.received()["pushes"]
    ]


def test_a_failed_upload_then_a_push_as_text_by_output_and_by_jinja(sandbox: SandboxServer, host: PictureHost) -> None:
    source = f"""
    with DAG(NAME, schedule=None, start_date=START) as dag:
        upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{host.base_url}/nowhere.png")
        by_output = OppoImagePushOperator(
            task_id="by_output", message=MESSAGE, on_missing_picture="text", trigger_rule="all_done",
            big_picture_id=upload.output["big_picture_id"], small_picture_id=upload.output["small_picture_id"],
        )
        by_jinja = OppoImagePushOperator(
            task_id="by_jinja", message=MESSAGE, on_missing_picture="text", trigger_rule="all_done",
            big_picture_id="{{{{ ti.xcom_pull('upload', key='big_picture_id') }}}}",
        )
        upload >> [by_output, by_jinja]
    """
    dag_run = run_source("failed_upload", source)
    assert dag_run.states["upload", -1] == "failed"
    assert dag_run.returned["by_output", -1]
    assert dag_run.returned["by_jinja", -1]
    assert oppo_options(sandbox) == [{}, {}]


def test_ids_reach_a_push_by_output_and_by_jinja(sandbox: SandboxServer, big: str) -> None:
    source = f"""
    with DAG(NAME, schedule=None, start_date=START) as dag:
        upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{big}")
        by_output = OppoImagePushOperator(
            task_id="by_output", message=MESSAGE,
            big_picture_id=upload.output["big_picture_id"], small_picture_id=upload.output["small_picture_id"],
        )
        by_jinja = OppoImagePushOperator(
            task_id="by_jinja", message=MESSAGE,
            big_picture_id="{{{{ ti.xcom_pull('upload', key='big_picture_id') }}}}",
            small_picture_id="{{{{ ti.xcom_pull('upload')['small_picture_id'] }}}}",
        )
        upload >> [by_output, by_jinja]
    """
    dag_run = run_source("ids_reach_a_push", source)
    picture_id = dag_run.returned["upload", -1]["big_picture_id"]
    assert dag_run.state == "success"
    assert oppo_options(sandbox) == [{"style": 3, "big_picture_id": picture_id}] * 2


def test_a_mapped_upload_feeds_a_mapped_push(sandbox: SandboxServer, big: str, small: str) -> None:
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
    pushed = {sent["msg_id"]: sent["body"]["body"] for sent in sandbox.received()["pushes"]}
    for index, title in enumerate(["first", "second"]):
        body = pushed[dag_run.returned["push_own", index]]
        assert body["notification"]["android"]["title"] == title
        assert body["options"]["third_party_channel"]["oppo"]["big_picture_id"] == ids[index]["big_picture_id"]


def test_a_permanent_error_is_not_retried_and_a_passing_one_is(
    sandbox: SandboxServer, host: PictureHost, big: str, small: str
) -> None:
    wrong = host.serve("/wrong.png", artwork.png(876, 324))
    sandbox.fail(call="upload_small", code=23100)
    source = f"""
    with DAG(NAME, schedule=None, start_date=START, default_args={{"retries": 2, **NO_WAIT}}) as dag:
        OppoImageUploadOperator(task_id="wrong", big_picture_url="{wrong}")
        OppoImageUploadOperator(task_id="passing", big_picture_url="{big}", small_picture_url="{small}")
    """
    dag_run = run_source("retried", source)
    assert dag_run.states == {("wrong", -1): "failed", ("passing", -1): "success"}
    assert host.requests.count("/wrong.png") == 1
    # Where Airflow remembers (3.3), the second try uploads only what failed.
    remembers = tuple(map(int, airflow_version().split(".")[:2])) >= (3, 3)
    requests = sandbox.received()["requests"]
    assert requests["upload_small"] == {"500": 1, "200": 1}
    assert requests["upload_big"] == {"200": 1 if remembers else 2}


def test_a_push_whose_answer_was_lost_is_sent_once(
    sandbox: SandboxServer, big: str, task_log: Callable[[], str]
) -> None:
    sandbox.fail(call="push", drop=True, after=True)
    source = f"""
    with DAG(NAME, schedule=None, start_date=START, default_args={{"retries": 2, **NO_WAIT}}) as dag:
        upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{big}")
        OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id=upload.output["big_picture_id"])
    """
    dag_run = run_source("lost_answer", source)
    [sent] = sandbox.received()["pushes"]
    assert dag_run.returned["push", -1] == sent["msg_id"]
