from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.engagelab.responses import Response, read_object
from airflow_provider_oppo_image.errors import (
    AccountError,
    OppoImageError,
    PictureRefusedError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
    UnreadableAnswerError,
)
from airflow_provider_oppo_image.net.redaction import SecretRedactor

DEEP = b"[" * 3_000 + b"]" * 3_000


def read(status: int, body: Any, **fields: Any) -> dict[str, Any] | OppoImageError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        return read_object("Asking", Response(status, content, **fields))
    except OppoImageError as error:
        return error


def refusal(status: int, code: object, message: object = "no", **fields: Any) -> ServiceError:
    error = read(status, {"error": {"code": code, "message": message}}, **fields)
    assert isinstance(error, ServiceError)
    return error


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["code", "message", "x"]), inner),
    max_leaves=8,
)


@given(st.integers(100, 999), st.binary(), st.booleans(), st.none() | st.floats(0, 1e9))
@example(200, DEEP, True, None)
@example(200, b'{"error": {"message": ' + DEEP + b"}}", True, None)
@example(200, b'{"error": {"code": ' + b"9" * 5_000 + b"}}", True, None)
@example(200, b'{"error": {"code": ' + b"9" * 4_000 + b"}}", True, None)
@example(200, b'{"error": {"code": "' + b"9" * 5_000 + b'"}}', True, None)
@example(200, b'{"error": {"code": 1e999}}', True, None)
@example(200, b'{"error": {"code": NaN}}', True, None)
def test_any_response_gives_object_or_error(
    status: int, body: bytes, complete: bool, retry_after: float | None
) -> None:
    outcome = read(status, body, complete=complete, retry_after=retry_after)
    assert isinstance(outcome, (dict, ServiceError, UnreadableAnswerError))
    if isinstance(outcome, dict):
        assert 200 <= status < 300
    elif isinstance(outcome, UnreadableAnswerError):
        assert 200 <= status < 300
        assert outcome.http_status == status


@given(st.integers(100, 999), json_values)
def test_any_error_object_is_an_error(status: int, error: Any) -> None:
    outcome = read(status, {"error": error, "big_picture_id": "1"})
    if error is not None:
        assert isinstance(outcome, ServiceError)
        assert outcome.http_status == status
    else:
        assert isinstance(outcome, dict) == (200 <= status < 300)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [(51, 200, PictureRefusedError), (21003, 200, RequestRefusedError), (4242, 200, RequestRefusedError),
     ("23008", 400, RateLimitedError), (23001, 500, AccountError)],
)  # fmt: skip
def test_code_without_error_object_is_an_error(code: object, status: int, kind: type[ServiceError]) -> None:
    error = read(status, {"code": code, "message": "no", "big_picture_id": "1"})
    assert type(error) is kind
    assert (error.code, error.server_message) == (int(str(code)), "'no'")


@pytest.mark.parametrize(
    "body",
    [{"success": False}, {"success": "false"}, {"success": 0}, {"ok": False}, {"status": "error"},
     {"status": "Failed"}, {"status": 400}, {"errors": ["no"]}, {"code": "no"}, {"code": [51]}, {"code": True},
     {"code": 51.5}, {"code": ""}],
)  # fmt: skip
def test_success_status_with_a_failure_is_a_refusal(body: dict[str, Any]) -> None:
    error = read(200, body | {"msg_id": "1", "big_picture_id": "1"})
    assert type(error) is RequestRefusedError
    assert "reported a failure" in str(error)


@pytest.mark.parametrize(
    "fields", [{"success": True}, {"success": None}, {"status": "ok"}, {"status": 200}, {"errors": []}]
)
def test_success_without_a_failure_is_read(fields: dict[str, Any]) -> None:
    assert read(200, fields | {"msg_id": "1"}) == fields | {"msg_id": "1"}


@pytest.mark.parametrize("code", [0, "0", 200, None])
def test_success_code_is_no_error(code: object) -> None:
    assert read(200, {"code": code, "big_picture_id": "1"}) == {"code": code, "big_picture_id": "1"}
    assert isinstance(read(500, {"code": code}), ServiceUnavailableError)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 503])
def test_known_code_is_read_with_any_status(status: int) -> None:
    for row in ERROR_CODES.values():
        error = refusal(status, row.code, "the service's words")
        assert (error.code, error.http_status) == (row.code, status)
        assert (error.permanent, error.scope, error.retry_after) == (row.permanent, row.scope, row.retry_after)
        assert error.retry_once == (row.retry == "once")
        start = f'Asking: {row.meaning} (code {row.code}, HTTP {status}: "the service\'s words"). '
        assert (str(error)[: len(start)], error.server_message) == (start, '"the service\'s words"')
        assert str(error).endswith(row.advice)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(51, PictureRefusedError), *((code, AccountError) for code in (23001, 21001, 21008, 27001, 11, 14, 28, 33, 34)),
     *((code, RateLimitedError) for code in (23008, -2, 13, 55)),
     *((code, ServiceUnavailableError) for code in (23100, 27000, 21030, -1, 21009, 12)),
     *((code, RequestRefusedError) for code in (10_000, 20_000, 21003, 23002, 21005))],
)  # fmt: skip
def test_code_has_error_type(code: int, kind: type[ServiceError]) -> None:
    assert type(refusal(400, code)) is kind


def test_upload_has_its_own_texts() -> None:
    body = json.dumps({"error": {"code": 21003}}).encode()
    with pytest.raises(RequestRefusedError, match="cannot be downloaded"):
        read_object("Uploading", Response(400, body), upload=True)


