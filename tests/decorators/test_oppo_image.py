"""`@task.oppo_image_upload`: what a function returns is uploaded."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.decorators.oppo_image import oppo_image_upload_task
from airflow_provider_oppo_image.errors import ConfigurationError, PictureAbsentError, PictureWrongError
from airflow_provider_oppo_image.hooks.task_record import XCOM_KEY
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.dags import run_source
from tests.support.picture_host import PictureHost
from tests.support.tasks import OutletEvents, make_context

BIG, SMALL = artwork.good("big"), artwork.good("small")


@pytest.fixture
def urls(host: PictureHost, connect: Any) -> dict[str, str]:
    return {
        "big_picture_url": host.serve("/big.png", BIG),
        "small_picture_url": host.serve("/small.png", SMALL),
    }


def execute(returned: Any, context: dict[str, Any] | None = None, **arguments: Any) -> dict[str, str | None]:
    def pictures() -> Any:
        return returned

    output = oppo_image_upload_task(**arguments)(pictures)()
    ids: dict[str, str | None] = output.operator.execute(context or make_context())
    return ids


def ids_of(sandbox: SandboxServer) -> dict[str, str]:
    return {f"{entry['kind']}_picture_id": entry["id"] for entry in sandbox.received()["uploads"]}


class TestWhatIsReturned:
    def test_both_pictures_are_uploaded(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        assert execute(urls) == ids_of(sandbox)

    @pytest.mark.parametrize("nothing", [{}, {"small_picture_url": None}, {"small_picture_url": ""}])
    def test_one_is_enough(self, sandbox: SandboxServer, urls: dict[str, str], nothing: dict[str, Any]) -> None:
        ids = execute({"big_picture_url": urls["big_picture_url"], **nothing})
        assert ids == {**ids_of(sandbox), "small_picture_id": None}

    @pytest.mark.parametrize(
        ("returned", "words"),
        [
            (None, "pictures returned None; it must return a mapping with big_picture_url"),
            ("https://cdn.example.com/big.png?sig=s3cret", "returned a value of type str; it must"),
            (["https://cdn.example.com/big.png?sig=s3cret"], "returned a value of type list; it must"),
            ({"big": "https://cdn.example.com/big.png?sig=s3cret"}, "with the keys big; it may have big_picture_url"),
            ({"https://cdn.example.com/big.png?sig=s3cret": "big"}, r"with the keys \(not a name\); it may have"),
            ({}, "Give at least one"),
            ({"big_picture_url": None, "small_picture_url": "None"}, "Give at least one"),
            ({"big_picture_url": "big.png"}, "The big picture's URL is not one"),
        ],
    )
    def test_anything_else_fails_for_good_and_says_what_it_must_be(
        self, sandbox: SandboxServer, connect: Any, returned: Any, words: str
    ) -> None:
        with pytest.raises(AirflowFailException, match=words) as caught:
            execute(returned)
        assert isinstance(caught.value.__cause__, ConfigurationError)
        assert "s3cret" not in str(caught.value)
        assert sandbox.received()["requests"] == {}

    def test_a_url_is_no_template(self, sandbox: SandboxServer, host: PictureHost, connect: Any) -> None:
        url = host.serve("/{{1+1}}.png", BIG)
        with pytest.raises((AirflowFailException, PictureAbsentError)):
            execute({"big_picture_url": url})
        assert not [path for path in host.requests if path == "/2.png"]

    def test_a_wrong_picture_fails_for_good_and_an_absent_one_is_left_to_retries(
        self, sandbox: SandboxServer, host: PictureHost, connect: Any
    ) -> None:
        with pytest.raises(AirflowFailException, match="876 x 324") as caught:
            execute({"big_picture_url": host.serve("/old.png", artwork.png(876, 324))})
        assert isinstance(caught.value.__cause__, PictureWrongError)
        with pytest.raises(PictureAbsentError):
            execute({"big_picture_url": f"{host.base_url}/later.png"})
        assert sandbox.received()["uploads"] == []


class TestTheFunctionsOwnErrors:
    def test_ours_are_translated_and_the_others_are_left_as_they_are(self, connect: Any) -> None:
        def fails(error: Exception) -> Any:
            raise error

        with pytest.raises(AirflowFailException, match="no good"):
            oppo_image_upload_task(fails)(ConfigurationError("no good")).operator.execute(make_context())
        with pytest.raises(ZeroDivisionError):
            oppo_image_upload_task(fails)(ZeroDivisionError()).operator.execute(make_context())


class TestArguments:
    def test_the_operators_are_taken(self, sandbox: SandboxServer, host: PictureHost, connect: Any) -> None:
        connect(login=sandbox.options.app_key)
        unchecked = execute(
            {"big_picture_url": host.serve("/big.png", BIG)}, check=False, oppo_image_conn_id="oppo_image_default"
        )
        assert unchecked == {**ids_of(sandbox), "small_picture_id": None}
        assert len(host.requests) == 1, "the service's own"

    @pytest.mark.parametrize(("returned", "told"), [({"campaign": "spring"}, "spring"), ({"campaign": None}, "all")])
    def test_the_page_is_told_the_campaign_and_the_functions_word_wins(
        self, sandbox: SandboxServer, urls: dict[str, str], returned: dict[str, Any], told: str
    ) -> None:
        context = make_context()
        execute({**urls, **returned}, context, campaign="all")
        assert context["ti"].pushed[XCOM_KEY]["campaign"] == told

    def test_its_outlets_events_carry_the_ids(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        from airflow_provider_oppo_image.airflow_compat import Asset

        asset = Asset("oppo-image://campaigns/decorated")
        events = OutletEvents()
        ids = execute(urls, make_context(outlet_events=events), outlets=[asset])
        assert events[asset].extra.items() >= {**ids, **urls}.items()

    def test_ids_are_xcoms_of_their_own_whatever_the_annotation_says(self) -> None:
        def annotated() -> dict[str, str]:
            return {}

        def bare():  # type: ignore[no-untyped-def]
            return {}

        assert oppo_image_upload_task(annotated)().operator.multiple_outputs
        assert oppo_image_upload_task(bare)().operator.multiple_outputs
        assert not oppo_image_upload_task(multiple_outputs=False)(annotated)().operator.multiple_outputs


@pytest.mark.usefixtures("airflow_db")
class TestInDags:
    def test_ids_reach_a_push_and_arguments_are_templates(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        source = f"""
        with DAG(NAME, schedule=None, start_date=START, params={{"big": "{urls["big_picture_url"]}"}}) as dag:
            @task
            def where() -> str:
                return "{urls["small_picture_url"]}"

            @task.oppo_image_upload(campaign="{{{{ run_id }}}}")
            def upload(big: str, small: str, params=None):
                assert params["big"] == big
                return {{"big_picture_url": big, "small_picture_url": small}}

            @task
            def told(ti=None):
                return ti.xcom_pull(task_ids="upload", key="oppo_image_record")["campaign"] == ti.run_id

            ids = upload("{{{{ params.big }}}}", small=where())
            push = OppoImagePushOperator(
                task_id="push", message=MESSAGE, big_picture_id=ids["big_picture_id"],
                small_picture_id="{{{{ ti.xcom_pull('upload', key='small_picture_id') }}}}",
            )
            ids >> [push, told()]
        """
        dag_run = run_source("decorated_upload", source)
        assert dag_run.state == "success"
        assert dag_run.returned["told", -1] is True
        [push] = sandbox.received()["pushes"]
        oppo = push["body"]["body"]["options"]["third_party_channel"]["oppo"]
        assert oppo == {"style": 3, **ids_of(sandbox)} == {"style": 3, **dag_run.returned["upload", -1]}

    def test_it_is_mapped_and_each_task_has_its_campaign(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        source = f"""
        with DAG(NAME, schedule=None, start_date=START) as dag:
            @task
            def campaigns():
                return ["spring", "summer"]

            @task.oppo_image_upload(retries=0, check=False)
            def upload(name: str, kind: str):
                urls = {{"big": "{urls["big_picture_url"]}", "small": "{urls["small_picture_url"]}"}}
                return {{f"{{kind}}_picture_url": urls[kind], "campaign": name}}

            @task
            def told(ti=None):
                records = ti.xcom_pull(task_ids="upload", key="oppo_image_record", map_indexes=[0, 1])
                return [record["campaign"] for record in records]

            uploads = upload.partial(kind="big").expand(name=campaigns())
            push = OppoImagePushOperator.partial(task_id="push", message=MESSAGE).expand_kwargs(uploads)
            upload.override(task_id="again").expand_kwargs([{{"name": "autumn", "kind": "small"}}])
            uploads >> told()
        """
        dag_run = run_source("mapped_decorated_upload", source)
        assert dag_run.state == "success"
        assert dag_run.returned["told", -1] == ["spring", "summer"]
        assert len(sandbox.received()["pushes"]) == 2
        assert dag_run.returned["again", 0]["small_picture_id"]

    def test_returning_nothing_is_not_retried(self, sandbox: SandboxServer, connect: Any, task_log: Any) -> None:
        source = """
        with DAG(NAME, schedule=None, start_date=START, default_args={"retries": 2, **NO_WAIT}) as dag:
            @task.oppo_image_upload
            def upload(ti=None):
                print(f"This is try {ti.try_number}.")
            upload()
        """
        dag_run = run_source("decorated_upload_of_nothing", source)
        assert dag_run.state == "failed"
        log = task_log()
        assert "upload returned None" in log
        assert "This is try 2." not in log
