from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from airflow import DAG

from airflow_provider_oppo_image.airflow_compat import AirflowFailException, AirflowSkipException
from airflow_provider_oppo_image.engagelab.push_once import SAFE_REPEAT
from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    DuplicatePushError,
    NotSentError,
    OutcomeUnknownError,
)
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import MemoryStore, make_context

pytestmark = pytest.mark.usefixtures("airflow_db")  # Airflow 2 has a task's earlier tries there

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


class TestMessage:
    def rendered(self, folder: Path, name: str, params: dict[str, str]) -> OppoImagePushOperator:
        """Render the operator as Airflow does before `execute`."""
        dag = DAG("nightly", schedule=None, start_date=datetime.datetime(2026, 1, 1), template_searchpath=str(folder))
        operator: Any = OppoImagePushOperator(task_id="task", message=name, dag=dag)  # type: ignore[arg-type]
        operator.resolve_template_files()
        operator.render_template_fields({"params": params})
        return operator

    def test_file_is_rendered_and_parsed(self, sandbox: SandboxServer, big: str, tmp_path: Path) -> None:
        text = json.dumps(message()).replace('"Spring sale"', "{{ params.title | tojson }}")
        (tmp_path / "sale.json").write_text(text)
        operator = self.rendered(tmp_path, "sale.json", {"title": 'A "quoted" sale'})
        operator.big_picture_id = big
        operator.execute(make_context())
        [sent] = pushes(sandbox)
        assert sent["body"]["body"]["notification"]["android"]["title"] == 'A "quoted" sale'

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(AirflowFailException, match=r"The file 'sale.json' of the message was not found"):
            self.rendered(tmp_path, "sale.json", {})

    @pytest.mark.parametrize("text", ["{'to': 'all'}", '{"to": ', "[" * 100_000])
    def test_text_that_is_not_json_is_refused(self, sandbox: SandboxServer, text: str) -> None:
        with pytest.raises(AirflowFailException, match="not valid JSON"):
            push(message=text)


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


class TestAge:
    def test_result_of_an_upload_as_a_whole(self, sandbox: SandboxServer, big: str) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat()
        push(pictures={"big_picture_id": big, "small_picture_id": None, "uploaded_at": now})
        assert options(sandbox)["third_party_channel"]["oppo"] == {"style": 3, "big_picture_id": big}

    @pytest.mark.parametrize("validate_only", [False, True])
    def test_old_ids_are_refused(self, sandbox: SandboxServer, big: str, validate_only: bool) -> None:
        with pytest.raises(AirflowFailException, match="does not document"):
            push(big_picture_id=big, uploaded_at="2020-12-01T20:00:00Z", validate_only=validate_only)
        assert pushes(sandbox) == sandbox.received()["validations"] == []

    def test_any_age_is_warned_about(self, sandbox: SandboxServer, big: str, task_log: Log) -> None:
        assert push(big_picture_id=big, uploaded_at="2020-12-01T20:00:00Z", max_picture_age=None)
        assert "days ago" in task_log()

    @pytest.mark.parametrize(
        "arguments",
        [
            {"max_picture_age": datetime.timedelta(days=-1)},
            {"max_picture_age": 30},
            {"pictures": {}, "big_picture_id": "id"},
            {"pictures": "{{ ids }}", "uploaded_at": "{{ time }}"},
        ],
    )
    def test_invalid_arguments_are_refused_in_init(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError):
            OppoImagePushOperator(task_id="task", message={}, **arguments)


