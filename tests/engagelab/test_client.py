"""The client with real sockets and a server that misbehaves."""

from __future__ import annotations

import base64
import datetime
import email.utils
import logging
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from airflow_provider_oppo_image.contract import ERROR_CODES, MAX_RESPONSE_BYTES
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import PushReceipt
from airflow_provider_oppo_image.engagelab.push_body import PushBody
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import (
    AccountError,
    ConfigurationError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    RateLimitedError,
    RequestRefusedError,
    ServiceUnavailableError,
    TransportError,
    UnreadableAnswerError,
)
from airflow_provider_oppo_image.net.deadline import TransportOptions
from tests.support.fault_server import (
    Connection,
    FaultServer,
    Reply,
    answer,
    break_tls,
    close,
    drip,
    flood,
    gzip_bomb,
    headers_without_end,
    refusal,
    reset,
    send,
    stall,
)

APP_KEY = "an-app-key"
SECRET = "s3cret/ÿÿÿ-with+signs"
BASE64 = base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode()

URL = "https://cdn.example.com/big.png"
MESSAGE = {"to": "all", "body": {"platform": "all", "options": {"cid": "the-cid"}}}

GOOD = answer(200, {"big_picture_id": "1_a"})
PUSHED = answer(200, {"request_id": "", "msg_id": "42"})
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

QUICK = TransportOptions(0.3, 0.3, 0.5)
PATIENT = TransportOptions(20, 20, 20)


def client_for(server: FaultServer | str, **options: Any) -> EngageLabClient:
    url = server if isinstance(server, str) else server.url
    transport = HttpTransport(url, APP_KEY, SECRET, user_agent="tests/1", options=options.pop("timeouts", PATIENT))
    return EngageLabClient(transport, **{"retry_budget": 0.0} | options)


def upload(*replies: Reply, **options: Any) -> tuple[str | OppoImageError, FaultServer]:
    """Upload a picture; return the id or the error, and the server, which sends the replies."""
    with FaultServer(*replies) as server, client_for(server, **options) as client:
        return attempt(lambda: client.upload("big", URL)), server


def attempt(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except OppoImageError as error:
        return error


@dataclass
class Clock:
    """Clock that advances only in `sleep`."""

    now: float = 40.0
    sleeps: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the client's clock; deadlines use the real one."""
    clock = Clock()
    monkeypatch.setattr("airflow_provider_oppo_image.engagelab.client.time", clock)
    return clock


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the backoff zero."""
    monkeypatch.setattr("random.random", lambda: 0.0)


@contextmanager
def soon(seconds: float = 3.0) -> Iterator[None]:
    """Fail if the block takes far longer than its deadlines."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@contextmanager
def little_memory(megabytes: float = 4.0) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1_000_000
    finally:
        tracemalloc.stop()


def test_upload_sends_picture_and_credentials() -> None:
    picture_id, server = upload(GOOD)
    assert picture_id == "1_a"
    (request,) = server.requests
    assert request.line == "POST /v4/image/oppo"
    assert request.json == {"big_picture_url": URL}
    assert request.headers["authorization"] == f"Basic {BASE64}"
    assert request.headers["user-agent"] == "tests/1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"


def test_credentials_are_sent_as_utf_8() -> None:
    with FaultServer(GOOD) as server:
        EngageLabClient(HttpTransport(server.url, "ключ", "秘密", user_agent="tests/1")).upload("big", URL)
    sent = server.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "ключ:秘密"


def test_calls_share_one_connection() -> None:
    with FaultServer(GOOD, refusal(21003, 400), refusal(23003, 400), GOOD) as server, client_for(server) as client:
        for _ in range(4):
            attempt(lambda: client.upload("big", URL))
    assert len(server.requests) == 4
    assert server.accepted == 1


def test_connection_closed_by_server_is_reopened() -> None:
    with FaultServer([GOOD, close]) as server, client_for(server) as client:
        client.upload("big", URL)
        wait_for(lambda: server.connections == 0)
        assert client.upload("big", URL) == "1_a"
    assert server.accepted == 2


def test_close_closes_connections() -> None:
    with FaultServer(GOOD) as server:
        with client_for(server) as client:
            client.upload("big", URL)
            assert server.connections == 1
        wait_for(lambda: server.connections == 0)


def test_threads_share_a_client() -> None:
    def name(line: Connection) -> None:
        assert line.request is not None
        answer(200, {"big_picture_id": line.request.json["big_picture_url"].rpartition("/")[2]})(line)

    names = [str(number) for number in range(1, 41)]
    with FaultServer(name) as server, client_for(server) as client, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda name: client.upload("big", f"https://cdn.example.com/{name}"), names)) == names
    assert len(server.requests) == 40
    assert server.accepted <= 10


