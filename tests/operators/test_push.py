from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.errors import (
    CidAlreadyUsedError,
    ConfigurationError,
    OutcomeUnknownError,
    ServiceUnavailableError,
)
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import MemoryStore, make_context

Connect = Callable[..., None]
Log = Callable[[], str]


def message(**oppo: Any) -> dict[str, Any]:
    notification = {"android": {"title": "Spring sale", "alert": "Today only"}}
    return {
        "to": "all",
        "body": {
            "platform": "all",
            "notification": notification,
            **({"options": {"third_party_channel": {"oppo": oppo}}} if oppo else {}),
        },
    }


@pytest.fixture
def big(sandbox: SandboxServer, host: PictureHost, connect: Connect) -> str:
    return OppoImageHook().upload("big", host.serve("/big.png", artwork.good("big")))


@pytest.fixture
def small(sandbox: SandboxServer, host: PictureHost, connect: Connect) -> str:
    return OppoImageHook().upload("small", host.serve("/small.png", artwork.good("small")))


def push(context: dict[str, Any] | None = None, **arguments: Any) -> str | None:
    operator = OppoImagePushOperator(**({"task_id": "task", "message": message()} | arguments))
    return operator.execute(context or make_context())


def pushes(sandbox: SandboxServer) -> list[dict[str, Any]]:
    return list(sandbox.received()["pushes"])


def options(sandbox: SandboxServer) -> dict[str, Any]:
    [sent] = pushes(sandbox)
    return dict(sent["body"]["body"]["options"])


class TestPictures:
    def test_ids_are_in_oppo_options(self, sandbox: SandboxServer, big: str, small: str) -> None:
        msg_id = push(big_picture_id=big, small_picture_id=small)
        assert options(sandbox)["third_party_channel"]["oppo"] == {
            "style": 3,
            "big_picture_id": big,
            "small_picture_id": small,
        }
        assert [sent["msg_id"] for sent in pushes(sandbox)] == [msg_id]

    def test_small_picture_alone_has_no_style(self, sandbox: SandboxServer, small: str) -> None:
        push(small_picture_id=small, big_picture_id=None)
        assert options(sandbox)["third_party_channel"]["oppo"] == {"small_picture_id": small}

    def test_oppo_options_of_the_message_take_precedence(self, sandbox: SandboxServer, big: str, small: str) -> None:
        push(message=message(small_picture_id=small, channel_id="sale"), small_picture_id="other", big_picture_id=big)
        oppo = options(sandbox)["third_party_channel"]["oppo"]
        assert (oppo["small_picture_id"], oppo["channel_id"]) == (small, "sale")

    @pytest.mark.parametrize("blank", [None, "", "None", "null"])
    def test_missing_pictures_are_refused(self, sandbox: SandboxServer, connect: Connect, blank: str | None) -> None:
        with pytest.raises(AirflowFailException, match="no picture"):
            push(big_picture_id=blank, small_picture_id=blank)
        assert sandbox.received()["requests"] == {}

    @pytest.mark.parametrize("blank", [None, "", "None", "null"])
    def test_missing_pictures_as_text_are_logged(
        self, sandbox: SandboxServer, connect: Connect, blank: str | None, task_log: Log
    ) -> None:
        text = message(style=3, big_picture_id=blank, channel_id="sale")
        assert push(message=text, big_picture_id=blank, on_missing_picture="text")
        assert options(sandbox)["third_party_channel"]["oppo"] == {"channel_id": "sale"}
        assert "NO PICTURE" in task_log()

    @pytest.mark.parametrize("picture_id", [7, ["id"], True])
    def test_id_must_be_text(self, sandbox: SandboxServer, connect: Connect, picture_id: Any) -> None:
        with pytest.raises(AirflowFailException, match="big_picture_id"):
            push(big_picture_id=picture_id)
        assert sandbox.received()["requests"] == {}


class TestRefusals:
    @pytest.mark.parametrize("invalid", ["text", None, [1]])
    def test_message_must_be_an_object(self, sandbox: SandboxServer, connect: Connect, invalid: Any) -> None:
        with pytest.raises(AirflowFailException, match="must be an object"):
            push(message=invalid, big_picture_id="id")
        assert sandbox.received()["requests"] == {}

    def test_push_that_oppo_refuses_is_not_sent(self, sandbox: SandboxServer, connect: Connect) -> None:
        single = message() | {"to": {"registration_id": ["1"]}}
        with pytest.raises(AirflowFailException, match="single devices"):
            push(message=single, big_picture_id="id")
        assert sandbox.received()["requests"] == {}

    def test_unknown_picture_id_is_permanent(self, sandbox: SandboxServer, connect: Connect) -> None:
        with pytest.raises(AirflowFailException, match="21003"):
            push(big_picture_id="3653918_unknown")

    def test_unknown_on_missing_picture_is_refused_in_init(self) -> None:
        with pytest.raises(ConfigurationError, match="'fail' or 'text'"):
            OppoImagePushOperator(task_id="task", message={}, on_missing_picture="ignore")  # type: ignore[arg-type]


