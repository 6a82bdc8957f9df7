from __future__ import annotations

import inspect
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from airflow_provider_oppo_image.net.connections import AddressPolicy, AddressRefusedError
from airflow_provider_oppo_image.net.deadline import TransportOptions, deadline, remaining
from airflow_provider_oppo_image.net.session import encode_path, exception_chain, open_session
from tests.support.fake_dns import patch_dns
from tests.support.fault_server import FaultServer, answer, drip, flood, send
from tests.support.picture_host import PictureHost

PATIENT = 30

Answer = tuple[Any, ...]


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with PictureHost() as host:
        yield host


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make every name resolve to the given addresses, one list per call. Returns the resolved names."""

    def resolve(*answers: list[tuple[str, int]]) -> list[str]:
        resolved: list[str] = []

        def getaddrinfo(name: str, *_: Any, **__: Any) -> list[Answer]:
            resolved.append(name)
            found = answers[min(len(resolved), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return resolved

    return resolve


@contextmanager
def soon(seconds: float = 3) -> Iterator[None]:
    """Fail if the block takes longer, which is far longer than its deadlines and far shorter than PATIENT."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def get(url: str, *, address_policy: AddressPolicy | None = None, timeout: float = PATIENT) -> bytes:
    with open_session(url, TransportOptions(timeout, timeout, timeout), address_policy=address_policy) as session:
        return session.request_once("GET", encode_path(url), {}).read()