def test_calls_have_their_paths() -> None:
    with FaultServer(answer(200, {"msg_id": "1"})) as server, client_for(server) as client:
        client.push(PushBody(MESSAGE))
        client.validate_push(PushBody(MESSAGE))
        client.withdraw("12/3")
        assert client.push_status(["1", "2"]) == {}
        client.push_status("3")
    assert [request.line for request in server.requests] == [
        "POST /v4/push",
        "POST /v4/push/validate",
        "DELETE /v4/push/withdraw/12%2F3",
        "GET /v4/status/detail?message_ids=1%2C2",
        "GET /v4/status/detail?message_ids=3",
    ]
    assert [request.body for request in server.requests[2:]] == [b"", b"", b""]


@pytest.mark.parametrize("url", ["None", "https://me:hunter2@cdn.example.com/a.png"])
def test_invalid_url_is_not_sent(url: str) -> None:
    with FaultServer(GOOD) as server, client_for(server) as client:
        with pytest.raises(ConfigurationError, match="URL"):
            client.upload("big", url)
        assert server.accepted == 0


def test_proxy_of_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(GOOD) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with client_for("http://service.invalid") as client:
            assert client.upload("big", URL) == "1_a"
    assert proxy.requests[0].line == "POST http://service.invalid/v4/image/oppo"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost", "127.9.9.9", "[::1]"])
