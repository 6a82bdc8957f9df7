from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException, airflow_version
from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    OppoImageError,
    PictureAbsentError,
    PictureWrongError,
    ServiceUnavailableError,
)
from airflow_provider_oppo_image.operators.oppo_image import OppoImageUploadOperator
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import MemoryStore, OutletEvents, make_context

Connect = Callable[..., None]
BIG, SMALL = artwork.good("big"), artwork.good("small")


@pytest.fixture
def urls(host: PictureHost, connect: Connect) -> dict[str, str]:
    return {
        "big_picture_url": host.serve("/big.png", BIG),
        "small_picture_url": host.serve("/small.png?signature=abc", SMALL),
    }


def upload(context: dict[str, Any] | None = None, **arguments: Any) -> dict[str, str | None]:
    return OppoImageUploadOperator(task_id="task", **arguments).execute(context or make_context())


def uploads(sandbox: SandboxServer) -> list[tuple[str, bool]]:
    return [(upload["kind"], upload["id"] is not None) for upload in sandbox.received()["uploads"]]


class TestIds:
    def test_both_pictures_go_in_a_request_each(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        ids = upload(**urls)
        received = {entry["kind"]: entry["id"] for entry in sandbox.received()["uploads"]}
        assert ids == {"big_picture_id": received["big"], "small_picture_id": received["small"]}
        assert len(sandbox.received()["uploads"]) == 2

    @pytest.mark.parametrize("nothing", [None, "", "None", "null", "  "])
    def test_a_picture_not_asked_for_has_no_id(
        self, sandbox: SandboxServer, urls: dict[str, str], nothing: str | None
    ) -> None:
        ids = upload(big_picture_url=urls["big_picture_url"], small_picture_url=nothing)
        assert ids["small_picture_id"] is None
        assert uploads(sandbox) == [("big", True)]

    def test_both_keys_become_xcoms_of_their_own(self) -> None:
        assert OppoImageUploadOperator(task_id="task").multiple_outputs

    def test_the_check_and_the_upload_make_one_request_a_picture(
        self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]
    ) -> None:
        upload(**urls)
        # Ours and the service's own.
        assert host.requests.count("/big.png") == 2
        assert sandbox.received()["requests"] == {"upload_big": {"200": 1}, "upload_small": {"200": 1}}