class TestDeadline:
    def test_slow_body_is_stopped(self, host: PictureHost) -> None:
        url = host.drip("/", b"x" * 10_000, every=0.01)
        with soon(), pytest.raises(HTTPError), deadline(0.2):
            get(url)

    def test_slow_headers_are_stopped(self, host: PictureHost) -> None:
        def page(handler: Any) -> None:
            handler.send(b"HTTP/1.1 200 OK\r\n")
            while not host.closing.wait(0.01):
                handler.send(b"x")

        with soon(), pytest.raises(HTTPError), deadline(0.2):
            get(host.add("/", page))

    def test_slow_body_over_tls_is_stopped(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with trusted_host(monkeypatch, tmp_path) as host:
            url = host.drip("/", b"x" * 10_000, every=0.01).replace("127.0.0.1", "localhost")
            with soon(), pytest.raises(HTTPError), deadline(0.3):
                get(url)

    def test_missing_handshake_is_stopped(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
            with soon(), pytest.raises(HTTPError), deadline(0.2):
                get(url)

    def test_handshake_gets_remaining_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = socket.socket.connect

        def connect(sock: socket.socket, address: Any) -> None:
            time.sleep(0.8)
            real(sock, address)

        with socket.create_server(("127.0.0.1", 0)) as silent:
            monkeypatch.setattr(socket.socket, "connect", connect)
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
            with soon(1.6), pytest.raises(HTTPError), deadline(1.0):
                get(url)

    def test_slow_handshake_through_https_proxy_is_stopped(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        context = trusted_context(monkeypatch, tmp_path, "localhost")
        tunnel = send(b"HTTP/1.1 200 OK\r\n\r\n")
        with FaultServer([tunnel, drip(b"\x16\x03\x03\x10\x00\x02" + bytes(4000))], tls=context) as proxy:
            monkeypatch.setenv("https_proxy", proxy.url.replace("127.0.0.1", "localhost"))
            with soon(), pytest.raises(HTTPError, match="timed out"), deadline(0.3):
                get("https://name.invalid/")
            assert len(proxy.requests) == 1

    @pytest.mark.parametrize(("total", "connect"), [(0.2, PATIENT), (PATIENT, 0.2)])
    def test_resolver_that_hangs_is_stopped(
        self, monkeypatch: pytest.MonkeyPatch, total: float, connect: float
    ) -> None:
        done = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [done.wait(PATIENT)])
        with soon(), pytest.raises(ConnectTimeoutError), deadline(total):
            get("http://name.test/", timeout=connect)
        done.set()

    def test_session_applies_read_timeout(self, host: PictureHost) -> None:
        with soon(), pytest.raises(ReadTimeoutError):
            get(host.stall("/"), timeout=0.2)

    def test_shorter_deadline_applies(self) -> None:
        with deadline(0.001), deadline(PATIENT):
            time.sleep(0.002)
            with pytest.raises(TimeoutError):
                remaining(None)

    def test_deadline_ends_with_block(self) -> None:
        with deadline(PATIENT):
            with deadline(0):
                pass
            assert remaining(1) == 1
            left = remaining(None)
            assert left is not None
            assert left <= PATIENT
        assert remaining(None) is None

    def test_deadline_applies_to_its_thread_only(self) -> None:
        seen: list[float | None] = []
        with deadline(0):
            thread = threading.Thread(target=lambda: seen.append(remaining(5)))
            thread.start()
            thread.join()
        assert seen == [5]


class TestAddressPolicy:
    def test_allowed_address_is_connected_to(self, host: PictureHost) -> None:
        checked: list[str] = []
        assert get(host.serve("/", b"yes"), address_policy=lambda address: checked.append(address)) == b"yes"
        assert checked == ["127.0.0.1"]

    def test_unchecked_peer_is_refused(self, host: PictureHost, resolve: Callable[..., list[str]]) -> None:
        # Linux routes a connection to 0.0.0.0 to loopback.
        resolve([("0.0.0.0", host.port)])
        with pytest.raises(AddressRefusedError):
            get("http://name.test/", address_policy=lambda _: None)

    def test_host_header_and_sni_are_those_of_url(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, resolve: Callable[..., list[str]]
    ) -> None:
        with trusted_host(monkeypatch, tmp_path, "name.test") as host:
            host.serve("/", b"yes")
            resolve([("127.0.0.1", host.port)])
            assert get("https://name.test/", address_policy=lambda _: None) == b"yes"
            assert host.headers[0]["Host"] == "name.test"


class TestConnecting:
    def test_next_address_is_tried_after_refusal(self, host: PictureHost, resolve: Callable[..., list[str]]) -> None:
        host.serve("/", b"yes")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        resolve([("127.0.0.1", port), ("127.0.0.1", host.port)])
        assert get("http://name.test/") == b"yes"

    def test_next_address_is_tried_after_unsupported_family(
        self, host: PictureHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host.serve("/", b"yes")
        answers = [
            (255, socket.SOCK_STREAM, 6, "", ("::1", host.port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", host.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
        assert get("http://name.test/") == b"yes"

    @pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".test"])
    def test_invalid_name_is_unknown_host(self, name: str) -> None:
        with pytest.raises(NameResolutionError):
            get(f"http://{name}/")

    def test_ipv6_address_is_connected_to(self) -> None:
        with PictureHost("::1") as host:
            assert get(host.serve("/", b"yes"), address_policy=lambda _: None) == b"yes"


class TestEnvironment:
    def test_proxy_resolves_name_without_policy(self, host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
        host.serve("/big.png", b"by proxy")
        monkeypatch.setenv("http_proxy", host.base_url)
        assert get("http://name.invalid/big.png", address_policy=lambda _: "forbidden") == b"by proxy"
        assert host.requests == ["http://name.invalid/big.png"]

    def test_policy_applies_to_no_proxy_hosts(self, host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", host.base_url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with pytest.raises(AddressRefusedError):
            get(host.base_url, address_policy=lambda _: "forbidden")
        assert host.connections == 0

    def test_netrc_is_not_read(self, host: PictureHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
        monkeypatch.setenv("NETRC", str(netrc))
        get(host.serve("/"))
        assert "Authorization" not in host.headers[0]


@contextmanager
def trusted_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str = "localhost") -> Iterator[PictureHost]:
    """Start a host with a certificate for a name, issued by a CA that the environment trusts."""
    with PictureHost(tls=trusted_context(monkeypatch, tmp_path, name)) as host:
        yield host


def trusted_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> ssl.SSLContext:
    """Return a TLS context with a certificate for a name, issued by a CA that the environment trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("status", [100, 102, 103])
def test_interim_response_is_skipped(status: int) -> None:
    interim = send(f"HTTP/1.1 {status} Wait\r\nLink: x\r\n\r\n".encode())
    with (
        FaultServer([interim, interim, answer(200, b"1")], answer(200, b"2")) as server,
        open_session(server.url) as session,
    ):
        assert [session.request_once("GET", "/", {}).read() for _ in range(2)] == [b"1", b"2"]
        assert server.accepted == 1


def test_protocol_switch_is_an_error() -> None:
    switch = send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")
    with FaultServer(switch, answer(200, b"2")) as server, open_session(server.url) as session:
        with pytest.raises(ProtocolError):
            session.request_once("GET", "/", {})
        assert session.request_once("GET", "/", {}).read() == b"2"


def test_body_of_redirect_is_not_read() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 60000000\r\n\r\n"
    with FaultServer([send(head), flood(60_000_000)]) as server, open_session(server.url) as session:
        with session.request_once("GET", "/", {}) as response:
            assert response.headers["Location"] == "/elsewhere"
        assert session.request_once("GET", "/", {}).status == 302
    assert server.taken < 40_000_000


def test_session_keeps_no_cookie() -> None:
    with FaultServer(answer(200, b"", Set_Cookie="a=b")) as server, open_session(server.url) as session:
        for _ in range(2):
            session.request_once("GET", "/", {}).drain_conn()
    assert "cookie" not in server.requests[1].headers


def test_exception_chain_follows_all_links_once() -> None:
    root, context = OSError("root"), KeyError("context")
    root.__context__ = context
    context.__context__ = root
    reason = MaxRetryError(HTTPConnectionPool("a"), "/", reason=root)
    outer = requests.ConnectionError(reason)
    outer.__cause__ = reason
    assert exception_chain(outer) == [outer, reason, root, context]


def head_with(number: int, *lines: str) -> bytes:
    extra = "".join(f"X-Edge-{count}: 1\r\n folded\r\n" for count in range(number))
    return f"HTTP/1.1 200 OK\r\n{extra}{''.join(lines)}Content-Length: 2\r\n\r\nok".encode()


@pytest.mark.parametrize("number", [0, 64, 99, 500, 5_000])
def test_many_headers(number: int) -> None:
    response = head_with(number, "Retry-After: 5\r\n", "ETag: x\r\n")
    with FaultServer(send(response)) as server, open_session(server.url) as session:
        answer = session.request_once("GET", "/", {})
        assert (answer.read(), answer.headers["Retry-After"], answer.headers["ETag"]) == (b"ok", "5", "x")
        assert len(answer.headers) <= 70


@pytest.mark.parametrize("response", [head_with(20_000), head_with(0, *["ETag: x\r\n"] * 120)])
def test_too_long_head_is_an_error(response: bytes) -> None:
    with (
        FaultServer(send(response)) as server,
        open_session(server.url) as session,
        pytest.raises(ProtocolError),
    ):
        session.request_once("GET", "/", {})


class TestUnderscore:
    """OpenSSL matches no wildcard with such a name; browsers do."""

    @pytest.fixture(autouse=True)
    def dns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ("my_bucket.cdn.example.com", "my_bucket.example.org", "a.my_bucket.cdn.example.com")
        patch_dns(monkeypatch, {name: [["127.0.0.1"]] for name in names})

    def test_wildcard_certificate(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with trusted_host(monkeypatch, tmp_path, "*.cdn.example.com") as host:
            assert get(host.serve("/", b"ok").replace("127.0.0.1", "my_bucket.cdn.example.com")) == b"ok"

    @pytest.mark.parametrize("name", ["my_bucket.example.org", "a.my_bucket.cdn.example.com"])
    def test_other_name(self, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with trusted_host(monkeypatch, tmp_path, "*.cdn.example.com") as host:
            with pytest.raises(SSLError) as caught:
                get(host.serve("/").replace("127.0.0.1", name))
            assert host.requests == []
        assert any(isinstance(cause, ssl.SSLCertVerificationError) for cause in exception_chain(caught.value))

    def test_unknown_ca(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with trusted_host(monkeypatch, tmp_path, "*.cdn.example.com") as host:
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
            with pytest.raises(SSLError):
                get(host.serve("/").replace("127.0.0.1", "my_bucket.cdn.example.com"))
            assert host.requests == []


def test_names_that_are_overridden_exist() -> None:
    """`net/connections.py` and `net/session.py` override these, or set them; they are not all public."""
    names = {
        HTTPConnection: ("_new_conn", "_tunnel", "connect", "getresponse", "response_class", "send"),
        HTTPConnectionPool: ("ConnectionCls",),
        HTTPAdapter: ("build_connection_pool_key_attributes", "cert_verify", "init_poolmanager", "proxy_manager_for"),
    }
    assert not [
        f"{owner.__name__}.{name}"
        for owner, all_of_it in names.items()
        for name in all_of_it
        if not hasattr(owner, name)
    ]
    assert hasattr(HTTPConnection("localhost"), "_tunnel_host")
    assert hasattr(PoolManager(), "pool_classes_by_scheme")
    assert list(inspect.signature(HTTPAdapter.build_connection_pool_key_attributes).parameters)[1:] == [
        "request",
        "verify",
        "cert",
    ]


@pytest.mark.parametrize("name", ["requests", "urllib3"])
def test_installed_major_is_the_one_that_is_overridden(name: str) -> None:
    """A new major version fails here first. Compare its connections with ours before the upper bound is raised."""
    assert version(name).split(".")[0] == "2"
    declared = [
        line
        for line in metadata("airflow-provider-oppo-image").get_all("Requires-Dist", [])
        if re.match(rf"{name}\W", line)
    ]
    assert "<3" in declared[0]
