from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import PUSH_PATH, VALIDATE_PATH, PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.messages import PushReceipt
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.errors import (
    AccountError,
    ConfigurationError,
    OppoImageError,
    PictureRefusedError,
    RequestRefusedError,
    ServiceUnavailableError,
    UnreadableAnswerError,
)
from airflow_provider_oppo_image.net.redaction import SecretRedactor

URL = "https://cdn.example.com/big.png"
UPLOAD = messages.upload_request("big", URL)
PUSH = messages.push_request({"to": "all"})


def answer(body: Any, status: int = 200) -> Response:
    return Response(status, body if isinstance(body, bytes) else json.dumps(body).encode())


def refusal(code: int, status: int, message: str = "no") -> Response:
    return answer({"error": {"code": code, "message": message}}, status)


@pytest.mark.parametrize(("kind", "key"), [("big", "big_picture_url"), ("small", "small_picture_url")])
def test_upload_request_has_one_picture(kind: PictureKind, key: str) -> None:
    request = messages.upload_request(kind, URL + "?sig=1")
    assert (request.method, request.path, request.body) == ("POST", "/v4/image/oppo", {key: URL + "?sig=1"})
    assert request.action == f"Uploading {URL}?… as the {kind} picture"


@pytest.mark.parametrize(
    "url",
    [None, "", " ", "None", 5, b"https://a", "big.png", "//a/b", "ftp://a/b", "file:///b", "https://",
     "https://a:b:c/", "https://a/\ud800", "https://a/\nb", "https://a/" * 500],
)  # fmt: skip
def test_upload_request_refuses_invalid_url(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="its URL is not valid"):
        messages.upload_request("big", url)


def test_upload_request_refuses_url_with_password() -> None:
    with pytest.raises(ConfigurationError, match=r"https://a\.example/b\.png") as caught:
        messages.upload_request("small", "https://user:hunter2@a.example/b.png")
    assert "hunter2" not in str(caught.value)


@given(st.text())
@example("https://[")
@example("https://a/?\udfff")
def test_upload_request_accepts_or_refuses_any_text(url: str) -> None:
    try:
        request = messages.upload_request("big", url)
    except ConfigurationError:
        return
    assert json.loads(messages.to_json(request.body or {})) == {"big_picture_url": url}


def test_upload_request_refuses_other_kinds() -> None:
    with pytest.raises(ConfigurationError, match="'big' or 'small', not 'Big'"):
        messages.upload_request("Big", URL)  # type: ignore[arg-type]


def test_to_json_is_compact_utf_8() -> None:
    assert messages.to_json({"a": "ключ", "b": [1]}) == '{"a":"ключ","b":[1]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, object()])
def test_to_json_refuses_unsupported_values(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        messages.to_json({"a": value})


@given(st.text(st.characters(codec="utf-8", exclude_characters=":")), st.text(st.characters(codec="utf-8")))
def test_basic_auth_can_be_decoded(app_key: str, master_secret: str) -> None:
    scheme, _, encoded = messages.basic_auth(app_key, master_secret).partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode().partition(":") == (app_key, ":", master_secret)


def test_message_id_is_quoted_in_path() -> None:
    assert messages.withdraw_request("a/../b?c#d").path == "/v4/push/withdraw/a%2F..%2Fb%3Fc%23d"
    assert (
        messages.status_request(messages.read_msg_ids(["1?x=2", 3])).path
        == "/v4/status/detail?message_ids=1%3Fx%3D2%2C3"
    )


@pytest.mark.parametrize("msg_id", [None, "", " ", "None", True, 1.5, "a b", "a\n", "1,2", "1" * 201, {"id": "1"}])
def test_requests_refuse_invalid_message_id(msg_id: Any) -> None:
    with pytest.raises(ConfigurationError, match="Give the id that a push returned"):
        messages.withdraw_request(msg_id)
    with pytest.raises(ConfigurationError, match="Give the id that a push returned"):
        messages.read_msg_ids([msg_id])


def test_status_takes_1_to_100_ids() -> None:
    hundred = [str(number) for number in range(1, 101)]
    assert messages.read_msg_ids([*hundred, *hundred]) == hundred
    assert messages.read_msg_ids("7") == messages.read_msg_ids(7) == messages.read_msg_ids(("7",)) == ["7"]
    for several in ([], [*hundred, "101"]):
        with pytest.raises(ConfigurationError, match=f"not {len(several)}"):
            messages.read_msg_ids(several)


@given(st.integers(100, 999), st.binary(), st.booleans())
def test_any_response_gives_result_or_error(status: int, body: bytes, complete: bool) -> None:
    given = Response(status, body, complete=complete)
    for read in (
        lambda: messages.read_upload("small", UPLOAD, given),
        lambda: messages.read_push(PUSH, given),
        lambda: messages.read_credentials_probe(UPLOAD, given),
        lambda: messages.read_acknowledgement(PUSH, given),
    ):
        try:
            assert isinstance(read(), str | PushReceipt | None)
            assert 200 <= status < 300
        except OppoImageError as error:
            assert error.http_status == status  # noqa: PT017  # either is fine


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.text()))
def test_picture_id_is_printable_ascii_without_spaces(value: Any) -> None:
    try:
        picture_id = messages.read_upload("big", UPLOAD, answer({"big_picture_id": value}))
    except UnreadableAnswerError:
        return
    assert picture_id == value
    assert 1 <= len(picture_id) <= 200
    assert picture_id.isascii()
    assert picture_id.isprintable()
    assert " " not in picture_id