def test_request_to_this_machine_does_not_reach_a_proxy(
    host: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(GOOD) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        attempt(lambda: client_for(f"http://{host}:1").upload("big", URL))
    assert proxy.accepted == 0


@pytest.mark.parametrize("reply", [reset, close, send(b"nonsense\r\n\r\n")])
def test_outcome_is_unknown_if_proxy_breaks_off(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(reply) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        error = attempt(lambda: client_for("http://service.invalid").upload("big", URL))
    assert len(proxy.requests) == 1
    assert isinstance(error, OutcomeUnknownError)


@pytest.mark.parametrize(
    ("reply", "timeouts"),
    [*((reply, PATIENT) for reply in (reset, close, send(b"nonsense\r\n\r\n"), answer(403))),
     (stall, QUICK), (drip(HEAD * 100), QUICK)],
)  # fmt: skip
def test_nothing_is_sent_without_proxy_tunnel(
    reply: Reply, timeouts: TransportOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with soon(), FaultServer(reply) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = attempt(lambda: client_for("https://service.invalid", timeouts=timeouts).upload("big", URL))
    assert proxy.requests[0].line.startswith("CONNECT service.invalid:443")
    assert isinstance(error, NotSentError)


def test_nothing_is_sent_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listener.getsockname()[1]}")
    error = attempt(lambda: client_for("http://service.invalid").upload("big", URL))
    assert isinstance(error, NotSentError)
    assert "the proxy of this machine" in str(error)


@pytest.mark.parametrize(
    "body",
    [pytest.param({}, id="no id"), pytest.param(b"", id="nothing"),
     pytest.param(b"<html><body>Please log in</body></html>", id="HTML"),
     pytest.param(b'{"big_picture_id": "1', id="truncated"),
     pytest.param(b'{"big_picture_id": "1"}' + b" " * MAX_RESPONSE_BYTES, id="too long")],
)  # fmt: skip
def test_unreadable_success_is_ambiguous(body: Any) -> None:
    error, _ = upload(answer(200, body))
    assert isinstance(error, UnreadableAnswerError)
    assert (error.http_status, error.permanent, error.may_have_taken_effect) == (200, False, True)


def test_response_of_maximum_length_is_read() -> None:
    body = b'{"big_picture_id": "1"}'
    assert upload(answer(200, body + b" " * (MAX_RESPONSE_BYTES - len(body))))[0] == "1"


def test_chunked_response_is_read() -> None:
    chunks = b"9\r\n" + b'{"big_pic' + b"\r\nb\r\n" + b'ture_id":"7' + b"\r\n2\r\n" + b'"}' + b"\r\n0\r\n\r\n"
    assert upload(send(CHUNKED + chunks))[0] == "7"


@pytest.mark.parametrize("status", [200, 302, 400, 500])
def test_body_of_60_mb_is_not_read(status: int) -> None:
    head = f"HTTP/1.1 {status} X\r\nLocation: /x\r\nContent-Length: 60000000\r\n\r\n".encode()
    with little_memory():
        error, server = upload([send(head), flood(60_000_000)])
    assert isinstance(error, UnreadableAnswerError if status == 200 else OppoImageError)
    assert error.http_status == status
    # The rest is what the kernel's buffers hold.
    assert server.taken < 20_000_000


@pytest.mark.parametrize("status", [200, 302])
def test_gzip_bomb_is_not_unpacked(status: int) -> None:
    bomb = gzip_bomb(status)
    with little_memory():
        error, _ = upload(bomb)
    assert isinstance(error, UnreadableAnswerError if status == 200 else RequestRefusedError)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_encoded_response_is_unreadable(encoding: str) -> None:
    error, _ = upload(answer(200, {"big_picture_id": "1"}, Content_Encoding=encoding))
    assert isinstance(error, UnreadableAnswerError)
    assert "encoded" in str(error)


def test_identity_encoding_is_readable() -> None:
    assert upload(answer(200, {"big_picture_id": "1"}, Content_Encoding=" Identity"))[0] == "1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    with FaultServer(GOOD) as other:
        error, server = upload(answer(status, b"", Location=other.url + "/v4/image/oppo"), retry_budget=5)
        assert other.accepted == 0
    assert isinstance(error, RequestRefusedError)
    assert "redirect" in str(error)
    assert (error.http_status, error.permanent, len(server.requests)) == (status, True, 1)


def test_redirect_to_invalid_url_is_not_followed() -> None:
    error, _ = upload(send(b"HTTP/1.1 302 Found\r\nLocation: http://\xff[\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(error, RequestRefusedError)


@pytest.mark.parametrize("status", [502, 404])
def test_error_page_is_read_by_status(status: int) -> None:
    error, _ = upload(answer(status, b"<html>Bad gateway</html>", Content_Type="text/html"))
    assert isinstance(error, ServiceUnavailableError if status == 502 else RequestRefusedError)
    assert (error.http_status, error.code, error.permanent) == (status, None, status == 404)


@pytest.mark.parametrize(
    "reply",
    [pytest.param(stall, id="no response"), pytest.param([send(HEAD[:20]), stall], id="half a header"),
     pytest.param([send(HEAD), stall], id="no body"),
     pytest.param(drip(HEAD * 100), id="a byte of a header now and then"),
     pytest.param([send(HEAD), drip(b" " * 1000)], id="a byte of the body now and then"),
     pytest.param([send(CHUNKED), drip(b"1\r\n \r\n" * 20)], id="a chunk now and then")],
)  # fmt: skip
def test_slow_server_is_stopped(reply: Reply) -> None:
    with soon(), FaultServer(reply) as server, client_for(server, timeouts=QUICK) as client:
        error = attempt(lambda: client.upload("big", URL))
    assert isinstance(error, OutcomeUnknownError)
    assert (error.permanent, error.may_have_taken_effect, error.attempts) == (False, True, 1)
    assert "0.5 s" in str(error)


@pytest.mark.parametrize(("reply", "timeouts"), [(stall, TransportOptions(20, 0.2, 20)), (headers_without_end, QUICK)])
def test_silence_and_endless_headers_are_stopped(reply: Reply, timeouts: TransportOptions) -> None:
    with soon(), little_memory():
        error, _ = upload(reply, timeouts=timeouts)
    assert isinstance(error, OutcomeUnknownError)


def test_missing_handshake_is_stopped() -> None:
    with soon(), FaultServer(GOOD, greeting=stall) as server:
        error = attempt(lambda: client_for(f"https://127.0.0.1:{server.port}", timeouts=QUICK).upload("big", URL))
    assert isinstance(error, NotSentError)


def test_connection_that_is_not_accepted_is_stopped() -> None:
    timeouts = TransportOptions(0.3, 20, 20)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        crowd = [socket.socket() for _ in range(4)]
        for waiting in crowd:
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with soon():
            error = attempt(lambda: client_for(url, timeouts=timeouts).upload("big", URL))
        for waiting in crowd:
            waiting.close()
    assert isinstance(error, NotSentError)
    assert (error.permanent, error.may_have_taken_effect) == (False, False)


def test_resolver_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [silence.wait(10)])
    with soon():
        error = attempt(lambda: client_for("https://service.example.com", timeouts=QUICK).upload("big", URL))
    silence.set()
    assert isinstance(error, NotSentError)


def test_closed_port_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = attempt(lambda: client_for(f"http://127.0.0.1:{port}").upload("big", URL))
    assert isinstance(error, NotSentError)
    assert "Connection refused" in str(error)
    assert not error.may_have_taken_effect


def test_unknown_host_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    error = attempt(lambda: client_for("https://service.example.com").upload("big", URL))
    assert isinstance(error, NotSentError)
    assert "Name or service not known" in str(error)


@pytest.mark.parametrize(
    "reply",
    [pytest.param(reset, id="reset before the response"),
     pytest.param([send(HEAD[:20]), reset], id="reset in the headers"),
     pytest.param([send(HEAD + b"{"), reset], id="reset in the body"),
     pytest.param(close, id="closed before the response"),
     pytest.param([send(HEAD + b"{"), close], id="closed in the body"),
     pytest.param([send(HEAD + b'{"big_picture_id": "1_a"}'), close], id="closed where the body could end"),
     pytest.param(send(b"\x00\x01\x02 nonsense\r\n\r\n"), id="no HTTP"),
     pytest.param([send(CHUNKED + b"zz\r\n\xff"), close], id="no chunks")],
)  # fmt: skip
def test_broken_response_is_outcome_unknown(reply: Reply) -> None:
    error, _ = upload(reply)
    assert isinstance(error, OutcomeUnknownError)
    assert (error.permanent, error.may_have_taken_effect, error.scope) == (False, True, "request")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(close, "RemoteDisconnected"), ([send(HEAD[:20]), reset], "Connection reset by peer"),
     ([send(HEAD + b"{"), close], "IncompleteRead")],
)  # fmt: skip
def test_broken_response_has_first_cause(reply: Reply, reason: str) -> None:
    assert f"({reason})" in str(upload(reply)[0])


def test_immediate_reset_is_transport_error() -> None:
    with FaultServer(GOOD, greeting=reset) as server:
        assert isinstance(attempt(lambda: client_for(server).upload("big", URL)), TransportError)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_invalid_certificate_is_not_sent(tls: ssl.SSLContext) -> None:
    with FaultServer(GOOD, tls=tls) as server, client_for(server, retry_budget=5) as client:
        error = attempt(lambda: client.upload("big", URL))
    assert isinstance(error, NotSentError)
    assert (error.permanent, error.attempts, server.requests) == (True, 1, [])


@pytest.fixture
def trusted(
    tls: ssl.SSLContext, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return tls


def test_ca_bundle_of_environment_is_used(trusted: ssl.SSLContext) -> None:
    with FaultServer(GOOD, tls=trusted) as server, client_for(server) as client:
        assert client.upload("big", URL) == "1_a"


@pytest.mark.parametrize("reply", [stall, drip(HEAD * 100), [send(HEAD), drip(b" " * 1000)]])
def test_slow_server_over_tls_is_stopped(reply: Reply, trusted: ssl.SSLContext) -> None:
    with soon(), FaultServer(reply, tls=trusted) as server, client_for(server, timeouts=QUICK) as client:
        error = attempt(lambda: client.upload("big", URL))
    assert isinstance(error, OutcomeUnknownError)


@pytest.mark.parametrize("reply", [[break_tls, close], [send(HEAD), break_tls, close]])
def test_broken_tls_is_outcome_unknown(reply: Reply, trusted: ssl.SSLContext) -> None:
    with FaultServer(reply, tls=trusted) as server, client_for(server) as client:
        error = attempt(lambda: client.upload("big", URL))
    assert len(server.requests) == 1
    assert isinstance(error, OutcomeUnknownError)


def test_missing_ca_bundle_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(ConfigurationError, match=r"/nowhere/ca\.pem") as caught:
        client_for("https://127.0.0.1:1")
    # Error trackers show local variables.
    assert SECRET not in repr([entry.frame.f_locals for entry in caught.traceback[1:]])


@pytest.mark.parametrize(("greeting", "permanent"), [(send(HEAD + b"\r\n"), True), (reset, False), (close, False)])
def test_failed_handshake_is_not_sent(greeting: Any, permanent: bool) -> None:
    with FaultServer(GOOD, greeting=greeting) as server:
        error = attempt(lambda: client_for(f"https://127.0.0.1:{server.port}").upload("big", URL))
    assert isinstance(error, NotSentError)
    assert (error.permanent, "Write http://" in str(error)) == (permanent, permanent)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "reply",
    [pytest.param(refusal(23100, 500), id="23100"), pytest.param(refusal(27000, 500), id="27000"),
     pytest.param(refusal(23008, 400), id="23008"), pytest.param(answer(429), id="429"),
     pytest.param(answer(500), id="500"), pytest.param(answer(502, b"<html>"), id="502"),
     pytest.param(answer(503), id="503"), pytest.param(reset, id="reset"),
     pytest.param([send(HEAD), reset], id="reset in the response"), pytest.param(close, id="closed"),
     pytest.param(answer(200, {}), id="no id")],
)  # fmt: skip
def test_transient_error_is_retried(reply: Reply) -> None:
    picture_id, server = upload(reply, GOOD, retry_budget=10)
    assert picture_id == "1_a"
    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body


@pytest.mark.usefixtures("at_once")
def test_timeout_is_retried() -> None:
    assert upload(stall, GOOD, retry_budget=10, timeouts=QUICK)[0] == "1_a"


@pytest.mark.parametrize("code", [code for code, row in ERROR_CODES.items() if row.permanent])
def test_permanent_error_is_not_retried(code: int) -> None:
    error, server = upload(refusal(code, ERROR_CODES[code].status), GOOD, retry_budget=10)
    assert isinstance(error, OppoImageError)
    assert (error.code, error.permanent, error.attempts, len(server.requests)) == (code, True, 1, 1)


@pytest.mark.parametrize("size", [b"-5", b"-1;x=y", b"-0x5", b"", b"5_0", b"+5"])
def test_malformed_chunk_has_unknown_outcome(size: bytes) -> None:
    error, _ = push([send(CHUNKED + size + b"\r\n{}\r\n0\r\n\r\n"), close], retry_budget=0)
    assert isinstance(error, OutcomeUnknownError | UnreadableAnswerError)
    assert SECRET not in repr((error, error.__cause__, error.__context__))


@pytest.mark.parametrize(
    "unexpected", [RuntimeError("can't start new thread"), MemoryError(), KeyError(SECRET), ValueError(BASE64)]
)
def test_unexpected_exception_does_not_leave_the_client(unexpected: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise unexpected

    monkeypatch.setattr("urllib3.HTTPConnectionPool.urlopen", fail)
    error = attempt(lambda: client_for("http://127.0.0.1:1").upload("big", URL))
    assert isinstance(error, NotSentError)
    hidden = SECRET in str(unexpected) or BASE64 in str(unexpected)
    assert error.__cause__ is (None if hidden else unexpected)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("replies", "requests", "permanent"),
    [((answer(200, {}), answer(200, b"<p>")), 2, False), ((answer(200, {}), answer(503), answer(200, {})), 3, False),
     ((refusal(21009, 400),), 2, True), ((refusal(11, 200),), 2, True), ((refusal(22, 200),), 2, True)],
)  # fmt: skip
def test_error_that_is_retried_once_ends_the_call(replies: tuple[Reply, ...], requests: int, permanent: bool) -> None:
    error, server = upload(*replies, retry_budget=60)
    assert isinstance(error, OppoImageError)
    assert (len(server.requests), error.permanent) == (requests, permanent)


def test_retries_end_with_budget(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)
    error, server = upload(refusal(23100, 500), retry_budget=10)
    assert isinstance(error, ServiceUnavailableError)
    assert clock.sleeps == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert error.attempts == len(server.requests) == 6


def test_rate_limiter_slows_down_after_rate_limit_error(at_once: None) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100))
    picture_id, server = upload(
        refusal(23008, 400), refusal(23100, 500), GOOD, retry_budget=60, rate_limiter=rate_limiter
    )
    assert (picture_id, len(server.requests)) == ("1_a", 3)
    assert rate_limiter.current_rate < 95