class TestRefusals:
    @pytest.mark.parametrize("nothing", [None, "", "None"])
    def test_no_picture_at_all_fails_in_execute_and_not_before(self, connect: Connect, nothing: str | None) -> None:
        operator = OppoImageUploadOperator(task_id="task", big_picture_url=nothing)
        with pytest.raises(AirflowFailException, match="Give at least one"):
            operator.execute(make_context())

    @pytest.mark.parametrize(
        "url",
        [
            "not a URL",
            "ftp://host/big.png",
            "file:///etc/passwd",
            "https://user:hunter2@host/big.png",
            "https:///big.png",
            7,
        ],
    )
    @pytest.mark.parametrize("check", [True, False])
    def test_what_is_no_picture_url_never_reaches_the_service(
        self, sandbox: SandboxServer, connect: Connect, url: Any, check: bool
    ) -> None:
        with pytest.raises(AirflowFailException) as caught:
            upload(big_picture_url=url, check=check)
        assert "hunter2" not in str(caught.value)
        assert sandbox.received()["requests"] == {}

    @pytest.mark.parametrize("check", [True, False])
    def test_one_url_for_both_pictures_is_refused(
        self, sandbox: SandboxServer, urls: dict[str, str], check: bool
    ) -> None:
        url = urls["big_picture_url"]
        with pytest.raises(AirflowFailException, match="same URL"):
            upload(big_picture_url=url, small_picture_url=url, check=check)
        assert sandbox.received()["requests"] == {}

    def test_a_wrong_picture_fails_for_good_and_uploads_nothing(
        self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]
    ) -> None:
        old = host.serve("/old.png", artwork.png(876, 324))
        with pytest.raises(AirflowFailException, match="876 x 324") as caught:
            upload(**(urls | {"big_picture_url": old}))
        assert isinstance(caught.value.__cause__, PictureWrongError)
        assert [report["state"] for report in caught.value.__cause__.reports] == ["wrong", "ready"]
        assert uploads(sandbox) == []

    def test_an_absent_picture_is_left_to_airflows_retries(
        self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]
    ) -> None:
        with pytest.raises(PictureAbsentError, match="404"):
            upload(**(urls | {"big_picture_url": host.base_url + "/later.png"}))
        assert uploads(sandbox) == []

    def test_without_the_check_the_service_judges(
        self, sandbox: SandboxServer, host: PictureHost, connect: Connect
    ) -> None:
        with pytest.raises(AirflowFailException, match="code 51"):
            upload(big_picture_url=host.serve("/old.png", artwork.png(876, 324)), check=False)
        assert uploads(sandbox) == [("big", False)]

    def test_a_wrong_secret_fails_for_good(self, connect: Connect, urls: dict[str, str]) -> None:
        connect(password="not-the-secret")
        with pytest.raises(AirflowFailException, match="23001") as caught:
            upload(**urls)
        assert "not-the-secret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"login": None}, "no AppKey"),
            ({"password": None}, "no master secret"),
            ({"conn_type": "http"}, "must be 'oppo_image'"),
            ({"host": None, "extra": {"data_center": "moon"}}, "one of singapore"),
        ],
    )
    def test_an_unusable_connection_fails_for_good_before_any_request(
        self,
        sandbox: SandboxServer,
        host: PictureHost,
        connect: Connect,
        urls: dict[str, str],
        fields: dict[str, Any],
        words: str,
    ) -> None:
        connect(**fields)
        with pytest.raises(AirflowFailException, match=words):
            upload(**urls)
        assert host.requests == []
        assert sandbox.received()["requests"] == {}

    def test_broken_extra_fails_before_any_request_for_good_where_airflow_says_why(
        self, sandbox: SandboxServer, host: PictureHost, connect: Connect, urls: dict[str, str]
    ) -> None:
        connect(extra="{broken")
        # To Airflow 3.0 and 3.1 such a connection is one that is not there, and may yet come.
        hidden = airflow_version().startswith(("3.0.", "3.1."))
        error, words = (ConfigurationError, "must be a JSON object") if hidden else (AirflowFailException, "not JSON")
        with pytest.raises(error, match=words):
            upload(**urls)
        assert host.requests == []
        assert sandbox.received()["requests"] == {}