class TestRefusals:
    @pytest.mark.parametrize("invalid", [{}, {"to": None, "body": {}}, {"to": " "}])
    def test_message_without_audience_is_refused_in_init(self, invalid: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError, match="has no `to`"):
            OppoImagePushOperator(task_id="task", message=invalid)

    @pytest.mark.parametrize("invalid", ['"text"', None, [1]])
    def test_message_must_be_an_object(self, sandbox: SandboxServer, connect: Connect, invalid: Any) -> None:
        with pytest.raises(AirflowFailException, match="must be an object"):
            push(message=invalid, big_picture_id="id")
        assert sandbox.received()["requests"] == {}

    def test_push_that_oppo_refuses_is_not_sent(self, sandbox: SandboxServer, connect: Connect) -> None:
        single = message() | {"to": {"registration_id": ["1"]}}
        with pytest.raises(AirflowFailException, match="one device"):
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

    def test_cleared_task_returns_the_first_id(self, sandbox: SandboxServer, big: str, task_log: Log) -> None:
        store = MemoryStore()
        msg_id = push(make_context(store), big_picture_id=big)
        assert push(make_context(store, try_number=2), big_picture_id=big) == msg_id
        assert sandbox.received()["requests"]["push"] == {"200": 1}
        assert "give a new cid" in task_log()

    @pytest.mark.parametrize(("lifetime", "count"), [(3600.0, 1), (0.0, 2)])
    def test_two_airflows_with_one_namespace_push_once_within_the_hour(
        self, sandbox: SandboxServer, big: str, monkeypatch: pytest.MonkeyPatch, lifetime: float, count: int
    ) -> None:
        monkeypatch.setitem(sandbox.options.__dict__, "cid_lifetime", lifetime)  # the options are frozen
        msg_ids = {push(make_context(MemoryStore()), big_picture_id=big) for _ in range(2)}
        assert len(msg_ids) == len(pushes(sandbox)) == count

    def test_other_namespace_is_the_same_push(self, sandbox: SandboxServer, connect: Connect, big: str) -> None:
        store = MemoryStore()
        msg_id = push(make_context(store), big_picture_id=big)
        connect(extra={"cid_namespace": "renamed"})
        assert push(make_context(store, try_number=2), big_picture_id=big) == msg_id
        assert len(pushes(sandbox)) == 1

    def test_other_message_after_unknown_outcome_is_refused(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        sandbox.fail(call="push", drop=True)
        with pytest.raises(OutcomeUnknownError):
            push(make_context(store), big_picture_id=big)
        with pytest.raises(AirflowFailException) as caught:
            push(make_context(store, try_number=2), message=message(channel_id="other"), big_picture_id=big)
        assert isinstance(caught.value.__cause__, DuplicatePushError)
        assert pushes(sandbox) == []

    def test_other_message_after_refusal_is_sent(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        sandbox.fail(call="push", code=21011)
        with pytest.raises(AirflowFailException, match="21011"):
            push(make_context(store), big_picture_id=big)
        assert push(make_context(store, try_number=2), message=message(channel_id="other"), big_picture_id=big)
        assert len(pushes(sandbox)) == 1

    def test_given_cid_is_another_push(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        push(make_context(store), big_picture_id=big, cid="one")
        push(make_context(store, try_number=2), big_picture_id=big, cid="two")
        assert [sent["cid"] for sent in pushes(sandbox)] == ["one", "two"]

    def test_unreadable_record_is_refused(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        push(make_context(store), big_picture_id=big)
        [key] = store.values
        store.values[key] = "[1]"
        with pytest.raises(AirflowFailException, match="not readable"):
            push(make_context(store, try_number=2), big_picture_id=big)
        assert len(pushes(sandbox)) == 1

    def test_nothing_is_sent_if_the_store_fails(self, sandbox: SandboxServer, big: str) -> None:
        store = MagicMock(**{"get.return_value": None, "set.side_effect": ConnectionError})
        with pytest.raises(NotSentError):
            push(make_context(store), big_picture_id=big)
        assert pushes(sandbox) == []


class TestUnknownOutcome:
    @pytest.fixture
    def late(self) -> dict[str, Any]:
        due = datetime.datetime.now(datetime.UTC) - SAFE_REPEAT - datetime.timedelta(minutes=1)
        return make_context(try_number=2, dag_run=MagicMock(run_after=due))

    def test_late_retry_without_a_store_is_refused(self, sandbox: SandboxServer, big: str, late: Any) -> None:
        with pytest.raises(AirflowFailException) as caught:
            push(late, big_picture_id=big)
        assert isinstance(caught.value.__cause__, DuplicatePushError)
        assert "push" not in sandbox.received()["requests"]

    def test_send_again_sends(self, sandbox: SandboxServer, big: str, late: Any) -> None:
        assert push(late, big_picture_id=big, on_unknown_outcome="send_again")
        assert len(pushes(sandbox)) == 1

    def test_late_retry_with_a_record_is_refused(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        sandbox.fail(call="push", drop=True)
        with pytest.raises(OutcomeUnknownError):
            push(make_context(store), big_picture_id=big)
        [key] = store.values
        record = json.loads(store.values[key])
        earlier = datetime.datetime.fromisoformat(record["first_sent_at"]) - SAFE_REPEAT
        store.values[key] = json.dumps(record | {"first_sent_at": earlier.isoformat()})
        with pytest.raises(AirflowFailException, match="may have sent it"):
            push(make_context(store, try_number=2), big_picture_id=big)
        assert push(make_context(store, try_number=3), big_picture_id=big, on_unknown_outcome="send_again")

    def test_other_value_is_refused_in_init(self) -> None:
        with pytest.raises(ConfigurationError, match="send_again"):
            OppoImagePushOperator(task_id="task", message={}, on_unknown_outcome="ignore")  # type: ignore[arg-type]


class TestNotAfter:
    def test_in_time_sends(self, sandbox: SandboxServer, big: str) -> None:
        assert push(big_picture_id=big, not_after="2099-12-01T20:00:00+08:00")

    @pytest.mark.parametrize(("on_late", "error"), [("fail", AirflowFailException), ("skip", AirflowSkipException)])
    def test_late_sends_nothing(self, sandbox: SandboxServer, big: str, on_late: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="not_after"):
            push(big_picture_id=big, not_after="2020-12-01T20:00:00+08:00", on_late=on_late)
        assert "push" not in sandbox.received()["requests"]

    @pytest.mark.parametrize("name", ["not_after", "uploaded_at"])
    @pytest.mark.parametrize("time", ["2099-12-01T20:00:00", "tomorrow", datetime.datetime(2099, 12, 1), 5])
    def test_time_without_a_zone_is_refused(self, sandbox: SandboxServer, big: str, time: Any, name: str) -> None:
        with pytest.raises(ConfigurationError, match="with a zone"):
            push(**{name: time})
        operator = OppoImagePushOperator(task_id="task", message=message(), big_picture_id=big, **{name: "{{ time }}"})
        setattr(operator, name, time)
        with pytest.raises(AirflowFailException, match="with a zone"):
            operator.execute(make_context())
        assert "push" not in sandbox.received()["requests"]

    def test_cleared_after_a_success_returns_the_id(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        msg_id = push(make_context(store), big_picture_id=big)
        late = {"not_after": "2020-12-01T20:00:00Z", "uploaded_at": "2020-12-01T20:00:00Z"}
        assert push(make_context(store, try_number=2), big_picture_id=big, **late) == msg_id
        assert sandbox.received()["requests"]["push"] == {"200": 1}

    def test_late_repeat_of_an_unknown_outcome_fails(self, sandbox: SandboxServer, big: str) -> None:
        store = MemoryStore()
        sandbox.fail(call="push", drop=True)
        with pytest.raises(OutcomeUnknownError):
            push(make_context(store), big_picture_id=big)
        with pytest.raises(AirflowFailException, match="may have sent it"):
            push(make_context(store), big_picture_id=big, not_after="2020-12-01T20:00:00Z", on_late="skip")

    def test_other_on_late_is_refused_in_init(self) -> None:
        with pytest.raises(ConfigurationError, match="skip"):
            OppoImagePushOperator(task_id="task", message={}, on_late="ignore")  # type: ignore[arg-type]