def test_rate_limiter_ignores_other_errors(at_once: None) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100))
    before = rate_limiter.current_rate
    upload(refusal(23100, 500), GOOD, retry_budget=60, rate_limiter=rate_limiter)
    assert rate_limiter.current_rate >= before


@pytest.mark.parametrize(("code", "status", "level"), [(23008, 400, "DEBUG"), (23100, 500, "WARNING")])
def test_retry_is_logged_at_level(
    code: int, status: int, level: str, at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "airflow_provider_oppo_image")
    upload(refusal(code, status), GOOD, retry_budget=60, rate_limiter=RateLimiter(AdaptiveRate(100)))
    (record,) = [record for record in caplog.records if "Attempt 1 failed" in record.message]
    assert (record.levelname, str(code) in record.message) == (level, True)


def test_closed_rate_limiter_sends_nothing() -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100))
    rate_limiter.close()
    error, server = upload(GOOD, retry_budget=60, rate_limiter=rate_limiter)
    assert isinstance(error, NotSentError)
    assert (server.requests, error.attempts) == ([], 0)


def test_closed_rate_limiter_ends_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    rate_limiter = RateLimiter(AdaptiveRate(100))
    with FaultServer(answer(429, {}, Retry_After="50"), GOOD) as server:
        client = client_for(server, retry_budget=100, rate_limiter=rate_limiter)
        threading.Timer(0.2, rate_limiter.close).start()
        assert isinstance(attempt(lambda: client.upload("big", URL)), NotSentError)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("at_once")
