"""What strangers can put before the protocol's parsers: each is a result or one of our errors, and nothing else."""

from __future__ import annotations

import contextlib
import email.utils
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.connection import base_url
from airflow_provider_oppo_image.contract import DATA_CENTERS, ERROR_CODES
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import PushReceipt
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, RateLimitedError, RequestRefusedError
from airflow_provider_oppo_image.net.options import TransportOptions
from airflow_provider_oppo_image.net.retry_after import MAX_RETRY_AFTER_S, read_retry_after
from tests.support.fault_server import FaultServer, Line, close
from tests.trust.calls import APP_KEY, MESSAGE, PICTURE, SECRET
from tests.trust.ledger import Ledger

Judge = Callable[[str, bool], None]

EXAMPLES = settings(max_examples=1_000, deadline=None)
FEWER = settings(max_examples=400, deadline=None)

PROOFS = (21003, 23002)

codes = (
    st.sampled_from(sorted(ERROR_CODES)) | st.sampled_from(PROOFS) | st.integers() | st.floats() | st.text(max_size=5)
)
anything = st.recursive(
    st.none() | st.booleans() | codes | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
errors = st.fixed_dictionaries({}, optional={"code": codes, "message": st.sampled_from(["no", "cid used"]) | anything})
ids = st.sampled_from(["1_a", "", " ", "x" * 300]) | anything
objects = st.fixed_dictionaries(
    {},
    optional={
        "error": st.none() | errors | anything,
        "code": codes,
        "big_picture_id": ids,
        "small_picture_id": ids,
        "msg_id": ids,
        "request_id": anything,
    },
)
whole_bodies = (objects | anything).map(json.dumps).map(str.encode) | st.binary()
bodies = whole_bodies | st.builds(lambda body, end: body[:end], whole_bodies, st.integers(0, 60))
statuses = st.sampled_from([200, 201, 204, 302, 400, 401, 404, 408, 429, 500, 502, 503]) | st.integers(100, 999)


@pytest.fixture(scope="session")
def judge(ledger: Ledger) -> Judge:
    def judge(what: str, right: bool) -> None:
        ledger.note("nothing breaks the parser", what, through=not right)
        assert right

    return judge


@EXAMPLES
@given(status=statuses, body=bodies, complete=st.booleans())
def test_any_status_and_any_bytes_are_a_result_or_one_of_our_errors(
    judge: Judge, status: int, body: bytes, whole: bool
) -> None:
    answer = Response(status, body, complete=whole)
    upload, push = messages.upload_request("big", PICTURE), messages.push_request(MESSAGE)
    for read in (
        lambda: messages.read_upload("big", upload, answer),
        lambda: messages.read_upload("small", upload, answer),
        lambda: messages.read_push(push, answer),
        lambda: messages.read_acknowledgement(push, answer),
    ):
        judge("an answer, by status and bytes", _is_told(read, lambda _: answer.is_success and whole))
    proof = messages.credentials_probe()
    judge(
        "an answer, by status and bytes",
        _is_told(lambda: messages.read_credentials_probe(proof, answer), lambda _: whole),
    )


def _is_told(read: Callable[[], Any], may_be: Callable[[Any], bool]) -> bool:
    """Whether reading comes to one of our errors, or to a result that there may be."""
    try:
        result = read()
    except OppoImageError:
        return True
    except BaseException:  # noqa: BLE001  # this is what must not happen
        return False
    return isinstance(result, str | PushReceipt | None) and may_be(result)


@EXAMPLES
@given(content=objects)
def test_a_success_has_what_was_asked_for(judge: Judge, content: dict[str, Any]) -> None:
    answer = Response(200, json.dumps(content).encode())
    is_error = content.get("error") is not None
    with contextlib.suppress(OppoImageError):
        picture_id = messages.read_upload("big", messages.upload_request("big", PICTURE), answer)
        judge("an answer that is taken", content["big_picture_id"] == picture_id != "" and not is_error)
    with contextlib.suppress(OppoImageError):
        msg_id = messages.read_push(messages.push_request(MESSAGE), answer).msg_id
        judge("an answer that is taken", str(content["msg_id"]) == msg_id != "" and not is_error)
    with contextlib.suppress(OppoImageError):
        messages.read_acknowledgement(messages.push_request(MESSAGE), answer)
        judge("an answer that is taken", not is_error)
    with contextlib.suppress(OppoImageError):
        messages.read_credentials_probe(messages.credentials_probe(), answer)
        judge("an answer that is taken", float((content["error"] if is_error else content)["code"]) in PROOFS)


lines = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 400 No", b"HTTP/1.0 200 OK", b"HTTP/1.1 103 Wait", b"HTTP/2 200"]
)
headers = st.sampled_from(
    [
        b"Content-Length: 23", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: \xb2",
        b"Content-Length: 1e9", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
        b"Content-Encoding: br", b"Connection: close", b"Location: http://[", b"Retry-After: \xff",
        b"Set-Cookie: =;=", b"Content-Type: \x00", b": ", b"no colon", b" folded",
    ]
)  # fmt: skip
answers = st.builds(
    lambda line, fields, gap, body: b"\r\n".join([line, *fields]) + gap + body,
    lines | st.binary(max_size=30),
    st.lists(headers | st.binary(max_size=20), max_size=5),
    st.sampled_from([b"\r\n\r\n", b"\n\n", b"\r\n", b""]),
    st.just(b'{"big_picture_id": "1"}') | st.just(b'5\r\n{"big\r\n0\r\n\r\n') | bodies,
)


