"""Keep-alive connections of repeated checks, on real sockets."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.net import environment
from airflow_provider_oppo_image.pictures import session_pool as session_pool_module
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.session_pool import SessionPool
from tests.net.test_session import trusted_host
from tests.support import artwork
from tests.support.fake_dns import patch_dns
from tests.support.fault_server import FaultServer, answer, close, flood, send
from tests.support.picture_host import PictureHost

Check = Callable[..., PictureReport]

THREADS = 12
GOOD = artwork.good("big")


@pytest.fixture
def session_pool() -> Iterator[SessionPool]:
    with SessionPool(THREADS) as session_pool:
        yield session_pool


@pytest.fixture
def pooled(check: Check, session_pool: SessionPool) -> Check:
    return functools.partial(check, session_pool=session_pool)


def codes(report: PictureReport) -> list[str]:
    return [problem.code for problem in report.problems]


class TestSessionPool:
    def test_reuses_one_connection_per_host(self, host: PictureHost, pooled: Check) -> None:
        urls = [
            host.serve("/marked.png", GOOD, headers={"ETag": '"1"'}),
            host.serve("/plain.png", GOOD),
            host.chunked("/chunked.png", GOOD),
            host.status("/absent.png", 404),
        ]
        states = {pooled("big", url).state for url in urls * 2}
        assert states == {"ready", "absent"}
        assert host.connections == 1

    def test_keeps_a_connection_for_each_thread(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pooled: Check, caplog: pytest.LogCaptureFixture
    ) -> None:
        together = threading.Barrier(THREADS)

        def page(handler: Any) -> None:
            together.wait(10)
            handler.begin(404, {"Content-Length": "0"})

        with trusted_host(monkeypatch, tmp_path, "127.0.0.1") as secure, ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(pooled, ["big"] * 3 * THREADS, [secure.add("/big.png", page)] * 3 * THREADS))
            assert secure.connections == THREADS
        assert "pool is full" not in caplog.text

    def test_redirects_open_new_connections(self, host: PictureHost, pooled: Check) -> None:
        host.status("/end.png", 404)
        url = host.redirect("/start.png", "/end.png")
        for _ in range(3):
            assert codes(pooled("big", url)) == ["not_found"]
        assert host.connections == 1 + 3

    def test_replaces_a_connection_closed_in_between(self, pooled: Check) -> None:
        with FaultServer([answer(404), close], answer(404, b"", Retry_After="7")) as server:
            url = f"{server.url}/big.png"
            assert codes(pooled("big", url)) == ["not_found"]
            assert pooled("big", url).retry_after == 7

    def test_replaces_a_connection_closed_on_the_next_request(self, pooled: Check) -> None:
        with FaultServer(answer(404), close, answer(200, GOOD)) as server:
            url = f"{server.url}/big.png"
            assert codes(pooled("big", url)) == ["not_found"]
            assert pooled("big", url).state == "ready"
            assert server.accepted == 2

    def test_host_that_closes_every_connection_is_absent(self, pooled: Check) -> None:
        with FaultServer(answer(404), close) as server:
            url = f"{server.url}/big.png"
            assert codes(pooled("big", url)) == ["not_found"]
            assert codes(pooled("big", url)) == ["connection_failed"]
            assert len(server.requests) == 3

    def test_long_error_page_is_not_read(self, pooled: Check) -> None:
        head = b"HTTP/1.1 404 Not Found\r\nContent-Length: 60000000\r\n\r\n"
        with FaultServer([send(head), flood(60_000_000)]) as server:
            for _ in range(2):
                assert codes(pooled("big", f"{server.url}/big.png")) == ["not_found"]
            assert server.accepted == 2
            assert server.taken < 40_000_000

    def test_slow_error_page_is_not_waited_for(self, host: PictureHost, pooled: Check) -> None:
        def page(handler: Any) -> None:
            handler.begin(404, {"Content-Length": "5"})
            handler.wait_for_client_to_leave()

        started = time.monotonic()
        assert codes(pooled("big", host.add("/big.png", page))) == ["not_found"]
        assert time.monotonic() - started < 5

    def test_address_policies_do_not_share_connections(self, host: PictureHost, session_pool: SessionPool) -> None:
        url = host.status("/big.png", 404)
        assert codes(check_picture("big", url, allow_private_addresses=True, session_pool=session_pool)) == [
            "not_found"
        ]
        assert codes(check_picture("big", url, session_pool=session_pool)) == ["address_refused"]
        assert len(host.requests) == 1

    def test_new_connection_is_checked(
        self, host: PictureHost, pooled: Check, session_pool: SessionPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = patch_dns(monkeypatch, {"name.example": [["127.0.0.1"], ["169.254.169.254"]]})
        host.status("/big.png", 404)
        url = f"http://name.example:{host.port}/big.png"
        for _ in range(3):
            assert codes(pooled("big", url)) == ["not_found"]
        assert asked == ["name.example"]
        session_pool._clock = lambda: time.monotonic() + session_pool_module.SESSION_TTL_S
        assert codes(pooled("big", url)) == ["address_refused"]
        assert asked == ["name.example"] * 2

    def test_keeps_a_bounded_number_of_hosts(
        self, pooled: Check, session_pool: SessionPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session_pool_module, "MAX_HOSTS", 1)
        with FaultServer(answer(404)) as one, FaultServer(answer(404)) as other:
            for server in (one, other, one):
                pooled("big", f"{server.url}/big.png")
            assert (one.accepted, other.accepted) == (2, 1)

    def test_certificate_authorities_are_loaded_once(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: Check
    ) -> None:
        with trusted_host(monkeypatch, tmp_path, "127.0.0.1") as secure:
            url = secure.serve("/", GOOD)
            before = environment._load_ssl_context.cache_info().misses
            for _ in range(3):
                assert check("big", url).state == "ready"
            assert environment._load_ssl_context.cache_info().misses == before + 1
            assert secure.connections == 3

    def test_replaced_certificate_authorities_are_loaded(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: Check
    ) -> None:
        with trusted_host(monkeypatch, tmp_path, "127.0.0.1") as old:
            assert check("big", old.serve("/", GOOD)).state == "ready"
        with trusted_host(monkeypatch, tmp_path, "127.0.0.1") as new:
            assert check("big", new.serve("/", GOOD)).state == "ready"