def test_retry_after_is_observed() -> None:
    start = time.monotonic()
    picture_id, server = upload(answer(503, b"", Retry_After="1"), GOOD, retry_budget=10)
    assert time.monotonic() - start >= 1
    assert (picture_id, len(server.requests)) == ("1_a", 2)


@pytest.mark.usefixtures("at_once")
def test_retry_after_may_be_a_date(clock: Clock) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
    upload(answer(503, b"", Retry_After=email.utils.format_datetime(later, usegmt=True)), GOOD, retry_budget=90)
    assert clock.sleeps == [pytest.approx(60, abs=10)]


@pytest.mark.parametrize("wait", ["86400", "100000000000"])
def test_retry_after_beyond_budget_is_raised(wait: str) -> None:
    with soon():
        error, server = upload(answer(429, b"", Retry_After=wait), GOOD, retry_budget=10)
    assert isinstance(error, RateLimitedError)
    assert (error.retry_after, error.permanent, len(server.requests)) == (86_400.0, False, 1)


def test_daily_limit_is_raised_with_retry_after() -> None:
    error, server = upload(refusal(34, 200), GOOD, retry_budget=3600)
    assert isinstance(error, AccountError)
    assert (error.permanent, error.retry_after, len(server.requests)) == (False, 3600.0, 1)