class TestOneOfTwo:
    def test_the_other_pictures_id_is_not_lost(
        self, sandbox: SandboxServer, urls: dict[str, str], task_log: Callable[[], str]
    ) -> None:
        sandbox.fail(call="upload_big", code=23100)
        context = make_context()
        with pytest.raises(ServiceUnavailableError, match="big picture"):
            upload(context, **urls)
        [small] = [entry["id"] for entry in sandbox.received()["uploads"] if entry["kind"] == "small"]
        assert context["ti"].pushed["small_picture_id"] == small
        assert small in task_log()

    def test_a_retry_uploads_only_what_failed_where_airflow_remembers(
        self, sandbox: SandboxServer, urls: dict[str, str]
    ) -> None:
        store = MemoryStore()
        sandbox.fail(call="upload_big", code=23100)
        with pytest.raises(ServiceUnavailableError):
            upload(make_context(store), **urls)
        ids = upload(make_context(store, try_number=2), **urls)
        assert sorted(uploads(sandbox)) == [("big", True), ("small", True)]
        assert ids["small_picture_id"] in [entry["id"] for entry in sandbox.received()["uploads"]]
        assert store.values == {}

    def test_a_retry_uploads_both_where_airflow_does_not_remember(
        self, sandbox: SandboxServer, urls: dict[str, str]
    ) -> None:
        sandbox.fail(call="upload_big", code=23100)
        with pytest.raises(ServiceUnavailableError):
            upload(**urls)
        upload(make_context(try_number=2), **urls)
        assert sorted(uploads(sandbox)) == [("big", True), ("small", True), ("small", True)]

    def test_a_picture_that_was_replaced_at_its_url_is_uploaded_again(
        self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]
    ) -> None:
        store = MemoryStore()
        sandbox.fail(call="upload_big", code=23100)
        with pytest.raises(ServiceUnavailableError):
            upload(make_context(store), **urls)
        host.serve("/small.png", artwork.good("small", "JPEG"))
        upload(make_context(store, try_number=2), **urls)
        assert [kind for kind, _ in uploads(sandbox)].count("small") == 2

    def test_a_remembered_id_is_gone_after_a_day(
        self, sandbox: SandboxServer, urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from airflow_provider_oppo_image.operators import task_state

        store = MemoryStore()
        sandbox.fail(call="upload_big", code=23100)
        with pytest.raises(ServiceUnavailableError):
            upload(make_context(store), **urls)
        assert set(store.retentions.values()) == {task_state.UPLOAD_RETENTION}
        tomorrow = task_state._now() + task_state.UPLOAD_RETENTION
        monkeypatch.setattr(task_state, "_now", lambda: tomorrow)
        upload(make_context(store, try_number=2), **urls)
        assert [kind for kind, _ in uploads(sandbox)].count("small") == 2

    def test_without_the_check_nothing_is_remembered(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        store = MemoryStore()
        sandbox.fail(call="upload_big", code=23100)
        with pytest.raises(ServiceUnavailableError):
            upload(make_context(store), check=False, **urls)
        assert store.values == {}

    def test_the_error_that_no_retry_mends_is_the_one_that_is_raised(
        self, sandbox: SandboxServer, urls: dict[str, str]
    ) -> None:
        sandbox.fail(call="upload_big", code=23100)
        sandbox.fail(call="upload_small", code=51)
        with pytest.raises(AirflowFailException, match="small picture"):
            upload(**urls)


class TestAssetEvents:
    def test_an_asset_event_carries_ids_urls_times_and_digests(self, urls: dict[str, str], host: PictureHost) -> None:
        from airflow_provider_oppo_image.airflow_compat import Asset

        asset = Asset("oppo-image://spring")
        events = OutletEvents()
        ids = upload(make_context(outlet_events=events), outlets=[asset], **urls)
        extra = events[asset].extra
        assert extra.pop("uploaded_at").endswith("+00:00")
        assert extra == {
            **ids,
            "big_picture_url": host.base_url + "/big.png",
            "small_picture_url": host.base_url + "/small.png",
            "big_picture_sha256": hashlib.sha256(BIG).hexdigest(),
            "small_picture_sha256": hashlib.sha256(SMALL).hexdigest(),
        }

    def test_an_alias_gets_an_asset_of_its_own_name(self, urls: dict[str, str]) -> None:
        from airflow_provider_oppo_image.airflow_compat import AssetAlias

        alias = AssetAlias("spring pictures")
        events = OutletEvents()
        ids = upload(make_context(outlet_events=events), outlets=[alias], **urls)
        [(asset, extra)] = events[alias].added
        assert asset.uri == "oppo-image://pictures/spring%20pictures"
        assert extra["big_picture_id"] == ids["big_picture_id"]


def test_nothing_secret_is_in_an_error(connect: Connect, urls: dict[str, str], sandbox: SandboxServer) -> None:
    for code in (23001, 23100, 21003):
        sandbox.fail(call="any", code=code, times=2)
        with pytest.raises((AirflowFailException, OppoImageError)) as caught:
            upload(**urls)
        assert sandbox.options.master_secret not in f"{caught.value!r} {caught.value.__cause__!r}"
        assert "signature" not in f"{caught.value!r} {caught.value.__cause__!r}"
