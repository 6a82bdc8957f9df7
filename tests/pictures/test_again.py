"""Checks that follow others: what a host need not send again, and the connections that are kept; on real sockets."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.net import session
from airflow_provider_oppo_image.net.options import TransportOptions
from airflow_provider_oppo_image.pictures import check as check_module
from airflow_provider_oppo_image.pictures import check_many
from airflow_provider_oppo_image.pictures import session_pool as lines_module
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.pictures.polling import ExpectedPicture
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.report_cache import ReportCache
from airflow_provider_oppo_image.pictures.session_pool import SessionPool
from tests.net.test_session import trusted_host
from tests.support import artwork
from tests.support.fake_dns import patch_dns
from tests.support.fault_server import FaultServer, answer, close, flood, send
from tests.support.picture_host import PictureHost

Check = Callable[..., PictureReport]

GOOD = artwork.good("big")


@pytest.fixture
def lines() -> Iterator[SessionPool]:
    with SessionPool() as lines:
        yield lines


@pytest.fixture
def memory() -> ReportCache:
    return ReportCache()


@pytest.fixture
def again(check: Check, memory: ReportCache, lines: SessionPool) -> Check:
    """The check of a sensor: it remembers, and keeps its connections."""
    return functools.partial(check, memory=memory, lines=lines)


def mark(
    host: PictureHost,
    path: str,
    body: bytes,
    etag: str = '"1"',
    always: bool = False,
    said: list[int] | None = None,
) -> str:
    """Put a picture with an ETag at a path; `always` answers "not modified" to whatever is asked."""

    def page(handler: Any) -> None:
        unchanged = always or handler.headers["If-None-Match"] == etag
        if said is not None:
            said.append(304 if unchanged else 200)
        if unchanged:
            handler.begin(304, {"Content-Length": "0"})
        else:
            handler.begin(200, {"Content-Length": str(len(body)), "ETag": etag})
            handler.send(body)

    return host.add(path, page)


def codes(report: PictureReport) -> list[str]:
    return [problem.code for problem in report.problems]


class TestWhatNeedNotBeSentAgain:
    @pytest.mark.parametrize("body", [GOOD, artwork.png(876, 324), artwork.HTML])
    def test_what_has_not_changed_gives_the_report_of_before_and_no_byte(
        self, host: PictureHost, again: Check, body: bytes
    ) -> None:
        said: list[int] = []
        url = mark(host, "/big.png?signature=secret", body, said=said)
        assert again("big", url) == again("big", url)
        assert said == [200, 304]
        assert [headers.get("If-None-Match") for headers in host.headers] == [None, '"1"']

    def test_what_has_changed_is_looked_at(self, host: PictureHost, again: Check) -> None:
        url = mark(host, "/big.png", GOOD)
        assert again("big", url).state == "ready"
        mark(host, "/big.png", artwork.png(876, 324), '"2"')
        assert codes(again("big", url)) == ["wrong_dimensions"]
        mark(host, "/big.png", GOOD, '"3"')
        assert again("big", url).state == "ready"

    def test_the_last_modification_serves_as_well(self, host: PictureHost, again: Check) -> None:
        written = "Tue, 24 Nov 2015 10:00:00 GMT"
        url = host.serve("/big.png", GOOD, headers={"Last-Modified": written})
        again("big", url)
        again("big", url)
        assert [headers.get("If-Modified-Since") for headers in host.headers] == [None, written]

    def test_who_remembers_nothing_asks_for_all(self, host: PictureHost, check: Check) -> None:
        url = mark(host, "/big.png", GOOD)
        assert check("big", url) == check("big", url)
        assert not any("If-None-Match" in headers for headers in host.headers)

    def test_a_host_that_was_asked_for_all_and_says_not_modified_has_no_picture(
        self, host: PictureHost, again: Check
    ) -> None:
        url = mark(host, "/big.png", GOOD, always=True)
        for _ in range(2):
            report = again("big", url)
            assert (report.state, codes(report)) == ("wrong", ["unexpected_status"])
        assert not any("If-None-Match" in headers for headers in host.headers)

    def test_each_kind_has_its_own_verdict(self, host: PictureHost, again: Check) -> None:
        url = mark(host, "/big.png", GOOD)
        assert again("big", url).state == "ready"
        assert again("small", url).state == "wrong"

    @pytest.mark.parametrize("cut", [0.5, 0.99])
    def test_a_picture_that_is_still_being_written_is_asked_for_whole(
        self, host: PictureHost, again: Check, cut: float
    ) -> None:
        url = mark(host, "/big.png", artwork.cut(GOOD, cut))
        assert again("big", url).state == again("big", url).state == "absent"
        assert not any("If-None-Match" in headers for headers in host.headers)

    def test_after_a_failure_it_is_still_known(self, host: PictureHost, again: Check) -> None:
        said: list[int] = []
        url = mark(host, "/big.png", GOOD, said=said)
        first, page = again("big", url), host.pages["/big.png"]
        host.status("/big.png", 503)
        assert codes(again("big", url)) == ["host_busy"]
        host.add("/big.png", page)
        assert again("big", url) == first
        assert said == [200, 304]

    def test_the_same_bytes_are_not_decoded_again(
        self, host: PictureHost, again: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = host.serve("/big.png", GOOD)
        first = again("big", url)
        monkeypatch.setattr(check_module, "decode", None)
        assert again("big", url) == first
        assert first.state == "ready"


class TestRedirects:
    def test_only_where_the_picture_was_found_is_asked_whether_it_has_changed(
        self, host: PictureHost, again: Check
    ) -> None:
        mark(host, "/end.png", GOOD)
        url = host.redirect("/start.png", "/end.png")
        assert again("big", url) == again("big", url)
        asked = [
            (path, headers.get("If-None-Match")) for path, headers in zip(host.requests, host.headers, strict=True)
        ]
        assert asked == [("/start.png", None), ("/end.png", None), ("/start.png", None), ("/end.png", '"1"')]

    def test_where_they_lead_elsewhere_the_picture_there_is_looked_at(self, host: PictureHost, again: Check) -> None:
        mark(host, "/good.png", GOOD, '"same"')
        mark(host, "/wrong.png", artwork.png(876, 324), '"same"')
        url = host.redirect("/start.png", "/good.png")
        assert again("big", url).state == "ready"
        host.redirect("/start.png", "/wrong.png")
        assert codes(again("big", url)) == ["wrong_dimensions"]

    def test_a_picture_that_has_become_a_redirect_to_itself_is_none(self, host: PictureHost, again: Check) -> None:
        url = mark(host, "/big.png", GOOD)
        assert again("big", url).state == "ready"
        host.redirect("/big.png", "/big.png")
        assert codes(again("big", url)) == ["too_many_redirects"]


class TestConnections:
    def test_one_is_enough_for_a_host_that_keeps_it(self, host: PictureHost, again: Check) -> None:
        urls = [
            mark(host, "/marked.png", GOOD),
            host.serve("/plain.png", GOOD),
            host.chunked("/chunked.png", GOOD),
            host.status("/absent.png", 404),
        ]
        states = {again("big", url).state for url in urls * 2}
        assert states == {"ready", "absent"}
        assert host.connections == 1

    def test_none_is_used_for_what_a_redirect_leads_to_since_that_is_judged_anew(
        self, host: PictureHost, again: Check
    ) -> None:
        host.status("/end.png", 404)
        url = host.redirect("/start.png", "/end.png")
        for _ in range(3):
            assert codes(again("big", url)) == ["not_found"]
        assert host.connections == 1 + 3

    def test_without_lines_each_check_makes_its_own(self, host: PictureHost, check: Check) -> None:
        for _ in range(3):
            check("big", host.status("/absent.png", 404))
        assert host.connections == 3

    def test_a_host_that_closed_it_meanwhile_is_asked_anew(self, again: Check) -> None:
        with FaultServer([answer(404), close], answer(404, b"", Retry_After="7")) as server:
            url = f"{server.url}/big.png"
            assert codes(again("big", url)) == ["not_found"]
            assert again("big", url).retry_after == 7

    def test_a_host_that_closes_when_it_is_asked_again_is_asked_anew(self, again: Check) -> None:
        with FaultServer(answer(404), close, answer(200, GOOD)) as server:
            url = f"{server.url}/big.png"
            assert codes(again("big", url)) == ["not_found"]
            assert again("big", url).state == "ready"
            assert server.accepted == 2

    def test_a_host_that_closes_every_connection_is_no_host(self, again: Check) -> None:
        with FaultServer(answer(404), close) as server:
            url = f"{server.url}/big.png"
            assert codes(again("big", url)) == ["not_found"]
            assert codes(again("big", url)) == ["connection_failed"]
            assert len(server.requests) == 3

    def test_a_long_answer_that_is_not_wanted_is_not_read(self, again: Check) -> None:
        head = b"HTTP/1.1 404 Not Found\r\nContent-Length: 60000000\r\n\r\n"
        with FaultServer([send(head), flood(60_000_000)]) as server:
            for _ in range(2):
                assert codes(again("big", f"{server.url}/big.png")) == ["not_found"]
            assert server.accepted == 2
            assert server.taken < 40_000_000

    def test_nor_is_one_waited_for(self, host: PictureHost, again: Check) -> None:
        def page(handler: Any) -> None:
            handler.begin(404, {"Content-Length": "5"})
            handler.wait_for_client_to_leave()

        begun = time.monotonic()
        assert codes(again("big", host.add("/big.png", page))) == ["not_found"]
        assert time.monotonic() - begun < 2

    def test_they_are_not_shared_with_who_may_connect_elsewhere(self, host: PictureHost, lines: SessionPool) -> None:
        url = host.status("/big.png", 404)
        assert codes(check_picture("big", url, allow_private_addresses=True, lines=lines)) == ["not_found"]
        assert codes(check_picture("big", url, lines=lines)) == ["address_refused"]
        assert len(host.requests) == 1

    def test_each_new_one_is_judged(
        self, host: PictureHost, again: Check, lines: SessionPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = patch_dns(monkeypatch, {"name.example": [["127.0.0.1"], ["169.254.169.254"]]})
        host.status("/big.png", 404)
        url = f"http://name.example:{host.port}/big.png"
        for _ in range(3):
            assert codes(again("big", url)) == ["not_found"]
        assert asked == ["name.example"]
        lines._clock = lambda: time.monotonic() + lines_module.SESSION_TTL_S
        assert codes(again("big", url)) == ["address_refused"]
        assert asked == ["name.example"] * 2

    def test_they_are_kept_to_a_bounded_number_of_hosts(
        self, again: Check, lines: SessionPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lines_module, "MAX_HOSTS", 1)
        with FaultServer(answer(404)) as one, FaultServer(answer(404)) as other:
            for server in (one, other, one):
                again("big", f"{server.url}/big.png")
            assert (one.accepted, other.accepted) == (2, 1)

    def test_a_store_of_authorities_is_loaded_once(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: Check
    ) -> None:
        with trusted_host(monkeypatch, tmp_path, "127.0.0.1") as secure:
            url = secure.serve("/", GOOD)
            before = session._load_ssl_context.cache_info().misses
            for _ in range(3):
                assert check("big", url).state == "ready"
            assert session._load_ssl_context.cache_info().misses == before + 1
            assert secure.connections == 3

    def test_authorities_that_were_replaced_are_loaded_anew(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: Check
    ) -> None:
        with trusted_host(monkeypatch, tmp_path, "127.0.0.1") as old:
            assert check("big", old.serve("/", GOOD)).state == "ready"
        with trusted_host(monkeypatch, tmp_path, "127.0.0.1") as new:
            assert check("big", new.serve("/", GOOD)).state == "ready"


class TestAHostThatNeverAnswers:
    """It may have a quarter of the threads; whoever waits for another host does not notice it."""

    ROUND_S = 5.0
    PATIENT = TransportOptions(60, 60, 60)

    @pytest.fixture
    def dead(self) -> Iterator[PictureHost]:
        with PictureHost("127.0.0.2") as dead:
            dead.stall("/big.png")
            yield dead

    @pytest.fixture
    def patient(self, lines: SessionPool) -> Check:
        return functools.partial(
            check_picture, allow_private_addresses=True, transport_options=self.PATIENT, lines=lines
        )

    @staticmethod
    def pictures(host: PictureHost, count: int) -> list[ExpectedPicture]:
        return [ExpectedPicture("big", f"{host.base_url}/big.png?{number}") for number in range(count)]

    def test_it_delays_other_sensors_of_its_triggerer_by_less_than_a_round(
        self, host: PictureHost, dead: PictureHost, patient: Check
    ) -> None:
        host.serve("/big.png", GOOD)

        async def run() -> float:
            stuck = [
                asyncio.ensure_future(check_many.check_all_async([picture], patient))
                for picture in self.pictures(dead, 100)
            ]
            stuck.append(asyncio.ensure_future(check_many.check_all_async(self.pictures(dead, 1_000), patient)))
            await asyncio.sleep(0.2)
            begun = time.monotonic()
            looks = await asyncio.gather(
                *(check_many.check_all_async([picture], patient) for picture in self.pictures(host, 50))
            )
            took = time.monotonic() - begun
            assert all(look.decide("fail") == "ready" for look in looks)
            assert not any(task.done() for task in stuck)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            return took

        assert asyncio.run(run()) < self.ROUND_S
        assert dead.connections == check_many.MAX_PER_HOST

    def test_it_delays_the_other_pictures_of_its_sensor_by_less_than_a_round(
        self, host: PictureHost, dead: PictureHost, patient: Check
    ) -> None:
        asked: list[float] = []
        begun = time.monotonic()

        def page(handler: Any) -> None:
            asked.append(time.monotonic() - begun)
            if len(asked) == 50:
                dead.closing.set()
            handler.begin(404, {"Content-Length": "0"})

        host.add("/big.png", page)
        wanted = self.pictures(dead, check_many.MAX_PER_HOST) + self.pictures(host, 50)
        check_many.check_all(wanted, patient)
        assert max(asked) < self.ROUND_S
        assert dead.connections <= check_many.MAX_PER_HOST

    def test_a_look_at_a_thousand_of_its_pictures_ends_after_a_few_of_them(
        self, dead: PictureHost, impatient: Check
    ) -> None:
        begun = time.monotonic()
        found = check_many.check_all(self.pictures(dead, 1_000), impatient)
        assert time.monotonic() - begun < self.ROUND_S
        assert dead.connections <= check_many.MAX_PER_HOST
        assert {(report.state, *codes(report)) for report in found.reports} == {("absent", "timed_out")}
        assert json.dumps(found.result())