@pytest.mark.parametrize(("code", "status"), [(23002, 400), (21003, 400)])
def test_check_credentials_sends_empty_upload(code: int, status: int) -> None:
    with FaultServer(refusal(code, status)) as server, client_for(server) as client:
        client.check_credentials()
    assert server.requests[0].json == {}


def test_check_credentials_does_not_retry() -> None:
    with FaultServer(refusal(23100, 500)) as server, client_for(server, retry_budget=10) as client:
        with pytest.raises(ServiceUnavailableError):
            client.check_credentials()
        assert len(server.requests) == 1


def push(*replies: Reply, body: Any = MESSAGE, until: Any = None, **options: Any) -> tuple[Any, FaultServer]:
    with FaultServer(*replies) as server, client_for(server, **{"retry_budget": 10} | options) as client:
        return attempt(lambda: client.push(PushBody(body).with_cid("c"), until=until)), server


def test_push_returns_message_id() -> None:
    assert push(PUSHED)[0] == PushReceipt("42")
    assert push(answer(200, {"msg_id": 42}))[0] == PushReceipt("42")


@pytest.mark.parametrize(("request_id", "returned"), [("r1", "r1"), (BASE64, None), ("two\nlines", None), (5, None)])
def test_push_logs_message_id_and_request_id(
    request_id: Any, returned: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    receipt, _ = push(answer(200, {"msg_id": "42", "request_id": request_id}))
    assert receipt == PushReceipt("42", returned)
    assert f"message id 42, request id {returned}" in caplog.text


def test_push_warns_of_a_foreign_request_id(caplog: pytest.LogCaptureFixture) -> None:
    push(answer(200, {"msg_id": "42", "request_id": "other"}))
    assert "repeat of another one" in caplog.text


def echo_request_id(line: Connection) -> None:
    assert line.request is not None
    answer(200, {"msg_id": "42", "request_id": line.request.json["request_id"]})(line)


def test_push_does_not_warn_of_its_own_request_id(caplog: pytest.LogCaptureFixture) -> None:
    push(echo_request_id)
    assert "repeat of another one" not in caplog.text


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(reset, id="reset"),
        pytest.param([send(HEAD), close], id="truncated response"),
        pytest.param(refusal(27000, 500), id="the service timed out"),
        pytest.param(answer(200, b"<html>"), id="no JSON"),
    ],
)
def test_push_repeats_the_same_bytes_after_lost_response(lost: Reply) -> None:
    receipt, server = push(lost, PUSHED)
    assert receipt == PushReceipt("42")
    assert server.requests[0].body == server.requests[1].body
    assert server.requests[0].json["body"]["options"]["cid"] == "c"


