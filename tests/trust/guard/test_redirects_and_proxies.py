"""Attacks with redirects, credentials in URLs, ports and proxies."""

from __future__ import annotations

import socket
import ssl
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from airflow_provider_oppo_image.pictures.check import check_picture
from tests.support import artwork
from tests.support.check_entry_points import ENTRY_POINTS
from tests.support.fake_dns import patch_dns
from tests.support.fault_server import FaultServer, answer
from tests.support.listeners import Listeners
from tests.support.picture_host import PictureHost
from tests.support.public_host import NAME, PublicHost
from tests.support.url_probe import UrlProbe
from tests.trust.attack_report import AttackReport
from tests.trust.guard.test_addresses import REFUSED, SECTION

PASSWORD = "hunter2hunter2"


@pytest.mark.parametrize("via_redirect", [False, True])
@pytest.mark.parametrize("userinfo", [f"user:{PASSWORD}@", "user@", f":{PASSWORD}@", "@", f"user:{PASSWORD}%40@"])
def test_credentials_in_a_url_are_refused(
    userinfo: str, via_redirect: bool, probe: UrlProbe, attacks: AttackReport
) -> None:
    outcome = probe.check(f"http://{userinfo}93.184.216.34/big.png", via_redirect=via_redirect)
    failed = not probe.has_connected() and outcome.state == "wrong" and PASSWORD not in str(outcome)
    attacks.require(SECTION, "credentials in a URL", failed, outcome)
    assert "a user name or a password" in outcome.problems[0]


def test_fourth_redirect_is_not_followed(public_host: PublicHost, probe: UrlProbe, attacks: AttackReport) -> None:
    public_host.serve("/3", artwork.png(876, 324))
    for number in range(3):
        public_host.redirect(f"/{number}", f"/{number + 1}")
    assert probe.check(f"{public_host.base_url}/0").problems[0].startswith("876 x 324 px")

    public_host.requests.clear()
    outcome = probe.check(public_host.redirect("/", "/0"))
    attacks.record(SECTION, "more than three redirects", succeeded="/3" in public_host.requests)
    assert outcome.problems[0].startswith("more than 3 redirects")
    assert public_host.requests == ["/", "/0", "/1", "/2"]


def test_redirect_from_https_to_http_is_refused(
    public_host: PublicHost, probe: UrlProbe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, attacks: AttackReport
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(tls)
    target = public_host.serve("/big.png?signature=abc", artwork.png())
    with PublicHost(tls) as secure:
        for location in (target, target.replace("http:", "HTTP:"), probe.url("127.0.0.1")):
            outcome = probe.check(secure.redirect("/", location))
            failed = not probe.has_connected() and public_host.connections == 0
            attacks.require(SECTION, "redirects from https to http", failed, outcome)
            assert outcome.state == "wrong"
            assert outcome.problems[0].startswith("a redirect from https to http")


@pytest.fixture(scope="module")
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


class TestPortScan:
    """An open and a closed port look the same to the author of a URL."""

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.255.255.254", "[::1]", "name.example"])
    @pytest.mark.parametrize("via_redirect", [False, True])
    def test_outcomes_are_equal(
        self, host: str, via_redirect: bool, closed_port: int, probe: UrlProbe, attacks: AttackReport
    ) -> None:
        outcomes = [
            probe.check(url, dns_answers=(["127.0.0.1"],), via_redirect=via_redirect)
            for url in (probe.url(host), f"http://{host}:{closed_port}/big.png?X-Signature=abc")
        ]
        failed = not probe.has_connected() and outcomes == [REFUSED, REFUSED]
        attacks.require(SECTION, "open and closed ports of loopback", failed, outcomes, tried=2)

    @pytest.mark.parametrize("host", ["127.0.0.1", "name.example"])
    def test_times_are_equal(
        self, host: str, closed_port: int, listeners: Listeners, monkeypatch: pytest.MonkeyPatch, attacks: AttackReport
    ) -> None:
        patch_dns(monkeypatch, {"name.example": [["127.0.0.1"]]})
        ports = {"open": listeners.port, "closed": closed_port}
        seconds: dict[str, list[float]] = {"open": [], "closed": []}
        for _ in range(100):  # alternately, so that a busy machine slows down both
            for which, port in ports.items():
                start = time.perf_counter()
                check_picture("big", f"http://{host}:{port}/")
                seconds[which].append(time.perf_counter() - start)
        median = {which: statistics.median(times) for which, times in seconds.items()}
        failed = abs(median["open"] - median["closed"]) <= 0.001 + 0.5 * min(median.values())
        attacks.require(SECTION, "open and closed ports, by the time", failed, median, tried=200)
        assert listeners.accepted() == 0


class TestProxy:
    """The proxy resolves names and decides about them; addresses in the URL are refused before."""

    @pytest.fixture
    def proxy(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureHost]:
        with PictureHost() as proxy:
            proxy.serve("/big.png", artwork.png(876, 324))
            for variable in ("http_proxy", "https_proxy"):
                monkeypatch.setenv(variable, proxy.base_url)
            yield proxy

    def test_name_is_resolved_by_the_proxy(self, proxy: PictureHost, probe: UrlProbe) -> None:
        outcome = probe.check("http://name.example/big.png", dns_answers=(["10.0.0.1"],))
        assert outcome.problems[0].startswith("876 x 324 px")
        assert proxy.requests == ["http://name.example/big.png"]
        assert set(probe.dns_queries) == {"127.0.0.1"}

    def test_refusal_of_the_proxy_is_absent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with FaultServer(answer(403)) as proxy:
            for scheme, problem in (("http", "HTTP status 403"), ("https", "no connection through the proxy")):
                monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
                outcome = ENTRY_POINTS["check_picture"](f"{scheme}://name.example/big.png")
                assert (outcome.state, outcome.problems[0][: len(problem)]) == ("absent", problem)
            lines = [request.line.partition(" HTTP/")[0] for request in proxy.requests]
            assert lines == ["GET http://name.example/big.png", "CONNECT name.example:443"]

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::ffff:7f00:1]", "2130706433", "１２７.０.０.１"]
    )
    def test_address_in_the_url_does_not_reach_the_proxy(
        self, host: str, scheme: str, proxy: PictureHost, probe: UrlProbe, attacks: AttackReport
    ) -> None:
        outcome = probe.check(f"{scheme}://{host}/big.png")
        failed = proxy.connections == 0 and outcome.state == "wrong"
        attacks.require(SECTION, "addresses behind a proxy", failed, outcome)

    def test_address_in_a_redirect_does_not_reach_the_proxy(
        self, proxy: PictureHost, probe: UrlProbe, attacks: AttackReport
    ) -> None:
        proxy.redirect("/", "http://169.254.169.254/latest/meta-data")
        outcome = probe.check("http://name.example/")
        failed = len(proxy.requests) == 1 and outcome == REFUSED
        attacks.require(SECTION, "addresses behind a proxy", failed, (outcome, proxy.requests))

    def test_host_in_no_proxy_is_resolved_here(
        self, proxy: PictureHost, probe: UrlProbe, monkeypatch: pytest.MonkeyPatch, attacks: AttackReport
    ) -> None:
        monkeypatch.setenv("no_proxy", "name.example")
        proxy.redirect("/", probe.url("name.example"))
        urls = (probe.url("name.example"), "http://other.example/")
        outcomes = [probe.check(url, dns_answers=(["127.0.0.1"],)) for url in urls]
        failed = outcomes == [REFUSED, REFUSED] and len(proxy.requests) == 1
        attacks.require(SECTION, "hosts in no_proxy", failed, outcomes, tried=2)
