from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException, Asset, AssetAlias, airflow_version
from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    PictureAbsentError,
    PictureWrongError,
    ServiceUnavailableError,
)
from airflow_provider_oppo_image.operators import upload as upload_module
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
    def test_upload_request_per_picture(self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]) -> None:
        ids = upload(**urls)
        assert host.requests.count("/big.png") == 2, "the check, and the service"
        assert sandbox.received()["requests"] == {"upload_big": {"200": 1}, "upload_small": {"200": 1}}
        received = {entry["kind"]: entry["id"] for entry in sandbox.received()["uploads"]}
        uploaded_at = str(ids.pop("uploaded_at"))
        assert datetime.datetime.now(datetime.UTC) >= datetime.datetime.fromisoformat(uploaded_at)
        assert ids == {"big_picture_id": received["big"], "small_picture_id": received["small"]}

    @pytest.mark.parametrize("blank", [None, "", "None", "null", "  "])
    def test_blank_url_has_no_id(self, sandbox: SandboxServer, urls: dict[str, str], blank: str | None) -> None:
        ids = upload(big_picture_url=urls["big_picture_url"], small_picture_url=blank)
        assert ids["small_picture_id"] is None
        assert uploads(sandbox) == [("big", True)]


class TestRefusals:
    @pytest.mark.parametrize("blank", [None, "", "None"])
    def test_missing_url_is_refused(self, connect: Connect, blank: str | None) -> None:
        with pytest.raises(ConfigurationError, match="Give at least one"):
            OppoImageUploadOperator(task_id="task", big_picture_url=blank)
        operator = OppoImageUploadOperator(task_id="task", big_picture_url="{{ none }}")
        operator.big_picture_url = blank  # as Airflow renders it
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
    def test_invalid_url_is_not_sent(self, sandbox: SandboxServer, connect: Connect, url: Any, check: bool) -> None:
        with pytest.raises(AirflowFailException) as caught:
            upload(big_picture_url=url, check=check)
        assert "hunter2" not in str(caught.value)
        assert sandbox.received()["requests"] == {}

    @pytest.mark.parametrize("check", [True, False])
    def test_same_url_for_both_is_refused(self, sandbox: SandboxServer, urls: dict[str, str], check: bool) -> None:
        url = urls["big_picture_url"]
        with pytest.raises(AirflowFailException, match="same URL"):
            upload(big_picture_url=url, small_picture_url=url, check=check)
        assert sandbox.received()["requests"] == {}

    def test_wrong_picture_is_permanent(self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]) -> None:
        old = host.serve("/old.png", artwork.png(876, 324))
        with pytest.raises(AirflowFailException, match="876 x 324") as caught:
            upload(**(urls | {"big_picture_url": old}))
        assert isinstance(caught.value.__cause__, PictureWrongError)
        assert [report["state"] for report in caught.value.__cause__.reports] == ["wrong", "ready"]
        assert uploads(sandbox) == []

    def test_absent_picture_is_transient(self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]) -> None:
        with pytest.raises(PictureAbsentError, match="404"):
            upload(**(urls | {"big_picture_url": host.base_url + "/later.png"}))
        assert uploads(sandbox) == []

    def test_without_check_the_service_refuses(
        self, sandbox: SandboxServer, host: PictureHost, connect: Connect
    ) -> None:
        with pytest.raises(AirflowFailException, match="code 51"):
            upload(big_picture_url=host.serve("/old.png", artwork.png(876, 324)), check=False)
        assert uploads(sandbox) == [("big", False)]

    @pytest.mark.parametrize("fields", [{"login": None}, {"conn_type": "http"}, {"extra": "{broken"}])
    def test_unusable_connection_sends_nothing(
        self, sandbox: SandboxServer, host: PictureHost, connect: Connect, urls: dict[str, str], fields: dict[str, Any]
    ) -> None:
        connect(**fields)
        # Airflow 3.0 and 3.1 report a connection with a broken extra as missing, which is transient.
        transient = "extra" in fields and airflow_version().startswith(("3.0.", "3.1."))
        with pytest.raises(ConfigurationError if transient else AirflowFailException):
            upload(**urls)
        assert host.requests == []
        assert sandbox.received()["requests"] == {}