@pytest.mark.usefixtures("at_once")
def test_push_repeats_after_timeout() -> None:
    assert push(stall, PUSHED, timeouts=QUICK)[0] == PushReceipt("42")


@pytest.mark.usefixtures("at_once")
def test_push_does_not_repeat_after_until() -> None:
    now = datetime.datetime.now(datetime.UTC)
    error, server = push(reset, PUSHED, until=now)
    assert isinstance(error, OutcomeUnknownError)
    assert len(server.requests) == 1
    assert push(reset, PUSHED, until=now + datetime.timedelta(minutes=1))[0] == PushReceipt("42")


@pytest.mark.usefixtures("at_once")
def test_push_repeats_after_unsent_request(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    answers = iter([unknown_host])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kw: next(answers, real)(*args, **kw))
    error, server = push(refusal(23003, 400))
    assert isinstance(error, RequestRefusedError)
    assert (error.attempts, error.earlier_attempt_ambiguous, len(server.requests)) == (2, False, 1)


@pytest.mark.usefixtures("at_once")
def test_ambiguity_outlasts_later_refusals() -> None:
    error, _ = push(reset, refusal(23008, 400), refusal(21011, 400))
    assert isinstance(error, RequestRefusedError)
    assert (error.may_have_taken_effect, error.earlier_attempt_ambiguous, error.attempts) == (False, True, 3)


