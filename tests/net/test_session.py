from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from airflow_provider_oppo_image.net.deadline import DEFAULT_TIMEOUTS, deadline, remaining
from airflow_provider_oppo_image.net.session import AddressRefusedError, open_session
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
    """Make every name resolve to the given addresses, one list a call; returns the names that were asked for."""

    def resolve(*answers: list[tuple[str, int]]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(name: str, *_: Any, **__: Any) -> list[Answer]:
            asked.append(name)
            found = answers[min(len(asked), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return resolve


@contextmanager
def soon(seconds: float = 3) -> Iterator[None]:
    """Fail when the block takes longer: far longer than its deadlines, far shorter than its timeouts."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def get(url: str, *, permit: Callable[[str], str | None] | None = None, timeout: float = PATIENT) -> bytes:
    with open_session(url, permit=permit) as session:
        return session.get(url, timeout=timeout).content


class TestDeadline:
    def test_a_body_that_drips_ends(self, host: PictureHost) -> None:
        url = host.drip("/", b"x" * 10_000, every=0.01)
        with soon(), pytest.raises(requests.RequestException), deadline(0.2):
            get(url)

    def test_headers_that_drip_end(self, host: PictureHost) -> None:
        def page(handler: Any) -> None:
            handler.send(b"HTTP/1.1 200 OK\r\n")
            while not host.closing.wait(0.01):
                handler.send(b"x")

        with soon(), pytest.raises(requests.RequestException), deadline(0.2):
            get(host.add("/", page))

    def test_a_drip_over_tls_ends(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with trusted_host(monkeypatch, tmp_path) as host:
            url = host.drip("/", b"x" * 10_000, every=0.01).replace("127.0.0.1", "localhost")
            with soon(), pytest.raises(requests.RequestException), deadline(0.3):
                get(url)

    def test_a_handshake_that_never_comes_ends(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
            with soon(), pytest.raises(requests.RequestException), deadline(0.2):
                get(url)

    def test_a_handshake_has_what_is_left_of_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = socket.socket.connect

        def connect(sock: socket.socket, address: Any) -> None:
            time.sleep(0.8)
            real(sock, address)

        with socket.create_server(("127.0.0.1", 0)) as silent:
            monkeypatch.setattr(socket.socket, "connect", connect)
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
            with soon(1.6), pytest.raises(requests.RequestException), deadline(1.0):
                get(url)

    def test_a_handshake_inside_a_proxys_tls_that_drips_ends(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        context = trusted_context(monkeypatch, tmp_path, "localhost")
        tunnel = send(b"HTTP/1.1 200 OK\r\n\r\n")
        with FaultServer([tunnel, drip(b"\x16\x03\x03\x10\x00\x02" + bytes(4000))], tls=context) as proxy:
            monkeypatch.setenv("https_proxy", proxy.url.replace("127.0.0.1", "localhost"))
            with soon(), pytest.raises(requests.RequestException, match="timed out"), deadline(0.3):
                get("https://name.invalid/")
            assert len(proxy.requests) == 1

    def test_a_resolver_that_hangs_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        done = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [done.wait(PATIENT)])
        with soon(), pytest.raises(requests.ConnectTimeout), deadline(0.2):
            get("http://name.test/")
        done.set()

    def test_the_connect_timeout_counts_without_a_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        done = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [done.wait(PATIENT)])
        with soon(), pytest.raises(requests.ConnectTimeout):
            get("http://name.test/", timeout=0.2)
        done.set()

    def test_what_is_in_time_is_not_disturbed(self, host: PictureHost) -> None:
        with deadline(PATIENT):
            assert get(host.drip("/", b"whole", every=0.001)) == b"whole"

    def test_the_shorter_of_two_deadlines_counts(self) -> None:
        with deadline(0.001), deadline(PATIENT):
            time.sleep(0.002)
            with pytest.raises(TimeoutError):
                remaining(None)

    def test_a_deadline_ends_with_its_block(self) -> None:
        with deadline(PATIENT):
            with deadline(0):
                pass
            assert remaining(1) == 1
            left = remaining(None)
            assert left is not None
            assert left <= PATIENT
        assert remaining(None) is None

    def test_a_deadline_is_of_its_thread_alone(self) -> None:
        seen: list[float | None] = []
        with deadline(0):
            thread = threading.Thread(target=lambda: seen.append(remaining(5)))
            thread.start()
            thread.join()
        assert seen == [5]


class TestPermit:
    def test_a_permitted_address_is_connected_to(self, host: PictureHost) -> None:
        judged: list[str] = []
        assert get(host.serve("/", b"yes"), permit=lambda address: judged.append(address)) == b"yes"
        assert judged == ["127.0.0.1"]

    def test_one_forbidden_address_of_two_is_enough_to_refuse(
        self, host: PictureHost, resolve: Callable[..., list[str]]
    ) -> None:
        resolve([("127.0.0.1", host.port), ("127.0.0.2", host.port)])
        with pytest.raises(AddressRefusedError):
            get("http://name.test/", permit=lambda address: "no" if address == "127.0.0.2" else None)
        assert host.connections == 0

    def test_a_name_is_resolved_once_so_that_the_judged_address_is_the_connected_one(
        self, host: PictureHost, resolve: Callable[..., list[str]]
    ) -> None:
        host.serve("/", b"judged")
        with PictureHost("127.0.0.2") as other:
            asked = resolve([("127.0.0.1", host.port)], [("127.0.0.2", other.port)])
            content = get("http://name.test/", permit=lambda address: "no" if address == "127.0.0.2" else None)
            assert content == b"judged"
            assert asked == ["name.test"]
            assert other.connections == 0

    def test_a_peer_that_was_not_judged_is_refused(self, host: PictureHost, resolve: Callable[..., list[str]]) -> None:
        # Linux takes a connection to 0.0.0.0 to loopback.
        resolve([("0.0.0.0", host.port)])
        with pytest.raises(AddressRefusedError):
            get("http://name.test/", permit=lambda _: None)

    def test_host_and_server_name_stay_the_urls(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, resolve: Callable[..., list[str]]
    ) -> None:
        with trusted_host(monkeypatch, tmp_path, "name.test") as host:
            host.serve("/", b"yes")
            resolve([("127.0.0.1", host.port)])
            assert get("https://name.test/", permit=lambda _: None) == b"yes"
            assert host.headers[0]["Host"] == "name.test"


class TestConnecting:
    def test_the_next_address_is_tried_when_one_does_not_answer(
        self, host: PictureHost, resolve: Callable[..., list[str]]
    ) -> None:
        host.serve("/", b"yes")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        resolve([("127.0.0.1", port), ("127.0.0.1", host.port)])
        assert get("http://name.test/") == b"yes"

    def test_the_next_address_is_tried_when_this_machine_cannot_speak_its_family(
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
    def test_what_can_be_no_name_is_an_unknown_host(self, name: str) -> None:
        with pytest.raises(requests.RequestException):
            get(f"http://{name}/")

    def test_ipv6_works(self) -> None:
        with PictureHost("::1") as host:
            assert get(host.serve("/", b"yes"), permit=lambda _: None) == b"yes"


class TestEnvironment:
    def test_behind_a_proxy_the_proxy_resolves_and_decides(
        self, host: PictureHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host.serve("/big.png", b"by proxy")
        monkeypatch.setenv("http_proxy", host.base_url)
        assert get("http://name.invalid/big.png", permit=lambda _: "forbidden") == b"by proxy"
        assert host.requests == ["http://name.invalid/big.png"]

    def test_hosts_that_need_no_proxy_are_judged(self, host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", host.base_url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with pytest.raises(AddressRefusedError):
            get(host.base_url, permit=lambda _: "forbidden")
        assert host.connections == 0

    def test_netrc_is_not_read(self, host: PictureHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
        monkeypatch.setenv("NETRC", str(netrc))
        get(host.serve("/"))
        assert "Authorization" not in host.headers[0]

    def test_a_certificate_of_an_authority_nobody_knows_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with trusted_host(monkeypatch, tmp_path) as host:
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
            with pytest.raises(requests.exceptions.SSLError):
                get(host.serve("/").replace("127.0.0.1", "localhost"))
            assert host.requests == []

    def test_no_default_waits_for_ever(self) -> None:
        assert DEFAULT_TIMEOUTS.connect <= DEFAULT_TIMEOUTS.read <= DEFAULT_TIMEOUTS.total < 120


@contextmanager
def trusted_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str = "localhost") -> Iterator[PictureHost]:
    """A host with a certificate for a name, of an authority that the environment trusts."""
    with PictureHost(tls=trusted_context(monkeypatch, tmp_path, name)) as host:
        yield host


def trusted_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> ssl.SSLContext:
    """A certificate for a name, of an authority that the environment trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("status", [100, 102, 103])
def test_an_interim_answer_is_passed_over(status: int) -> None:
    interim = send(f"HTTP/1.1 {status} Wait\r\nLink: x\r\n\r\n".encode())
    with (
        FaultServer([interim, interim, answer(200, b"1")], answer(200, b"2")) as server,
        open_session(server.url) as session,
    ):
        assert [session.get(server.url, timeout=PATIENT).content for _ in range(2)] == [b"1", b"2"]
        assert server.accepted == 1


def test_a_switch_to_another_protocol_is_no_answer() -> None:
    switch = send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")
    with FaultServer(switch, answer(200, b"2")) as server, open_session(server.url) as session:
        with pytest.raises(requests.ConnectionError):
            session.get(server.url, timeout=PATIENT)
        assert session.get(server.url, timeout=PATIENT).content == b"2"


def test_a_redirects_body_is_not_read() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 60000000\r\n\r\n"
    with FaultServer([send(head), flood(60_000_000)]) as server, open_session(server.url) as session:
        with session.get(server.url, stream=True, allow_redirects=False, timeout=PATIENT) as response:
            assert response.headers["Location"] == "/elsewhere"
        assert session.get(server.url, stream=True, timeout=PATIENT).status_code == 302
    assert server.taken < 40_000_000


def test_a_session_keeps_no_cookie() -> None:
    with FaultServer(answer(200, b"", Set_Cookie="a=b")) as server, open_session(server.url) as session:
        for _ in range(2):
            session.get(server.url, timeout=PATIENT)
    assert "cookie" not in server.requests[1].headers