def test_read_upload_reads_documented_response() -> None:
    both = answer({"big_picture_id": "3653918_5f92b5739ae676f5745bcbf4", "small_picture_id": ""})
    assert messages.read_upload("big", UPLOAD, both) == "3653918_5f92b5739ae676f5745bcbf4"
    with pytest.raises(UnreadableAnswerError, match="small_picture_id: ''"):
        messages.read_upload("small", UPLOAD, both)


@pytest.mark.parametrize(
    "value",
    ["null", "None", "undefined", "NULL", "0", "000", "<b>1</b>", "1&amp;", "a b", "a\x00", "x" * 129],
)  # fmt: skip
def test_text_that_is_not_an_id_is_refused(value: str) -> None:
    for key, read in (("big_picture_id", partial(messages.read_upload, "big")), ("msg_id", messages.read_push)):
        with pytest.raises(UnreadableAnswerError, match=f"an invalid {key}"):
            read(messages.credentials_probe(), Response(200, json.dumps({key: value}).encode()))


@pytest.mark.parametrize(
    ("body", "found"),
    [({}, "no big_picture_id"), ({"big_picture_id": None}, "no big_picture_id"), ({"big_picture_id": 7}, "not text"),
     ({"big_picture_id": [["x"]]}, "not text"), ({"big_picture_id": "a b"}, "'a b'"),
     ({"big_picture_id": "x" * 201}, f"'{'x' * 40}'")],
)  # fmt: skip
def test_read_upload_reports_invalid_id(body: Any, found: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=found):
        messages.read_upload("big", UPLOAD, answer(body))


@pytest.mark.parametrize("picture_id", ["hunter2hunter2hunter2", "1_hunter2hunter2hunter2", "hunter2hunter2hu"])
def test_read_upload_refuses_secret_as_id(picture_id: str) -> None:
    response = Response(
        200, json.dumps({"big_picture_id": picture_id}).encode(), redactor=SecretRedactor("hunter2hunter2hunter2")
    )
    with pytest.raises(UnreadableAnswerError) as caught:
        messages.read_upload("big", UPLOAD, response)
    assert "hunter2" not in str(caught.value)


def test_request_repr_has_no_query() -> None:
    assert "abc" not in repr(messages.upload_request("big", "https://cdn.example.com/big.png?signature=abc"))


def test_code_51_is_an_error_with_any_message() -> None:
    for message in ("Invalid Picture", "success", ""):
        with pytest.raises(PictureRefusedError):
            messages.read_upload("big", UPLOAD, refusal(51, 200, message))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [(23001, 401, AccountError), (23009, 400, AccountError), (21001, 404, AccountError),
     (23100, 500, ServiceUnavailableError)],
)  # fmt: skip
def test_credentials_probe_raises_other_errors(code: int, status: int, kind: type[OppoImageError]) -> None:
    with pytest.raises(kind):
        messages.read_credentials_probe(UPLOAD, refusal(code, status))


@pytest.mark.parametrize("body", [{}, {"status": "ok"}, {"big_picture_id": ""}, {"big_picture_id": "1"}, b"<html>"])
def test_credentials_probe_raises_for_success(body: Any) -> None:
    with pytest.raises(UnreadableAnswerError):
        messages.read_credentials_probe(UPLOAD, answer(body))


@pytest.mark.parametrize("code", [23002, 21003])
def test_credentials_probe_ends_after_the_check_of_parameters(code: int) -> None:
    messages.read_credentials_probe(messages.credentials_probe(), refusal(code, 400))


def test_push_request_sends_unless_it_validates() -> None:
    assert PUSH.path == messages.push_request({}, validate=False).path == PUSH_PATH
    assert messages.push_request({}, validate=True).path == VALIDATE_PATH


def test_read_push_returns_receipt() -> None:
    assert messages.read_push(PUSH, answer({"msg_id": "42", "request_id": "r"})) == PushReceipt("42", "r")
    assert messages.read_push(PUSH, answer({"msg_id": 42, "request_id": 5})) == PushReceipt("42")


@pytest.mark.parametrize("msg_id", [None, "", True, 4.2, ["42"], {}])
def test_read_push_without_message_id_is_ambiguous(msg_id: Any) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        messages.read_push(PUSH, answer({"msg_id": msg_id}))
    assert caught.value.may_have_taken_effect


def test_read_push_refuses_malformed_cid() -> None:
    with pytest.raises(RequestRefusedError) as caught:
        messages.read_push(PUSH, refusal(23003, 400, "cid is malformed"))
    assert (caught.value.code, caught.value.permanent, caught.value.scope) == (23003, True, "request")


def test_read_push_does_not_take_failure_for_refusal() -> None:
    with pytest.raises(ServiceUnavailableError):
        messages.read_push(PUSH, refusal(23100, 500, "cid store is down"))


@pytest.mark.parametrize("body", [{}, {"request_id": "1"}, b"success", b" success\n"])
def test_acknowledgement_is_any_success(body: Any) -> None:
    messages.read_acknowledgement(PUSH, answer(body))


@pytest.mark.parametrize("body", [b"", b"ok", b"<html>success</html>", [], b"5", b"successful"])
def test_acknowledgement_refuses_other_text(body: Any) -> None:
    with pytest.raises(UnreadableAnswerError):
        messages.read_acknowledgement(PUSH, answer(body))


def test_acknowledgement_refuses_errors() -> None:
    with pytest.raises(ServiceUnavailableError):
        messages.read_acknowledgement(PUSH, answer(b"success", 500))
    with pytest.raises(RequestRefusedError):
        messages.read_acknowledgement(PUSH, refusal(21005, 200))
