"""Nobody is let in: redirects, passwords, ports and proxies."""

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
from airflow_provider_oppo_image.pictures.rules import ADDRESS_REFUSED
from tests.support import artwork
from tests.support.doors import DOORS, Seen
from tests.support.fault_server import FaultServer, answer
from tests.support.listeners import Listeners
from tests.support.names import lead_names
from tests.support.outside import NAME, Outside
from tests.support.picture_host import PictureHost
from tests.support.scene import Scene
from tests.trust.ledger import Ledger

SECTION = "nobody is let in"
REFUSED = Seen("wrong", (str(ADDRESS_REFUSED),))
PASSWORD = "hunter2hunter2"


@pytest.mark.parametrize("behind_a_redirect", [False, True])
@pytest.mark.parametrize("userinfo", [f"user:{PASSWORD}@", "user@", f":{PASSWORD}@", "@", f"user:{PASSWORD}%40@"])
def test_credentials_in_a_url_are_refused_and_not_repeated(
    userinfo: str, behind_a_redirect: bool, scene: Scene, ledger: Ledger
) -> None:
    seen = scene.look(f"http://{userinfo}93.184.216.34/big.png", behind_a_redirect=behind_a_redirect)
    through = scene.got_out() or seen.state != "wrong" or PASSWORD in str(seen)
    ledger.note(SECTION, "credentials in a URL", through=through)
    assert not through, seen
    assert "a user or a password in the URL" in seen.problems[0]


def test_a_fourth_redirect_is_not_followed(outside: Outside, scene: Scene, ledger: Ledger) -> None:
    outside.serve("/3", artwork.png(876, 324))
    for number in range(3):
        outside.redirect(f"/{number}", f"/{number + 1}")
    assert scene.look(f"{outside.base_url}/0").problems[0].startswith("876 x 324 px")

    outside.requests.clear()
    seen = scene.look(outside.redirect("/", "/0"))
    ledger.note(SECTION, "more than three redirects", through="/3" in outside.requests)
    assert seen.problems[0].startswith("more than 3 redirects")
    assert outside.requests == ["/", "/0", "/1", "/2"]


def test_https_never_falls_to_http(
    outside: Outside, scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ledger: Ledger
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(tls)
    target = outside.serve("/big.png?signature=abc", artwork.png())
    with Outside(tls) as secure:
        for location in (target, target.replace("http:", "HTTP:"), scene.url("127.0.0.1")):
            seen = scene.look(secure.redirect("/", location))
            through = scene.got_out() or outside.connections > 0
            ledger.note(SECTION, "a fall from https to http", through=through)
            assert seen.state == "wrong"
            assert seen.problems[0].startswith("a redirect from https to http")
            assert not through


@pytest.fixture(scope="module")
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


class TestNoPortScanner:
    """A port that listens and one that does not are the same to whoever gave the URL."""

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.255.255.254", "[::1]", "name.example"])
    @pytest.mark.parametrize("behind_a_redirect", [False, True])
    def test_they_get_the_same_words_and_state_and_no_packet(
        self, host: str, behind_a_redirect: bool, closed_port: int, scene: Scene, ledger: Ledger
    ) -> None:
        seen = [
            scene.look(url, name_leads_to=(["127.0.0.1"],), behind_a_redirect=behind_a_redirect)
            for url in (scene.url(host), f"http://{host}:{closed_port}/big.png?X-Signature=abc")
        ]
        through = scene.got_out() or seen[0] != seen[1]
        ledger.note(SECTION, "open and closed ports of loopback", tried=2, through=through)
        assert not through, seen
        assert seen[0] == REFUSED

    @pytest.mark.parametrize("host", ["127.0.0.1", "name.example"])
    def test_they_take_the_same_time(
        self,
        host: str,
        closed_port: int,
        listeners: Listeners,
        monkeypatch: pytest.MonkeyPatch,
        ledger: Ledger,
    ) -> None:
        lead_names(monkeypatch, {"name.example": [["127.0.0.1"]]})
        ports = {"open": listeners.port, "closed": closed_port}
        took: dict[str, list[float]] = {"open": [], "closed": []}
        for _ in range(100):  # by turns, so that a busy machine slows both alike
            for which, port in ports.items():
                start = time.perf_counter()
                check_picture("big", f"http://{host}:{port}/")
                took[which].append(time.perf_counter() - start)
        middle = {which: statistics.median(times) for which, times in took.items()}
        through = abs(middle["open"] - middle["closed"]) > 0.001 + 0.5 * min(middle.values())
        ledger.note(SECTION, "open and closed ports by the time it takes", tried=200, through=through)
        assert not through, middle
        assert listeners.accepted() == 0


class TestBehindAProxy:
    """The proxy is asked for names and decides alone; addresses that stand in the URL are refused still."""

    @pytest.fixture
    def proxy(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureHost]:
        with PictureHost() as proxy:
            proxy.serve("/big.png", artwork.png(876, 324))
            for variable in ("http_proxy", "https_proxy"):
                monkeypatch.setenv(variable, proxy.base_url)
            yield proxy

    def test_the_proxy_is_asked_for_a_name_that_nobody_resolves_here(self, proxy: PictureHost, scene: Scene) -> None:
        seen = scene.look("http://name.example/big.png", name_leads_to=(["10.0.0.1"],))
        assert seen.problems[0].startswith("876 x 324 px")
        assert proxy.requests == ["http://name.example/big.png"]
        assert set(scene.asked) == {"127.0.0.1"}

    def test_what_the_proxy_refuses_is_absent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with FaultServer(answer(403)) as proxy:
            for scheme, problem in (("http", "HTTP status 403"), ("https", "no connection to the host")):
                monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
                seen = DOORS["check_picture"](f"{scheme}://name.example/big.png")
                assert (seen.state, seen.problems[0][: len(problem)]) == ("absent", problem)
            asked = [request.line.partition(" HTTP/")[0] for request in proxy.requests]
            assert asked == ["GET http://name.example/big.png", "CONNECT name.example:443"]

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::ffff:7f00:1]", "2130706433", "１２７.０.０.１"]
    )
    def test_an_address_in_the_url_does_not_reach_the_proxy(
        self, host: str, scheme: str, proxy: PictureHost, scene: Scene, ledger: Ledger
    ) -> None:
        seen = scene.look(f"{scheme}://{host}/big.png")
        through = proxy.connections > 0 or seen.state != "wrong"
        ledger.note(SECTION, "addresses behind a proxy", through=through)
        assert not through, seen

    def test_nor_does_one_that_the_proxys_answer_leads_to(
        self, proxy: PictureHost, scene: Scene, ledger: Ledger
    ) -> None:
        proxy.redirect("/", "http://169.254.169.254/latest/meta-data")
        seen = scene.look("http://name.example/")
        through = len(proxy.requests) != 1 or seen != REFUSED
        ledger.note(SECTION, "addresses behind a proxy", through=through)
        assert not through, (seen, proxy.requests)

    def test_a_host_that_needs_no_proxy_is_judged_as_ever(
        self, proxy: PictureHost, scene: Scene, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
    ) -> None:
        monkeypatch.setenv("no_proxy", "name.example")
        proxy.redirect("/", scene.url("name.example"))
        seen = [
            scene.look(url, name_leads_to=(["127.0.0.1"],))
            for url in (scene.url("name.example"), "http://other.example/")
        ]
        through = seen != [REFUSED, REFUSED] or len(proxy.requests) != 1
        ledger.note(SECTION, "hosts that need no proxy", tried=2, through=through)
        assert not through, seen