class TestValidation:
    @pytest.mark.parametrize("flag", [True, "True", "true"])
    def test_validate_only_sends_nothing(self, sandbox: SandboxServer, big: str, flag: bool | str) -> None:
        store = MemoryStore()
        assert push(make_context(store), big_picture_id=big, validate_only=flag) is None
        assert pushes(sandbox) == []
        assert len(sandbox.received()["validations"]) == 1
        assert store.values == {}

    @pytest.mark.parametrize("flag", [False, "False", "false"])
    def test_rendered_false_sends(self, sandbox: SandboxServer, big: str, flag: bool | str) -> None:
        assert push(big_picture_id=big, validate_only=flag)

    def test_other_flag_is_refused(self, sandbox: SandboxServer, big: str) -> None:
        with pytest.raises(AirflowFailException, match="true or false"):
            push(big_picture_id=big, validate_only="perhaps")


class TestOnce:
    def test_cid_is_derived_from_namespace_and_task(self, sandbox: SandboxServer, connect: Connect, big: str) -> None:
        connect(extra={"cid_namespace": "staging"})
        push(big_picture_id=big)
        expected = hashlib.sha256(b"staging\nnightly\nrun_1\ntask\n-1").hexdigest()[:40]
        assert options(sandbox)["cid"] == expected

    def test_cid_of_the_message_takes_precedence(self, sandbox: SandboxServer, big: str) -> None:
        push(big_picture_id=big, cid="mine-1")
        own = message()
        own["body"]["options"] = {"cid": "the-messages-own"}
        push(message=own, big_picture_id=big, cid="mine-2")
        assert [sent["cid"] for sent in pushes(sandbox)] == ["mine-1", "the-messages-own"]

    def test_retry_after_lost_response_pushes_once(self, sandbox: SandboxServer, big: str) -> None:
        sandbox.fail(call="push", drop=True, after=True)
        with pytest.raises(OutcomeUnknownError):
            push(big_picture_id=big)
        msg_id = push(make_context(try_number=2), big_picture_id=big)
        [sent] = pushes(sandbox)
        assert sent["msg_id"] == msg_id

    def test_stored_push_is_not_sent_again(self, sandbox: SandboxServer, big: str, task_log: Log) -> None:
        store = MemoryStore()
        msg_id = push(make_context(store), big_picture_id=big)
        assert push(make_context(store, try_number=2), big_picture_id=big) == msg_id
        assert sandbox.received()["requests"]["push"] == {"200": 1}
        assert "give a new cid" in task_log()

    def test_other_body_with_same_cid_is_refused(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        sandbox.fail(call="push", code=23100)
        with pytest.raises(ServiceUnavailableError):
            push(make_context(store), big_picture_id=big)
        with pytest.raises(AirflowFailException, match="another message with the cid"):
            push(make_context(store, try_number=2), message=message(channel_id="other"), big_picture_id=big)
        assert pushes(sandbox) == []

    def test_other_cid_is_sent(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        push(make_context(store), big_picture_id=big, cid="one")
        push(make_context(store, try_number=2), big_picture_id=big, cid="two")
        assert [sent["cid"] for sent in pushes(sandbox)] == ["one", "two"]


class TestRepeatedCidIsRefused:
    @pytest.fixture
    def sandbox(self) -> Any:
        with SandboxServer(SandboxOptions(cid_repeat="error")) as sandbox:
            yield sandbox

    def test_in_a_later_try_it_means_sent(self, sandbox: SandboxServer, big: str, task_log: Log) -> None:
        sandbox.fail(call="push", drop=True, after=True)
        with pytest.raises(OutcomeUnknownError):
            push(big_picture_id=big)
        assert push(make_context(try_number=2), big_picture_id=big) is None
        assert len(pushes(sandbox)) == 1
        assert "response was lost" in task_log()

    def test_within_one_try_it_means_sent(self, sandbox: SandboxServer, connect: Connect, big: str) -> None:
        connect(extra={"retry_budget": 5})
        sandbox.fail(call="push", drop=True, after=True)
        assert push(big_picture_id=big) is None
        assert len(pushes(sandbox)) == 1

    def test_in_a_first_try_it_is_a_collision(self, sandbox: SandboxServer, big: str) -> None:
        push(big_picture_id=big)
        with pytest.raises(AirflowFailException, match="cid_namespace") as caught:
            push(big_picture_id=big)
        assert isinstance(caught.value.__cause__, ConfigurationError)
        assert isinstance(caught.value.__cause__.__cause__, CidAlreadyUsedError)
        assert len(pushes(sandbox)) == 1