@pytest.mark.parametrize(
    ("status", "kind", "permanent", "scope"),
    [(200, RequestRefusedError, True, "request"), (302, RequestRefusedError, True, "request"),
     (400, RequestRefusedError, True, "request"), (401, AccountError, True, "account"),
     (403, AccountError, True, "account"), (404, RequestRefusedError, True, "request"),
     (408, ServiceUnavailableError, False, "request"), (425, ServiceUnavailableError, False, "request"),
     (429, RateLimitedError, False, "request"), (500, ServiceUnavailableError, False, "request"),
     (502, ServiceUnavailableError, False, "request"), (599, ServiceUnavailableError, False, "request")],
)  # fmt: skip
def test_unknown_code_has_error_type_of_status(
    status: int, kind: type[ServiceError], permanent: bool, scope: str
) -> None:
    error = refusal(status, 99_999)
    assert (type(error), error.permanent, error.scope, error.code) == (kind, permanent, scope, 99_999)


_CHECK_THE_HOST, _CHECK_THE_KEY = ERROR_CODES[21001].advice, ERROR_CODES[23001].advice


@pytest.mark.parametrize(
    ("statuses", "meaning", "advice"),
    [((200, 299), "unknown error code", "ask EngageLab."), ((300, 307, 399), "redirect", _CHECK_THE_HOST),
     ((199, 400, 402, 404, 428, 430, 499), "the service refused the request", _CHECK_THE_HOST),
     ((401, 403), "denies access", _CHECK_THE_KEY), ((429,), "fewer requests", "Try again later."),
     ((408, 425, 500, 599), "the service failed", "Try again later.")],
)  # fmt: skip
def test_unknown_code_has_advice_of_status(statuses: tuple[int, ...], meaning: str, advice: str) -> None:
    for status in statuses:
        message = str(refusal(status, 99_999))
        assert meaning in message, status
        assert message.endswith(advice), status


@pytest.mark.parametrize("code", [51, "51", 51.0])
def test_code_may_be_text_or_float(code: object) -> None:
    assert type(refusal(200, code)) is PictureRefusedError


@pytest.mark.parametrize("code", [None, True, "", "fifty-one", "5_1", "٥١", 51.5, [51], {"code": 51}, 10**20])
def test_invalid_code_is_none(code: object) -> None:
    error = refusal(200, code)
    assert error.code is None
    assert type(error) is RequestRefusedError


@pytest.mark.parametrize("error", [0, "", False, {}, [], "Invalid Picture", ["x"], {"code": 0}])
def test_error_of_any_type_is_an_error(error: Any) -> None:
    outcome = read(200, {"error": error, "big_picture_id": "1"})
    assert type(outcome) is RequestRefusedError
    assert outcome.permanent
    assert outcome.server_message == (repr(error) if error == "Invalid Picture" else "")


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf" + b'{"a": 1}', b'{"a": 2, "a": 1}', b'{"error": null, "a": 1}'])
def test_unusual_object_is_read(body: bytes) -> None:
    assert read(200, body)["a"] == 1  # type: ignore[index]


def test_incomplete_response_is_not_parsed() -> None:
    assert isinstance(read(200, {"a": 1}, complete=False), UnreadableAnswerError)
    assert type(read(502, {"error": {"code": 51}}, complete=False)) is ServiceUnavailableError


def test_retry_after_header_takes_precedence() -> None:
    assert refusal(200, 34, retry_after=5.0).retry_after == 5.0
    assert refusal(200, 34, retry_after=0.0).retry_after == 0.0
    assert refusal(400, 23008, retry_after=5.0).retry_after == 5.0


def test_permanent_error_has_no_retry_after() -> None:
    assert refusal(400, 21003, retry_after=5.0).retry_after is None


def test_server_message_is_one_short_line() -> None:
    error = refusal(400, 21003, "line one\n\x1b[31m" + "x" * 500)
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert error.server_message == ascii(f"line one \x1b[31m{'x' * 186}")


@pytest.mark.parametrize(
    ("body", "complete", "found"),
    [(b"", True, "empty"), (b"x" * 100, True, f"'{'x' * 60}'"), (b"[1]", True, "'[1]'"),
     (b"x", False, "too long or encoded")],
)  # fmt: skip
def test_unreadable_response_is_described(body: bytes, complete: bool, found: str) -> None:
    assert found in str(read(200, body, complete=complete))


def test_error_has_no_secret() -> None:
    redactor = SecretRedactor("hunter2hunter2")
    for message in ("hunter2hunter2", "x" * 195 + "hunter2hunter2", "(hunter2hunter2)"):
        assert "hunter" not in str(refusal(400, 21003, message, redactor=redactor))
    assert "hunter" not in str(read(200, b"<p>" + b"x" * 52 + b"hunter2hunter2", redactor=redactor))


@given(st.text("KLMN/+=", min_size=5), st.text(), st.text())
def test_excerpt_has_no_secret(secret: str, before: str, after: str) -> None:
    assert secret not in Response(200, b"", redactor=SecretRedactor(secret)).excerpt(
        before + secret + after, max_length=10_000
    )


@pytest.mark.parametrize(
    "url", ["https://a.example/b.png?sig=abc", r"https:\/\/a.example\/b.png?sig=abc", "/b.png?abc"]
)
def test_error_has_no_url_query(url: str) -> None:
    error = refusal(400, 21003, f'no picture at "{url}" today')
    assert "abc" not in str(error)
    assert "today" in str(error)
    assert "b.png?..." in str(error)


def test_response_repr_has_no_body_and_no_secret() -> None:
    assert (
        repr(Response(200, b"body", redactor=SecretRedactor("secret")))
        == "Response(status=200, retry_after=None, complete=True)"
    )
