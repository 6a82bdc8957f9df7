from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.messages import PushReceipt
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.errors import (
    AccountError,
    CidAlreadyUsedError,
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


# Requests


@pytest.mark.parametrize(("kind", "key"), [("big", "big_picture_url"), ("small", "small_picture_url")])
def test_an_upload_asks_for_one_picture(kind: PictureKind, key: str) -> None:
    request = messages.upload_request(kind, URL + "?sig=1")
    assert (request.method, request.path, request.body) == ("POST", "/v4/image/oppo", {key: URL + "?sig=1"})
    assert request.what == f"Uploading the {kind} picture {URL}?…"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        " ",
        "None",
        5,
        b"https://a",
        "big.png",
        "//a/b",
        "ftp://a/b",
        "file:///b",
        "https://",
        "https://a:b:c/",
        "https://a/\ud800",
        "https://a/\n",
        "https://a/" * 500,
    ],
)
def test_what_the_service_cannot_download_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="big picture's URL is none with http or https"):
        messages.upload_request("big", url)


def test_a_url_with_credentials_is_refused_and_they_are_not_shown() -> None:
    with pytest.raises(ConfigurationError, match=r"https://a\.example/b\.png holds a user or a password") as caught:
        messages.upload_request("small", "https://user:hunter2@a.example/b.png")
    assert "hunter2" not in str(caught.value)


@given(st.text())
@example("https://[")
@example("https://a/?\udfff")
def test_any_text_is_a_picture_to_ask_for_or_a_mistake(url: str) -> None:
    try:
        request = messages.upload_request("big", url)
    except ConfigurationError:
        return
    assert json.loads(messages.to_json(request.body or {})) == {"big_picture_url": url}


def test_a_picture_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'big' or 'small', not 'Big'"):
        messages.upload_request("Big", URL)  # type: ignore[arg-type]


def test_a_push_goes_out_unless_it_is_only_to_be_checked() -> None:
    body = {"to": "all"}
    for request, what, path in (
        (messages.push_request(body), "Pushing", "/v4/push"),
        (messages.push_request(body, validate=True), "Validating the push", "/v4/push/validate"),
    ):
        assert (request.what, request.method, request.path, request.body) == (what, "POST", path, body)


def test_requests_and_receipts_cannot_be_changed() -> None:
    for value, field in ((PUSH, "path"), (PushReceipt("1"), "msg_id")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field, "other")


def test_a_body_is_compact_utf_8() -> None:
    assert messages.to_json({"a": "ключ", "b": [1]}) == '{"a":"ключ","b":[1]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, object()])
def test_what_json_does_not_know_is_no_body(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        messages.to_json({"a": value})


@given(st.text(st.characters(codec="utf-8", exclude_characters=":")), st.text(st.characters(codec="utf-8")))
def test_the_credentials_can_be_read_back(app_key: str, master_secret: str) -> None:
    scheme, _, encoded = messages.basic_auth(app_key, master_secret).partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode().partition(":") == (app_key, ":", master_secret)


def test_a_message_id_cannot_leave_its_place_in_the_path() -> None:
    assert messages.withdraw_request("a/../b?c#d").path == "/v4/push/withdraw/a%2F..%2Fb%3Fc%23d"
    assert messages.status_request(["1&x=2", "3"]).path == "/v4/status/detail?message_ids=1%26x%3D2%2C3"


@pytest.mark.parametrize("msg_id", [None, "", " ", 5, "a b", "a\n"])
def test_what_is_no_message_id_is_not_asked_for(msg_id: Any) -> None:
    with pytest.raises(ConfigurationError, match="no message id"):
        messages.withdraw_request(msg_id)
    with pytest.raises(ConfigurationError, match="message ids"):
        messages.status_request([msg_id])


def test_the_status_of_1_to_100_pushes_is_asked_for() -> None:
    messages.status_request(["1"] * 100)
    assert messages.status_request(["1"]) == messages.status_request("1")
    for count in (0, 101):
        with pytest.raises(ConfigurationError, match=f"status of {count} pushes"):
            messages.status_request(["1"] * count)


# Answers


@given(st.integers(100, 999), st.binary(), st.booleans())
def test_any_answer_is_a_result_or_one_of_our_errors(status: int, body: bytes, whole: bool) -> None:
    given = Response(status, body, whole=whole)
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
def test_an_id_is_printable_ascii_without_spaces(value: Any) -> None:
    try:
        picture_id = messages.read_upload("big", UPLOAD, answer({"big_picture_id": value}))
    except UnreadableAnswerError:
        return
    assert picture_id == value
    assert 1 <= len(picture_id) <= 200
    assert picture_id.isascii()
    assert picture_id.isprintable()
    assert " " not in picture_id


def test_the_pages_own_answer_is_read() -> None:
    both = answer({"big_picture_id": "3653918_5f92b5739ae676f5745bcbf4", "small_picture_id": ""})
    assert messages.read_upload("big", UPLOAD, both) == "3653918_5f92b5739ae676f5745bcbf4"
    with pytest.raises(UnreadableAnswerError, match="a small_picture_id that is no id: ''"):
        messages.read_upload("small", UPLOAD, both)


@pytest.mark.parametrize(
    ("body", "words"),
    [({}, "no big_picture_id"), ({"big_picture_id": None}, "no big_picture_id"), ({"big_picture_id": 7}, "no text"),
     ({"big_picture_id": [["x"]]}, "no text"), ({"big_picture_id": "a b"}, "'a b'"),
     ({"big_picture_id": "x" * 201}, f"'{'x' * 40}'")],
)  # fmt: skip
def test_an_answer_without_an_id_says_what_it_has(body: Any, words: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=words) as caught:
        messages.read_upload("big", UPLOAD, answer(body))
    assert "safe to try again" in str(caught.value)


@pytest.mark.parametrize("picture_id", ["hunter2hunter2hunter2", "1_hunter2hunter2hunter2", "hunter2hunter2hu"])
def test_a_secret_is_no_id(picture_id: str) -> None:
    told = Response(
        200, json.dumps({"big_picture_id": picture_id}).encode(), secrets=SecretRedactor("hunter2hunter2hunter2")
    )
    with pytest.raises(UnreadableAnswerError) as caught:
        messages.read_upload("big", UPLOAD, told)
    assert "hunter2" not in str(caught.value)


def test_a_request_does_not_show_a_pictures_signature() -> None:
    assert "abc" not in repr(messages.upload_request("big", "https://cdn.example.com/big.png?signature=abc"))


def test_code_51_is_an_error_in_whatever_words() -> None:
    for message in ("Invalid Picture", "success", ""):
        with pytest.raises(PictureRefusedError):
            messages.read_upload("big", UPLOAD, refusal(51, 200, message))


@pytest.mark.parametrize("code", [23002, 21003])
def test_whoever_misses_a_parameter_was_let_in(code: int) -> None:
    messages.read_credentials_probe(UPLOAD, refusal(code, 400))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [(23001, 401, AccountError), (23009, 400, AccountError), (21001, 404, RequestRefusedError),
     (23100, 500, ServiceUnavailableError)],
)  # fmt: skip
def test_other_refusals_prove_nothing(code: int, status: int, kind: type[OppoImageError]) -> None:
    with pytest.raises(kind):
        messages.read_credentials_probe(UPLOAD, refusal(code, status))