@FEWER
@given(sent=answers)
def test_any_bytes_on_the_line_are_a_result_or_one_of_our_errors(judge: Judge, sent: bytes) -> None:
    def say(line: Line) -> None:
        line.send(sent)
        close(line)

    with FaultServer(say) as server, _client(server.url) as client:
        right = _is_told(lambda: client.upload("big", PICTURE), lambda picture_id: picture_id.encode() in sent)
    judge("an answer, by its bytes on the line", right)


def _client(url: str, budget: float = 0.0) -> EngageLabClient:
    transport = HttpTransport(url, APP_KEY, SECRET, user_agent="tests", options=TransportOptions(10, 10, 10))
    return EngageLabClient(transport, retry_budget=budget)


pieces = st.sampled_from(
    ["http://", "https://", "HTTP://", "ftp://", "//", "user:pw@", "localhost", "127.0.0.1", "127.1", "0x7f.1",
     "[::1]", "::1", "[fe80::1%25eth0]", "evil.example", "evil.example.", ":80", ":443", ":0", ":99999", ":8o",
     "/", "/v4", "?q=1", "#f", "@", "\\", "%2e", " ", "\t", "\n", "..", "-", "_", "é", "xn--bcher-kva", "\u3002",
     "a" * 64, "\x00"]
)  # fmt: skip
hosts = st.lists(pieces, max_size=5).map("".join) | st.text()


@EXAMPLES
@given(
    host=st.none() | hosts,
    port=st.none() | st.integers(-1, 70_000),
    schema=st.none() | st.sampled_from(["", "http", "https", "ftp"]) | st.text(),
    plain=st.booleans(),
)
def test_any_host_is_a_base_url_or_a_mistake_in_the_configuration(
    judge: Judge, host: str | None, port: int | None, schema: str | None, plain: bool
) -> None:
    try:
        url = base_url(host, port, schema, "singapore", allow_plain_http=plain)
    except ConfigurationError as error:
        judge("a connection's host", "user:pw" not in str(error))
        return
    parts = urlsplit(url)
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    machine = parts.hostname in ("localhost", "::1") or str(parts.hostname).startswith("127.")
    judge("a connection's host", bare and (parts.scheme == "https" or (parts.scheme == "http" and (machine or plain))))
    if (host or "").strip() and parts.hostname != urlsplit(DATA_CENTERS["singapore"]).hostname:
        judge("a connection's host", str(parts.hostname) in str(host).lower())
    asked = urlsplit(requests.Request("GET", url + "/v4/push").prepare().url or "")
    judge("a connection's host", (asked.hostname, asked.port) == (parts.hostname, parts.port))


@EXAMPLES
@given(header=st.text() | st.integers().map(str) | st.datetimes().map(email.utils.format_datetime), date=st.text())
def test_any_retry_after_is_a_wait_of_at_most_a_day_or_none(judge: Judge, header: str, date: str) -> None:
    told = [read_retry_after({"Retry-After": header}), read_retry_after({"Retry-After": header, "Date": date})]
    judge("a Retry-After", all(seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S for seconds in told))


class Clock:
    """Time that passes only while somebody sleeps or an attempt is made."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


waits = st.none() | st.floats(0, 100) | st.just(MAX_RETRY_AFTER_S)


@EXAMPLES
@given(
    failures=st.lists(st.tuples(st.booleans(), waits, st.floats(0, 60)), min_size=1, max_size=12),
    budget=st.just(0.0) | st.floats(0, 400),
    jitter=st.floats(0, 1),
)
def test_the_decision_to_try_again_keeps_its_budget(
    judge: Judge, failures: list[tuple[bool, float | None, float]], budget: float, jitter: float
) -> None:
    clock, began, asked = Clock(), [], list(failures)

    def fail(*_: Any) -> Response:
        began.append(clock.now)
        if not asked:
            return Response(200, b'{"big_picture_id": "1"}')
        permanent, wait, seconds = asked.pop(0)
        clock.now += seconds
        raise RequestRefusedError("no") if permanent else RateLimitedError("no", retry_after=wait)

    module = "airflow_provider_oppo_image.engagelab.client"
    with (
        patch(f"{module}.time", clock),
        patch(f"{module}.log"),
        patch("random.random", return_value=jitter),
        patch.object(HttpTransport, "send", fail),
        contextlib.suppress(OppoImageError),
    ):
        _client("http://127.0.0.1:1", budget).upload("big", PICTURE)
    judge("a decision to try again: within the budget", all(start < budget for start in began[1:]))
    met = failures[: len(began) - 1]
    judge("a decision to try again: never what is permanent", not any(permanent for permanent, _, _ in met))
    floors = [wait or 0.0 for _, wait, _ in met]
    obeyed = all(slept >= floor for slept, floor in zip(clock.slept, floors, strict=True))
    judge("a decision to try again: Retry-After is a floor", obeyed)