@pytest.mark.usefixtures("at_once")
def test_push_without_cid_gets_one_for_retries() -> None:
    bare = {"to": "all", "body": {"platform": "all"}}
    with FaultServer(reset, PUSHED) as server, client_for(server, retry_budget=10) as client:
        client.push(PushBody(bare))
    first, second = (request.json["body"]["options"]["cid"] for request in server.requests)
    assert first == second
    assert len(first) == 40
    assert bare == {"to": "all", "body": {"platform": "all"}}


def test_bare_success_has_no_message_id() -> None:
    with FaultServer(answer(200, b"success\n")) as server, client_for(server) as client:
        client.withdraw("1")
        client.validate_push(PushBody(MESSAGE))
        with pytest.raises(UnreadableAnswerError):
            client.push(PushBody(MESSAGE))


def echo_header(line: Connection) -> None:
    """Return an error with the Authorization header."""
    refusal(21003, 400, f"bad header: {authorization(line)}")(line)


def echo_in_html(line: Connection) -> None:
    answer(200, f"<p>{authorization(line)}".encode())(line)


def half_an_echo(line: Connection) -> None:
    """Return truncated JSON, with slashes escaped as PHP does."""
    answer(200, b'{"m":"' + authorization(line).replace("/", r"\/").encode())(line)


def authorization(line: Connection) -> str:
    assert line.request is not None
    return line.request.headers["authorization"]


FAULTS = {
    "refused": refusal(21003, 400),
    "wrong key": refusal(23001, 401),
    "redirect": answer(302, b"", Location="https://elsewhere.example.com"),
    "reset": reset,
    "stall": stall,
    "no HTTP": send(b"nonsense\r\n\r\n"),
    "header echoed": echo_header,
    "header echoed in HTML": echo_in_html,
    "header echoed in half a JSON": half_an_echo,
    "secret echoed": refusal(21003, 400, f"bad secret {SECRET}!"),
    "secret echoed far on": refusal(21003, 400, "x" * 190 + SECRET),
    "secret echoed as an id": answer(200, {"big_picture_id": f"{SECRET} {BASE64}"}),
    "secret echoed in HTML": answer(502, f"<p>{SECRET}".encode()),
    "secret echoed by a bare error": answer(400, {"error": SECRET}),
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("fault", FAULTS)
def test_errors_and_logs_have_no_secret(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    error, _ = upload(FAULTS[fault], retry_budget=0.05, timeouts=QUICK)
    assert isinstance(error, OppoImageError)
    said = "\n".join([caplog.text, *everything_about(error)])
    assert "urllib3" in said
    for secret in (SECRET, BASE64, BASE64.replace("/", r"\/"), SECRET[:10], BASE64[:10]):
        assert secret not in said


@pytest.mark.parametrize("fault", ["unknown host", "not verified"])
def test_errors_of_unsent_requests_have_no_secret(
    fault: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "unknown host":
        monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    with FaultServer(GOOD, tls=tls) as server, client_for(server) as client:
        error = attempt(lambda: client.upload("big", URL))
    said = "\n".join(everything_about(error))
    assert SECRET not in said
    assert BASE64 not in said


def test_error_has_no_query_of_picture() -> None:
    signed = URL + "?signature=abc123"
    with FaultServer(refusal(21003, 400, f"cannot download '{signed}'")) as server, client_for(server) as client:
        error = attempt(lambda: client.upload("big", signed))
    assert server.requests[0].json == {"big_picture_url": signed}
    assert "cannot download" in str(error)
    assert "abc123" not in "\n".join(everything_about(error))


def test_repr_has_no_secret() -> None:
    client = client_for("https://127.0.0.1:1")
    assert repr(client) == f"EngageLabClient(HttpTransport('https://127.0.0.1:1', app_key='{APP_KEY}'))"


def everything_about(error: BaseException | None) -> Iterator[str]:
    """Yield all texts and attributes of an error and its causes."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        for value in (*error.args, *vars(error).values()):
            yield repr(getattr(value, "__dict__", ""))
            yield repr(getattr(value, "headers", ""))
        error = error.__cause__ or error.__context__


def unknown_host(*_: object, **__: object) -> list[Any]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