@pytest.mark.parametrize("body", [{}, {"status": "ok"}, {"big_picture_id": ""}, {"big_picture_id": "1"}])
def test_a_success_proves_nothing_where_nothing_was_asked_for(body: Any) -> None:
    with pytest.raises(UnreadableAnswerError, match="an upload of nothing was answered with success"):
        messages.read_credentials_probe(UPLOAD, answer(body))


def test_a_page_of_html_proves_nothing() -> None:
    with pytest.raises(UnreadableAnswerError):
        messages.read_credentials_probe(UPLOAD, answer(b"<html>Welcome"))


def test_a_push_is_receipted() -> None:
    assert messages.read_push(PUSH, answer({"msg_id": "42", "request_id": "r"})) == PushReceipt("42", "r")
    assert messages.read_push(PUSH, answer({"msg_id": 42, "request_id": 5})) == PushReceipt("42")


@pytest.mark.parametrize("msg_id", [None, "", True, 4.2, ["42"], {}])
def test_a_push_without_a_message_id_is_in_doubt(msg_id: Any) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        messages.read_push(PUSH, answer({"msg_id": msg_id}))
    assert caught.value.may_have_taken_effect


@pytest.mark.parametrize("message", ["cid duplicated", "The CID 'x' has been used", "duplicate options.cid"])
@pytest.mark.parametrize("code", [21003, 23006, 99_999])
def test_a_refusal_that_names_the_cid_says_that_it_was_used(message: str, code: int) -> None:
    with pytest.raises(CidAlreadyUsedError) as caught:
        messages.read_push(PUSH, refusal(code, 400, message))
    error = caught.value
    assert (error.code, error.http_status, error.permanent, error.scope) == (code, 400, True, "request")
    assert error.said in str(error)
    assert "give a new `cid`" in str(error)


@pytest.mark.parametrize("message", ["no such tag: placid", "the acid test", "", "rancid_"])
def test_a_refusal_that_does_not_name_the_cid_is_another_one(message: str) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        messages.read_push(PUSH, refusal(21003, 400, message))
    assert not isinstance(caught.value, CidAlreadyUsedError)


def test_a_failure_that_names_the_cid_is_a_failure() -> None:
    with pytest.raises(ServiceUnavailableError):
        messages.read_push(PUSH, refusal(23100, 500, "cid store is down"))


@pytest.mark.parametrize("body", [{}, {"request_id": "1"}, b"success", b" success\n"])
def test_consent_is_a_success_that_is_no_error(body: Any) -> None:
    messages.read_acknowledgement(PUSH, answer(body))


@pytest.mark.parametrize("body", [b"", b"ok", b"<html>success</html>", [], b"5", b"successful"])
def test_a_success_of_another_kind_is_no_consent(body: Any) -> None:
    with pytest.raises(UnreadableAnswerError):
        messages.read_acknowledgement(PUSH, answer(body))


def test_a_failure_with_the_word_success_is_no_consent() -> None:
    with pytest.raises(ServiceUnavailableError):
        messages.read_acknowledgement(PUSH, answer(b"success", 500))
    with pytest.raises(RequestRefusedError):
        messages.read_acknowledgement(PUSH, refusal(21005, 200))
