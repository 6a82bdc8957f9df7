"""Attacks on the parsers of the protocol: any input gives a result or an error of this package."""

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

from airflow_provider_oppo_image.contract import DATA_CENTERS, ERROR_CODES
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import PushReceipt
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, RateLimitedError, RequestRefusedError
from airflow_provider_oppo_image.net.deadline import TransportOptions
from airflow_provider_oppo_image.net.session import MAX_RETRY_AFTER_S, read_retry_after
from airflow_provider_oppo_image.net.urls import base_url
from tests.support.fault_server import Connection, FaultServer, close
from tests.trust.attack_report import AttackReport
from tests.trust.calls import APP_KEY, MESSAGE, PICTURE, SECRET

Require = Callable[[str, bool], None]

MANY = settings(max_examples=1_000)
FEWER = settings(max_examples=400)

PROBE_CODES = (21003, 23002)

codes = (
    st.sampled_from(sorted(ERROR_CODES))
    | st.sampled_from(PROBE_CODES)
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
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
complete_bodies = (objects | anything).map(json.dumps).map(str.encode) | st.binary()
bodies = complete_bodies | st.builds(lambda body, end: body[:end], complete_bodies, st.integers(0, 60))
statuses = st.sampled_from([200, 201, 204, 302, 400, 401, 404, 408, 429, 500, 502, 503]) | st.integers(100, 999)


@pytest.fixture(scope="session")
def require(attacks: AttackReport) -> Require:
    return lambda attack, failed: attacks.require("nothing breaks the parser", attack, failed, attack)


@MANY
@given(status=statuses, body=bodies, complete=st.booleans())
def test_readers_accept_any_status_and_body(require: Require, status: int, body: bytes, complete: bool) -> None:
    response = Response(status, body, complete=complete)
    upload, push = messages.upload_request("big", PICTURE), messages.push_request(MESSAGE)
    for read in (
        lambda: messages.read_upload("big", upload, response),
        lambda: messages.read_upload("small", upload, response),
        lambda: messages.read_push(push, response),
        lambda: messages.read_acknowledgement(push, response),
    ):
        require("a response, by status and bytes", _is_valid(read, lambda _: response.is_success and complete))
    probe = messages.credentials_probe()
    require(
        "a response, by status and bytes",
        _is_valid(lambda: messages.read_credentials_probe(probe, response), lambda _: complete),
    )


def _is_valid(read: Callable[[], Any], accepts: Callable[[Any], bool]) -> bool:
    """Return whether a call raises an error of this package, or returns an accepted result."""
    try:
        result = read()
    except OppoImageError:
        return True
    except BaseException:  # noqa: BLE001  # must not happen
        return False
    return isinstance(result, str | PushReceipt | None) and accepts(result)


@MANY
@given(content=objects)
def test_success_contains_the_id(require: Require, content: dict[str, Any]) -> None:
    response = Response(200, json.dumps(content).encode())
    is_error = content.get("error") is not None
    with contextlib.suppress(OppoImageError):
        picture_id = messages.read_upload("big", messages.upload_request("big", PICTURE), response)
        require("a response that is accepted", content["big_picture_id"] == picture_id != "" and not is_error)
    with contextlib.suppress(OppoImageError):
        msg_id = messages.read_push(messages.push_request(MESSAGE), response).msg_id
        require("a response that is accepted", str(content["msg_id"]) == msg_id != "" and not is_error)
    with contextlib.suppress(OppoImageError):
        messages.read_acknowledgement(messages.push_request(MESSAGE), response)
        require("a response that is accepted", not is_error)
    with contextlib.suppress(OppoImageError):
        messages.read_credentials_probe(messages.credentials_probe(), response)
        require(
            "a response that is accepted", float((content["error"] if is_error else content)["code"]) in PROBE_CODES
        )


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
def test_client_accepts_any_bytes(require: Require, sent: bytes) -> None:
    def reply(line: Connection) -> None:
        line.send(sent)
        close(line)

    with FaultServer(reply) as server, _client(server.url) as client:
        valid = _is_valid(lambda: client.upload("big", PICTURE), lambda picture_id: picture_id.encode() in sent)
    require("a response, by its raw bytes", valid)


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


@MANY
@given(
    host=st.none() | hosts,
    port=st.none() | st.integers(-1, 70_000),
    schema=st.none() | st.sampled_from(["", "http", "https", "ftp"]) | st.text(),
    plain=st.booleans(),
)
def test_base_url_accepts_or_refuses_any_host(
    require: Require, host: str | None, port: int | None, schema: str | None, plain: bool
) -> None:
    try:
        url = base_url(host, port, schema, "singapore", allow_plain_http=plain)
    except ConfigurationError as error:
        require("a connection's host", "user:pw" not in str(error))
        return
    parts = urlsplit(url)
    origin_only = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    loopback = parts.hostname in ("localhost", "::1") or str(parts.hostname).startswith("127.")
    require(
        "a connection's host",
        origin_only and (parts.scheme == "https" or (parts.scheme == "http" and (loopback or plain))),
    )
    if (host or "").strip() and parts.hostname != urlsplit(DATA_CENTERS["singapore"]).hostname:
        require("a connection's host", str(parts.hostname) in str(host).lower())
    prepared = urlsplit(requests.Request("GET", url + "/v4/push").prepare().url or "")
    require("a connection's host", (prepared.hostname, prepared.port) == (parts.hostname, parts.port))


@MANY
@given(header=st.text() | st.integers().map(str) | st.datetimes().map(email.utils.format_datetime), date=st.text())
def test_retry_after_is_at_most_one_day(require: Require, header: str, date: str) -> None:
    waits = [read_retry_after({"Retry-After": header}), read_retry_after({"Retry-After": header, "Date": date})]
    require("a Retry-After", all(seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S for seconds in waits))


class Clock:
    """A clock that advances only in sleeps and attempts."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


waits = st.none() | st.floats(0, 100) | st.just(MAX_RETRY_AFTER_S)


@MANY
@given(
    failures=st.lists(st.tuples(st.booleans(), waits, st.floats(0, 60)), min_size=1, max_size=12),
    budget=st.just(0.0) | st.floats(0, 400),
    jitter=st.floats(0, 1),
)
def test_retries_respect_the_budget(
    require: Require, failures: list[tuple[bool, float | None, float]], budget: float, jitter: float
) -> None:
    clock, starts, remaining = Clock(), [], list(failures)

    def fail(*_: Any) -> Response:
        starts.append(clock.now)
        if not remaining:
            return Response(200, b'{"big_picture_id": "1"}')
        permanent, wait, seconds = remaining.pop(0)
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
    require("a retry within the budget", all(start < budget for start in starts[1:]))
    retried = failures[: len(starts) - 1]
    require("no retry after a permanent error", not any(permanent for permanent, _, _ in retried))
    floors = [wait or 0.0 for _, wait, _ in retried]
    respected = all(slept >= floor for slept, floor in zip(clock.slept, floors, strict=True))
    require("a retry after Retry-After", respected)
