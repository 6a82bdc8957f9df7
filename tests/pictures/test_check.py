"""Checks of pictures, files and hosts, with real sockets on loopback."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.pictures import check as check_module
from airflow_provider_oppo_image.pictures.check import check_file, check_picture
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.report_cache import ReportCache
from airflow_provider_oppo_image.pictures.session_pool import SessionPool
from tests.support import artwork
from tests.support.picture_host import PictureHost

Check = Callable[..., PictureReport]

GOOD = artwork.good("big")
TWO_LENGTHS = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 70\r\n\r\n"


@pytest.fixture
def session_pool() -> Iterator[SessionPool]:
    with SessionPool(8) as session_pool:
        yield session_pool


@pytest.fixture
def report_cache() -> ReportCache:
    return ReportCache()


@pytest.fixture
def again(check: Check, report_cache: ReportCache, session_pool: SessionPool) -> Check:
    """The check of a sensor, with a report cache and a session pool."""
    return functools.partial(check, report_cache=report_cache, session_pool=session_pool)


def codes(report: PictureReport) -> list[str]:
    return [problem.code for problem in report.problems]


def serve_with_etag(
    host: PictureHost,
    path: str,
    body: bytes,
    etag: str = '"1"',
    always: bool = False,
    statuses: list[int] | None = None,
) -> str:
    """Serve a picture with an ETag; `always` answers 304 to every request."""

    def page(handler: Any) -> None:
        not_modified = always or handler.headers["If-None-Match"] == etag
        if statuses is not None:
            statuses.append(304 if not_modified else 200)
        if not_modified:
            handler.begin(304, {"Content-Length": "0"})
        else:
            handler.begin(200, {"Content-Length": str(len(body)), "ETag": etag})
            handler.send(body)

    return host.add(path, page)


class TestPictures:
    @pytest.mark.parametrize("kind", ["big", "small"])
    @pytest.mark.parametrize("format", ["PNG", "JPEG"])
    def test_good_picture_is_ready(self, host: PictureHost, check: Check, kind: str, format: str) -> None:  # noqa: A002 - Pillow's word
        content = artwork.good(kind, format)
        report = check(kind, host.serve("/picture?signature=secret", content, content_type="text/plain"))
        size = (984, 369) if kind == "big" else (144, 144)
        assert report == PictureReport(
            report.kind,
            host.base_url + "/picture?…",
            "ready",
            format=format,
            width=size[0],
            height=size[1],
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        assert host.requests == ["/picture?signature=secret"]

    @pytest.mark.parametrize(
        ("content", "state", "code"),
        [(b"", "absent", "empty"), (artwork.cut(artwork.png()), "absent", "truncated"),
         (artwork.cut(artwork.jpeg(), 0.99), "absent", "truncated"),
         (artwork.png()[:4], "absent", "truncated"), (artwork.png(876, 324), "wrong", "wrong_dimensions"),
         (artwork.HTML, "wrong", "wrong_format"), (artwork.other_format("WEBP"), "wrong", "wrong_format"),
         (artwork.other_format("MPO"), "wrong", "wrong_format"),
         (artwork.animated_png(), "wrong", "animated"), (artwork.jpeg(mode="CMYK"), "wrong", "cmyk"),
         (artwork.jpeg(orientation=6), "wrong", "exif_rotated"),
         (artwork.transparent_png(), "wrong", "invisible"), (artwork.png()[:-1] + b"!", "wrong", "broken"),
         (artwork.png_of_size(1_048_577), "wrong", "too_heavy"),
         (artwork.header_bomb(), "wrong", "wrong_dimensions"), (b"\0" * 5000, "wrong", "wrong_format")],
    )  # fmt: skip
    def test_bad_picture_is_named_by_its_content(
        self, host: PictureHost, check: Check, content: bytes, state: str, code: str
    ) -> None:
        report = check("big", host.serve("/big.png", content, content_type="image/png"))
        assert (report.state, codes(report)) == (state, [code])

    @pytest.mark.parametrize("send", ["serve", "chunked", "open end"])
    @pytest.mark.parametrize(
        ("size", "state", "warned"),
        [(50_000, "ready", []), (50_001, "ready", ["nearly_too_heavy"]),
         (51_200, "ready", ["nearly_too_heavy"]), (51_201, "wrong", [])],
    )  # fmt: skip
    def test_size_limits_are_exact(
        self, host: PictureHost, check: Check, send: str, size: int, state: str, warned: list[str]
    ) -> None:
        content = artwork.jpeg_of_size(size, 144, 144)
        url = host.chunked("/", content) if send == "chunked" else host.serve("/", content, length=send == "serve")
        report = check("small", url)
        assert report.state == state
        assert [warning.code for warning in report.warnings] == warned
        assert codes(report) == ([] if state == "ready" else ["too_heavy"])

    def test_long_url_is_warning(self, host: PictureHost, check: Check) -> None:
        report = check("small", host.serve("/" + "a" * 300, artwork.good("small")))
        assert report.state == "ready"
        assert [warning.code for warning in report.warnings] == ["long_url"]

    def test_slow_picture_is_ready(self, host: PictureHost, check: Check) -> None:
        assert check("small", host.drip("/", artwork.good("small"), every=0.001, size=100)).state == "ready"


class TestEarlyStop:
    """The host offers a huge body; the bytes that it could send show where the client stopped reading."""

    SOCKET_BUFFERS = 8_000_000

    def test_at_wrong_dimensions(self, host: PictureHost, check: Check) -> None:
        report = check("big", host.endless("/", artwork.png(876, 324)[:33], bytes(65_536)))
        assert (codes(report), report.sha256) == (["wrong_dimensions"], None)
        assert host.sent < self.SOCKET_BUFFERS

    def test_without_waiting_for_more_bytes(self, host: PictureHost, check: Check) -> None:
        assert codes(check("big", host.stall("/", artwork.png(876, 324)[:33]))) == ["wrong_dimensions"]

    def test_at_another_format(self, host: PictureHost, check: Check) -> None:
        assert codes(check("big", host.endless("/", artwork.HTML, b" " * 65_536))) == ["wrong_format"]
        assert host.sent < self.SOCKET_BUFFERS

    def test_at_an_announced_size(self, host: PictureHost, check: Check) -> None:
        report = check("big", host.serve("/", b"", headers={"Content-Length": "1048577"}))
        assert (codes(report), report.size_bytes) == (["too_heavy"], 1_048_577)

    def test_at_the_size_limit(self, host: PictureHost, check: Check) -> None:
        start = artwork.png()[:33]
        more = artwork.chunk(b"IDAT", bytes(60_000))
        report = check("big", host.endless("/", start, more))
        assert (codes(report), report.size_bytes) == (["too_heavy"], None)
        assert (report.width, report.height) == (984, 369)
        assert host.sent < self.SOCKET_BUFFERS


class TestHosts:
    @pytest.mark.parametrize(
        ("statuses", "state", "code"),
        [((401, 403), "absent", "access_denied"), ((404, 410), "absent", "not_found"),
         ((408, 425, 429, 500, 503, 599), "absent", "host_busy"),
         ((201, 206, 300, 302, 304, 400, 418, 600), "wrong", "unexpected_status")],
    )  # fmt: skip
    def test_status_is_absent_or_wrong(
        self, host: PictureHost, check: Check, statuses: tuple[int, ...], state: str, code: str
    ) -> None:
        for status in statuses:
            report = check("big", host.status("/", status))
            assert (report.state, codes(report)) == (state, [code])
            assert str(status) in report.problems[0].found

    @pytest.mark.parametrize(
        ("header", "seconds"), [("7", 7), ("Fri, 01 May 2020 12:00:00 GMT", 0), ("9999999", 86_400), ("soon", None)]
    )
    def test_retry_after_is_in_the_report(
        self, host: PictureHost, check: Check, header: str, seconds: float | None
    ) -> None:
        assert check("big", host.status("/", 429, {"Retry-After": header})).retry_after == seconds

    @pytest.mark.parametrize(
        ("page", "code"),
        [
            (lambda host: host.cut("/", artwork.png(), after=20_000), "truncated"),
            (lambda host: host.cut("/", artwork.png(), after=0), "truncated"),
            (lambda host: host.reset("/"), "connection_failed"),
            (lambda host: host.reset("/", artwork.png(), after=20_000), "connection_failed"),
            (lambda host: host.add("/", lambda handler: handler.send(b"SSH-2.0-OpenSSH_9.6\r\n")), "connection_failed"),
            (lambda host: host.hang_up("/"), "connection_failed"),
            (lambda host: host.add("/", lambda handler: handler.send(TWO_LENGTHS)), "connection_failed"),
        ],
        ids=["cut", "cut at once", "reset", "reset in the body", "no HTTP", "no answer", "two lengths"],
    )
    def test_closed_connection_is_absent(
        self, host: PictureHost, check: Check, page: Callable[[PictureHost], str], code: str
    ) -> None:
        report = check("big", page(host))
        assert (report.state, codes(report)) == ("absent", [code])

    @pytest.mark.parametrize(
        "page",
        [
            lambda host: host.stall("/"),
            lambda host: host.stall("/", artwork.png()[:1000]),
            lambda host: host.drip("/", artwork.png(), every=0.01),
        ],
        ids=["no answer", "no end", "drip"],
    )
    def test_timeout_is_absent(self, host: PictureHost, impatient: Check, page: Callable[[PictureHost], str]) -> None:
        report = impatient("big", page(host))
        assert (report.state, codes(report)) == ("absent", ["timed_out"])

    def test_closed_port_is_absent(self, check: Check) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        assert codes(check("big", f"http://127.0.0.1:{port}/")) == ["connection_failed"]

    def test_unknown_host_is_absent(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        def getaddrinfo(*_: Any, **__: Any) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        report = check("big", "https://nowhere.example/")
        assert (report.state, codes(report)) == ("absent", ["unknown_host"])

    def test_compressed_body_is_wrong(self, host: PictureHost, check: Check) -> None:
        report = check("big", host.gzipped("/", artwork.png()))
        assert (report.state, codes(report)) == ("wrong", ["encoded_body"])

    def test_identity_encoding_is_accepted(self, host: PictureHost, check: Check) -> None:
        url = host.serve("/", artwork.png(), headers={"Content-Encoding": "identity"})
        assert check("big", url).state == "ready"

    def test_request_headers(self, host: PictureHost, check: Check) -> None:
        check("big", host.serve("/", artwork.png()))
        assert host.headers[0]["Accept-Encoding"] == "identity"
        assert host.headers[0]["User-Agent"] == f"airflow-provider-oppo-image/{__version__}"


class TestArguments:
    @pytest.mark.parametrize("url", [None, "", "None", "big.png", "ftp://host.example/a", "file:///a", 7, "https://[x"])
    def test_invalid_url_is_wrong(self, url: Any) -> None:
        report = check_picture("big", url)
        assert (report.state, codes(report)) == ("wrong", ["bad_url"])

    def test_reports_have_no_secrets(self) -> None:
        report = check_picture("big", "https://user:secret@host.example/a?signature=secret#secret")
        assert codes(report) == ["credentials_in_url"]
        assert "secret" not in json.dumps(report.to_dict())

    @pytest.mark.parametrize("kind", ["huge", "", None, ["big"]])
    def test_unknown_kind_raises(self, kind: Any) -> None:
        with pytest.raises(ConfigurationError, match="'big' or 'small'"):
            check_picture(kind, "https://host.example/")
        with pytest.raises(ConfigurationError):
            check_file(kind, "a.png")


class TestCheckFile:
    @pytest.mark.parametrize("kind", ["big", "small"])
    def test_file_is_checked_like_download(
        self, tmp_path: Path, host: PictureHost, check: Check, kind: PictureKind
    ) -> None:
        contents = [artwork.png(), artwork.jpeg(144, 144), b"", artwork.cut(artwork.png()), artwork.HTML]
        for number, content in enumerate(contents):
            path = tmp_path / f"{number}.png"
            path.write_bytes(content)
            from_file, from_host = check_file(kind, path), check(kind, host.serve("/", content))
            assert (from_file.state, codes(from_file)) == (from_host.state, codes(from_host))
            assert from_file.url == str(path)

    def test_large_file_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.png"
        with path.open("wb") as file:
            file.truncate(1 << 40)
        report = check_file("big", str(path))
        assert (codes(report), report.size_bytes) == (["too_heavy"], 1 << 40)

    def test_missing_file_is_absent(self, tmp_path: Path) -> None:
        report = check_file("big", tmp_path / "none.png")
        assert (report.state, codes(report)) == ("absent", ["not_found"])

    def test_other_paths_are_unreadable(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path, tmp_path / "pipe", "a\0b", "a" * 5000):
            report = check_file("big", path)
            assert (report.state, codes(report)) == ("wrong", ["unreadable_file"])


class TestReportCache:
    @pytest.mark.parametrize("body", [GOOD, artwork.png(876, 324), artwork.HTML])
    def test_unchanged_picture_is_not_downloaded_again(self, host: PictureHost, again: Check, body: bytes) -> None:
        statuses: list[int] = []
        url = serve_with_etag(host, "/big.png?signature=secret", body, statuses=statuses)
        assert again("big", url) == again("big", url)
        assert statuses == [200, 304]
        assert [headers.get("If-None-Match") for headers in host.headers] == [None, '"1"']

    def test_changed_picture_is_checked_again(self, host: PictureHost, again: Check) -> None:
        url = serve_with_etag(host, "/big.png", GOOD)
        assert again("big", url).state == "ready"
        serve_with_etag(host, "/big.png", artwork.png(876, 324), '"2"')
        assert codes(again("big", url)) == ["wrong_dimensions"]
        serve_with_etag(host, "/big.png", GOOD, '"3"')
        assert again("big", url).state == "ready"

    def test_last_modified_is_a_validator_too(self, host: PictureHost, again: Check) -> None:
        written = "Tue, 24 Nov 2015 10:00:00 GMT"
        url = host.serve("/big.png", GOOD, headers={"Last-Modified": written})
        again("big", url)
        again("big", url)
        assert [headers.get("If-Modified-Since") for headers in host.headers] == [None, written]

    def test_without_a_cache_everything_is_downloaded(self, host: PictureHost, check: Check) -> None:
        url = serve_with_etag(host, "/big.png", GOOD)
        assert check("big", url) == check("big", url)
        assert not any("If-None-Match" in headers for headers in host.headers)

    def test_unrequested_304_is_wrong(self, host: PictureHost, again: Check) -> None:
        url = serve_with_etag(host, "/big.png", GOOD, always=True)
        for _ in range(2):
            report = again("big", url)
            assert (report.state, codes(report)) == ("wrong", ["unexpected_status"])
        assert not any("If-None-Match" in headers for headers in host.headers)

    def test_cache_entry_per_kind(self, host: PictureHost, again: Check) -> None:
        url = serve_with_etag(host, "/big.png", GOOD)
        assert again("big", url).state == "ready"
        assert again("small", url).state == "wrong"

    @pytest.mark.parametrize("cut", [0.5, 0.99])
    def test_incomplete_picture_is_not_cached(self, host: PictureHost, again: Check, cut: float) -> None:
        url = serve_with_etag(host, "/big.png", artwork.cut(GOOD, cut))
        assert again("big", url).state == again("big", url).state == "absent"
        assert not any("If-None-Match" in headers for headers in host.headers)

    def test_failure_keeps_entry(self, host: PictureHost, again: Check) -> None:
        statuses: list[int] = []
        url = serve_with_etag(host, "/big.png", GOOD, statuses=statuses)
        first, page = again("big", url), host.pages["/big.png"]
        host.status("/big.png", 503)
        assert codes(again("big", url)) == ["host_busy"]
        host.add("/big.png", page)
        assert again("big", url) == first
        assert statuses == [200, 304]

    def test_same_bytes_are_not_decoded_again(
        self, host: PictureHost, again: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = host.serve("/big.png", GOOD)
        first = again("big", url)
        monkeypatch.setattr(check_module, "decode", None)
        assert again("big", url) == first
        assert first.state == "ready"


class TestReportCacheWithRedirects:
    def test_validators_are_sent_to_the_final_url_only(self, host: PictureHost, again: Check) -> None:
        serve_with_etag(host, "/end.png", GOOD)
        url = host.redirect("/start.png", "/end.png")
        assert again("big", url) == again("big", url)
        asked = [
            (path, headers.get("If-None-Match")) for path, headers in zip(host.requests, host.headers, strict=True)
        ]
        assert asked == [("/start.png", None), ("/end.png", None), ("/start.png", None), ("/end.png", '"1"')]

    def test_changed_target_is_downloaded(self, host: PictureHost, again: Check) -> None:
        serve_with_etag(host, "/good.png", GOOD, '"same"')
        serve_with_etag(host, "/wrong.png", artwork.png(876, 324), '"same"')
        url = host.redirect("/start.png", "/good.png")
        assert again("big", url).state == "ready"
        host.redirect("/start.png", "/wrong.png")
        assert codes(again("big", url)) == ["wrong_dimensions"]

    def test_redirect_to_itself_is_wrong(self, host: PictureHost, again: Check) -> None:
        url = serve_with_etag(host, "/big.png", GOOD)
        assert again("big", url).state == "ready"
        host.redirect("/big.png", "/big.png")
        assert codes(again("big", url)) == ["too_many_redirects"]