class TestOneOfTwo:
    @pytest.fixture(autouse=True)
    def failing(self, sandbox: SandboxServer) -> None:
        """The first upload of a big picture fails."""
        sandbox.fail(call="upload_big", code=23100)

    def first_try(self, store: MemoryStore | None = None, **arguments: Any) -> dict[str, Any]:
        context = make_context(store)
        with pytest.raises(ServiceUnavailableError, match="big picture"):
            upload(context, **arguments)
        return context

    def test_other_id_is_in_xcom_and_log(
        self, sandbox: SandboxServer, urls: dict[str, str], task_log: Callable[[], str]
    ) -> None:
        context = self.first_try(**urls)
        [small] = [entry["id"] for entry in sandbox.received()["uploads"] if entry["kind"] == "small"]
        assert context["ti"].pushed["small_picture_id"] == small
        assert small in task_log()

    def test_retry_with_state_uploads_only_what_failed(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        store = MemoryStore()
        first = self.first_try(store, **urls)["ti"].pushed["uploaded_at"]
        assert set(store.retentions.values()) == {upload_module.UPLOAD_RETENTION}
        ids = upload(make_context(store, try_number=2), **urls)
        assert sorted(uploads(sandbox)) == [("big", True), ("small", True)]
        assert ids["uploaded_at"] == first
        assert ids["small_picture_id"] in [entry["id"] for entry in sandbox.received()["uploads"]]
        assert store.values == {}

    def test_retry_without_state_uploads_both(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        self.first_try(**urls)
        upload(make_context(try_number=2), **urls)
        assert sorted(uploads(sandbox)) == [("big", True), ("small", True), ("small", True)]

    def test_replaced_picture_is_uploaded_again(
        self, sandbox: SandboxServer, host: PictureHost, urls: dict[str, str]
    ) -> None:
        store = MemoryStore()
        self.first_try(store, **urls)
        host.serve("/small.png", artwork.good("small", "JPEG"))
        upload(make_context(store, try_number=2), **urls)
        assert [kind for kind, _ in uploads(sandbox)].count("small") == 2

    def test_expired_id_is_not_used(
        self, sandbox: SandboxServer, urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = MemoryStore()
        self.first_try(store, **urls)
        tomorrow = upload_module._now() + upload_module.UPLOAD_RETENTION
        monkeypatch.setattr(upload_module, "_now", lambda: tomorrow)
        upload(make_context(store, try_number=2), **urls)
        assert [kind for kind, _ in uploads(sandbox)].count("small") == 2

    def test_without_check_nothing_is_stored(self, urls: dict[str, str]) -> None:
        store = MemoryStore()
        self.first_try(store, check=False, **urls)
        assert store.values == {}

    def test_permanent_error_is_raised(self, sandbox: SandboxServer, urls: dict[str, str]) -> None:
        sandbox.fail(call="upload_small", code=51)
        with pytest.raises(AirflowFailException, match="small picture"):
            upload(**urls)


class TestAssetEvents:
    def test_asset_event_has_ids_urls_time_and_hashes(self, urls: dict[str, str], host: PictureHost) -> None:
        asset = Asset("oppo-image://spring")
        events = OutletEvents()
        ids = upload(make_context(outlet_events=events), outlets=[asset], **urls)
        extra = events[asset].extra
        assert extra == {
            **ids,
            "big_picture_url": host.base_url + "/big.png",
            "small_picture_url": host.base_url + "/small.png",
            "big_picture_sha256": hashlib.sha256(BIG).hexdigest(),
            "small_picture_sha256": hashlib.sha256(SMALL).hexdigest(),
        }

    def test_alias_gets_an_asset_named_after_it(self, urls: dict[str, str]) -> None:
        alias = AssetAlias("spring pictures")
        events = OutletEvents()
        ids = upload(make_context(outlet_events=events), outlets=[alias], **urls)
        [(asset, extra)] = events[alias].added
        assert asset.uri == "oppo-image://pictures/spring%20pictures"
        assert extra["big_picture_id"] == ids["big_picture_id"]
