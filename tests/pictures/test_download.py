"""Address policy, redirects and TLS of downloads, with real sockets on loopback."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from airflow_provider_oppo_image.net.urls import PictureUrl, forbidden_reason
from airflow_provider_oppo_image.pictures import download as download_module
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.pictures.download import download
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.support import artwork
from tests.support.hostile import raising
from tests.support.picture_host import PictureHost

Check = Callable[..., PictureReport]
Names = Callable[..., list[str]]


def verdict(report: PictureReport) -> tuple[str, list[str]]:
    return report.state, [problem.code for problem in report.problems]


REFUSED = ("wrong", ["address_refused"])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Make every name resolve to the given addresses, one list per call; returns the resolved names."""

    def names(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(name: str, port: int, *_: Any, **__: Any) -> list[Any]:
            asked.append(name)
            found = answers[min(len(asked), len(answers)) - 1]
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
                if ":" in address
                else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in found
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return names


@pytest.fixture
def other() -> Iterator[PictureHost]:
    """A host at 127.0.0.2 that must not be contacted."""
    with PictureHost("127.0.0.2") as other:
        other.serve("/", artwork.png())
        yield other


@pytest.fixture
def first_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat 127.0.0.1 as a public address, to test on loopback what happens after it."""

    def judge(address: str, *, allow_private: bool = False) -> str | None:
        return None if address == "127.0.0.1" else forbidden_reason(address, allow_private=allow_private)

    monkeypatch.setattr(download_module, "forbidden_reason", judge)


class TestAddresses:
    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "localhost.", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:7f00:1]"],
    )
    def test_loopback_is_refused_in_any_spelling(self, host: str) -> None:
        with PictureHost() as listening:
            assert verdict(check_picture("big", f"http://{host}:{listening.port}/")) == REFUSED
            assert listening.connections == 0

    def test_open_and_closed_ports_have_the_same_report(self, host: PictureHost) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            closed_port = closed.getsockname()[1]
        for name in ("127.0.0.1", "localhost"):
            opened, shut = (check_picture("big", f"http://{name}:{port}/") for port in (host.port, closed_port))
            assert opened.to_dict() | {"url": ""} == shut.to_dict() | {"url": ""}
            assert verdict(opened) == REFUSED
        assert host.connections == 0

    @pytest.mark.parametrize(
        "address",
        ["127.0.0.1", "10.1.2.3", "169.254.169.254", "168.63.129.16", "100.100.100.200", "64:ff9b::7f00:1",
         "2002:7f00:1::", "fec0::1", "fe80::1%eth0", "::ffff:127.0.0.1", "fd00:ec2::254"],
    )  # fmt: skip
    def test_reports_do_not_reveal_addresses(self, names: Names, address: str) -> None:
        names([address])
        report = check_picture("big", "http://name.example/")
        assert verdict(report) == REFUSED
        assert address not in json.dumps(report.to_dict())
        names(["10.9.9.9"])
        assert report == check_picture("big", "http://name.example/")

    @pytest.mark.parametrize("addresses", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]])
    def test_private_address_among_others_is_refused(
        self, host: PictureHost, names: Names, first_is_public: None, addresses: list[str]
    ) -> None:
        names(addresses)
        assert verdict(check_picture("big", f"http://name.example:{host.port}/")) == REFUSED
        assert host.connections == 0

    def test_name_is_resolved_once(
        self, host: PictureHost, other: PictureHost, names: Names, first_is_public: None
    ) -> None:
        host.serve("/", artwork.png())
        asked = names(["127.0.0.1"], ["127.0.0.2"])
        assert check_picture("big", f"http://name.example:{host.port}/").state == "ready"
        assert asked == ["name.example"]
        assert other.connections == 0

    @pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1%lo"])
    def test_special_addresses_are_always_refused(self, names: Names, check: Check, address: str) -> None:
        names([address])
        assert verdict(check("big", "http://name.example/")) == REFUSED

    def test_addresses_in_the_url_are_refused_behind_a_proxy(
        self, host: PictureHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host.serve("/big.png", artwork.png())
        monkeypatch.setenv("http_proxy", host.base_url)
        assert verdict(check_picture("big", "http://169.254.169.254/latest/meta-data")) == REFUSED
        assert host.connections == 0
        assert check_picture("big", "http://name.invalid/big.png").state == "ready"


def test_deadline_holds_on_other_sockets(host: PictureHost, impatient: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as those to a SOCKS proxy."""
    monkeypatch.delattr("airflow_provider_oppo_image.net.deadline.DeadlineSocket.recv_into")
    report = impatient("big", host.drip("/", artwork.png()[:2000], every=0.01))
    assert verdict(report) == ("absent", ["timed_out"])
    assert host.sent < 1000


class TestRedirects:
    def test_three_are_followed(self, host: PictureHost, check: Check) -> None:
        host.serve("/3", artwork.png())
        host.redirect("/2", "/3", 308)
        host.redirect("/1", host.base_url + "/2?a=b", 307)
        assert check("big", host.redirect("/0", "1", 301)).state == "ready"
        assert host.requests == ["/0", "/1", "/2?a=b", "/3"]

    def test_fourth_redirect_is_not_followed(self, host: PictureHost, check: Check) -> None:
        assert verdict(check("big", host.redirect("/", "/"))) == ("wrong", ["too_many_redirects"])
        assert len(host.requests) == 4

    def test_redirect_path_may_have_spaces_and_letters(self, host: PictureHost, check: Check) -> None:
        host.serve("/gr%C3%B6%C3%9Fe%20x.png", artwork.png())
        url = host.redirect("/", "/größe x.png".encode().decode("latin-1"))
        assert check("big", url).state == "ready"

    @pytest.mark.parametrize(
        ("location", "code"),
        [("http://127.0.0.2:{port}/", "address_refused"), ("http://2130706434:{port}/", "address_refused"),
         ("http://[::ffff:127.0.0.2]:{port}/", "address_refused"), ("//127.0.0.2:{port}/", "address_refused"),
         ("http://name.example:{port}/", "address_refused"),
         ("http://user:secret@127.0.0.2:{port}/", "credentials_in_url"), ("file:///etc/passwd", "bad_url"),
         ("ftp://127.0.0.2:{port}/", "bad_url"), ("http://[::1", "bad_url")],
    )  # fmt: skip
    def test_redirect_target_is_checked(
        self, host: PictureHost, other: PictureHost, names: Names, first_is_public: None, location: str, code: str
    ) -> None:
        host.redirect("/", location.format(port=other.port))
        names(["127.0.0.1"], ["127.0.0.2"])
        report = check_picture("big", f"http://first.example:{host.port}/")
        assert verdict(report) == ("wrong", [code])
        assert "secret" not in json.dumps(report.to_dict())
        assert len(host.requests) == 1
        assert other.connections == 0


class TestTLS:
    @pytest.fixture
    def secure(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PictureHost]:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        with PictureHost(tls=context) as secure:
            yield secure

    def test_unknown_authority_is_wrong(
        self, secure: PictureHost, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        report = check("big", secure.serve("/?signature=secret", artwork.png()))
        assert verdict(report) == ("wrong", ["tls_unverified"])
        assert "secret" not in json.dumps(report.to_dict())
        assert secure.requests == []

    def test_certificate_of_another_host_is_wrong(self, secure: PictureHost, check: Check, names: Names) -> None:
        names(["127.0.0.1"])
        report = check("big", f"https://name.example:{secure.port}/")
        assert verdict(report) == ("wrong", ["tls_unverified"])
        assert secure.requests == []

    def test_host_without_tls_is_wrong(self, host: PictureHost, check: Check) -> None:
        assert verdict(check("big", host.base_url.replace("http:", "https:") + "/")) == (
            "wrong",
            ["tls_unverified"],
        )

    def test_https_is_not_redirected_to_http(self, secure: PictureHost, host: PictureHost, check: Check) -> None:
        url = secure.redirect("/", host.serve("/?signature=secret", artwork.png()))
        report = check("big", url)
        assert verdict(report) == ("wrong", ["insecure_redirect"])
        assert "secret" not in json.dumps(report.to_dict())
        assert host.connections == 0

    def test_http_may_be_redirected_to_https(self, secure: PictureHost, host: PictureHost, check: Check) -> None:
        assert check("big", host.redirect("/", secure.serve("/", artwork.png()))).state == "ready"


def test_should_stop_is_not_called_for_each_small_piece(host: PictureHost) -> None:
    calls: list[int] = []
    url = host.chunked("/", bytes(20_000), size=10)
    found = download(
        PictureUrl.parse(url),
        max_bytes=20_000,
        allow_private_addresses=True,
        should_stop=lambda start: calls.append(len(start)),
    )
    assert found.complete
    assert calls[:3] == [10, 20, 30]
    assert 10 < len(calls) < 100


def test_any_other_exception_is_a_failed_connection(host: PictureHost, check: Check) -> None:
    error = RuntimeError("can't start new thread")
    with raising(threading.Thread, "start", error, only=lambda thread: thread.name.startswith("resolve")):
        report = check("big", host.serve("/big.png", artwork.good("big")))
    assert (report.state, report.problems[0].code) == ("absent", "connection_failed")
