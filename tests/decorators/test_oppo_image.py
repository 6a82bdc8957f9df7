"""The task decorator, called directly and in DAG runs."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.decorators.oppo_image import oppo_image_upload_task
from airflow_provider_oppo_image.errors import ConfigurationError, PictureAbsentError
from airflow_provider_oppo_image.hooks.task_record import XCOM_KEY
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.dags import run_source
from tests.support.picture_host import PictureHost
from tests.support.tasks import make_context

BIG, SMALL = artwork.good("big"), artwork.good("small")


@pytest.fixture
def urls(host: PictureHost, connect: Any) -> dict[str, str]:
    return {"big_picture_url": host.serve("/big.png", BIG), "small_picture_url": host.serve("/small.png", SMALL)}


def execute(returned: Any, context: dict[str, Any] | None = None, **arguments: Any) -> dict[str, str | None]:
    def pictures() -> Any:
        return returned

    output = oppo_image_upload_task(**arguments)(pictures)()
    ids: dict[str, str | None] = output.operator.execute(context or make_context())
    return ids


def ids_of(sandbox: SandboxServer) -> dict[str, Any]:
    ids = {f"{entry['kind']}_picture_id": entry["id"] for entry in sandbox.received()["uploads"]}
    return {**ids, "uploaded_at": ANY}


class TestReturnedValue:
    def test_both_pictures_are_uploaded(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        assert execute(urls) == ids_of(sandbox)

    @pytest.mark.parametrize("others", [{}, {"small_picture_url": None}, {"small_picture_url": ""}])
    def test_execute_one_picture(self, sandbox: SandboxServer, urls: dict[str, str], others: dict[str, Any]) -> None:
        ids = execute({"big_picture_url": urls["big_picture_url"], **others})
        assert ids == {**ids_of(sandbox), "small_picture_id": None}

    @pytest.mark.parametrize(
        ("returned", "words"),
        [
            (None, "not None"),
            ("https://cdn.example.com/big.png?sig=s3cret", "not a value of type str"),
            ({"big": "https://cdn.example.com/big.png?sig=s3cret"}, "unknown keys: big"),
            ({"https://cdn.example.com/big.png?sig=s3cret": "big"}, r"unknown keys: \(not a name\)"),
            ({"big_picture_url": None, "small_picture_url": "None"}, "Give at least one"),
            ({"big_picture_url": "big.png"}, "URL is not valid"),
        ],
    )
    def test_other_values_are_permanent_errors(
        self, sandbox: SandboxServer, connect: Any, returned: Any, words: str
    ) -> None:
        with pytest.raises(AirflowFailException, match=words) as caught:
            execute(returned)
        assert isinstance(caught.value.__cause__, ConfigurationError)
        assert "s3cret" not in str(caught.value)
        assert sandbox.received()["requests"] == {}

    def test_url_is_not_rendered(self, sandbox: SandboxServer, host: PictureHost, connect: Any) -> None:
        url = host.serve("/{{1+1}}.png", BIG)
        with pytest.raises((AirflowFailException, PictureAbsentError)):
            execute({"big_picture_url": url})
        assert not [path for path in host.requests if path == "/2.png"]


class TestErrorsOfTheFunction:
    def test_decorator_translates_only_own_errors(self, connect: Any) -> None:
        def fails(error: Exception) -> Any:
            raise error

        with pytest.raises(AirflowFailException, match="no good"):
            oppo_image_upload_task(fails)(ConfigurationError("no good")).operator.execute(make_context())
        with pytest.raises(ZeroDivisionError):
            oppo_image_upload_task(fails)(ZeroDivisionError()).operator.execute(make_context())


class TestArguments:
    def test_operator_arguments_are_used(self, sandbox: SandboxServer, host: PictureHost, connect: Any) -> None:
        unchecked = execute(
            {"big_picture_url": host.serve("/big.png", BIG)}, check=False, oppo_image_conn_id="oppo_image_default"
        )
        assert unchecked == {**ids_of(sandbox), "small_picture_id": None}
        assert len(host.requests) == 1, "downloaded once, by the service"

    @pytest.mark.parametrize(
        ("returned", "campaign"), [({"campaign": "spring"}, "spring"), ({"campaign": None}, "all")]
    )
    def test_campaign_of_the_function_takes_precedence(
        self, sandbox: SandboxServer, urls: dict[str, str], returned: dict[str, Any], campaign: str
    ) -> None:
        context = make_context()
        execute({**urls, **returned}, context, campaign="all")
        assert context["ti"].pushed[XCOM_KEY]["campaign"] == campaign

    def test_multiple_outputs_ignores_the_annotation(self) -> None:
        def annotated() -> dict[str, str]:
            return {}

        def bare():  # type: ignore[no-untyped-def]
            return {}

        assert oppo_image_upload_task(annotated)().operator.multiple_outputs
        assert oppo_image_upload_task(bare)().operator.multiple_outputs
        assert not oppo_image_upload_task(multiple_outputs=False)(annotated)().operator.multiple_outputs


@pytest.mark.usefixtures("airflow_db")
class TestInDags:
    def test_renders_arguments_maps_and_feeds_a_push(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        source = f"""
        with DAG(NAME, schedule=None, start_date=START, params={{"big": "{urls["big_picture_url"]}"}}) as dag:
            @task
            def small_url() -> str:
                return "{urls["small_picture_url"]}"

            @task.oppo_image_upload(campaign="{{{{ run_id }}}}")
            def upload(big: str, small: str, params=None):
                assert params["big"] == big
                return {{"big_picture_url": big, "small_picture_url": small}}

            @task.oppo_image_upload(retries=0, check=False)
            def upload_one(name: str, kind: str):
                urls = {{"big": "{urls["big_picture_url"]}", "small": "{urls["small_picture_url"]}"}}
                return {{f"{{kind}}_picture_url": urls[kind], "campaign": name}}

            @task
            def recorded(ti=None):
                key = "oppo_image_record"
                records = ti.xcom_pull(task_ids="upload_one", key=key, map_indexes=[0, 1])
                assert ti.xcom_pull(task_ids="upload", key=key)["campaign"] == ti.run_id
                return [record["campaign"] for record in records]

            ids = upload("{{{{ params.big }}}}", small=small_url())
            push = OppoImagePushOperator(
                task_id="push", message=MESSAGE, big_picture_id=ids["big_picture_id"],
                small_picture_id="{{{{ ti.xcom_pull('upload', key='small_picture_id') }}}}",
            )
            mapped = upload_one.partial(kind="big").expand(name=["spring", "summer"])
            mapped_push = OppoImagePushOperator.partial(task_id="mapped_push", message=MESSAGE).expand_kwargs(mapped)
            again = upload_one.override(task_id="again").expand_kwargs([{{"name": "autumn", "kind": "small"}}])
            ids >> push >> mapped
            [mapped, again] >> recorded()
        """
        dag_run = run_source("decorated_upload", source)
        assert dag_run.state == "success"
        assert dag_run.returned["recorded", -1] == ["spring", "summer"]
        first, *others = sandbox.received()["pushes"]
        oppo = first["body"]["body"]["options"]["third_party_channel"]["oppo"]
        assert {"style": 3, **dag_run.returned["upload", -1]} == oppo | {"uploaded_at": ANY}
        assert len(others) == 2
        assert dag_run.returned["again", 0]["small_picture_id"]
