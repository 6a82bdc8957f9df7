"""What the check says of pictures, files and hosts; real sockets on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.picture_url import PictureUrl
from airflow_provider_oppo_image.pictures.check import check_file, check_picture
from airflow_provider_oppo_image.pictures.download import download
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.support import artwork
from tests.support.picture_host import PictureHost

Check = Callable[..., PictureReport]


def codes(report: PictureReport) -> list[str]:
    return [problem.code for problem in report.problems]


class TestPictures:
    @pytest.mark.parametrize("kind", ["big", "small"])
    @pytest.mark.parametrize("format", ["PNG", "JPEG"])
    def test_a_good_picture_is_ready(self, host: PictureHost, check: Check, kind: str, format: str) -> None:  # noqa: A002 - Pillow's word
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
        [
            (b"", "absent", "empty"),
            (artwork.cut(artwork.png()), "absent", "truncated"),
            (artwork.cut(artwork.jpeg(), 0.99), "absent", "truncated"),
            (artwork.png()[:4], "absent", "truncated"),
            (artwork.png(876, 324), "wrong", "wrong_dimensions"),
            (artwork.HTML, "wrong", "wrong_format"),
            (artwork.SVG, "wrong", "wrong_format"),
            (artwork.PDF, "wrong", "wrong_format"),
            (artwork.HEIC, "wrong", "wrong_format"),
            (artwork.other_format("GIF"), "wrong", "wrong_format"),
            (artwork.other_format("WEBP"), "wrong", "wrong_format"),
            (artwork.other_format("MPO"), "wrong", "wrong_format"),
            (artwork.animated_png(), "wrong", "animated"),
            (artwork.jpeg(mode="CMYK"), "wrong", "cmyk"),
            (artwork.jpeg(orientation=6), "wrong", "exif_rotated"),
            (artwork.transparent_png(), "wrong", "invisible"),
            (artwork.png()[:-1] + b"!", "wrong", "broken"),
            (artwork.png_of_size(1_048_577), "wrong", "too_heavy"),
            (artwork.header_bomb(), "wrong", "wrong_dimensions"),
            (b"\0" * 5000, "wrong", "wrong_format"),
        ],
    )
    def test_a_bad_picture_is_named_whatever_it_is_called(
        self, host: PictureHost, check: Check, content: bytes, state: str, code: str
    ) -> None:
        report = check("big", host.serve("/big.png", content, content_type="image/png"))
        assert (report.state, codes(report)) == (state, [code])

    @pytest.mark.parametrize("send", ["serve", "chunked", "open end"])
    @pytest.mark.parametrize(
        ("size", "state", "warned"),
        [
            (50_000, "ready", []),
            (50_001, "ready", ["nearly_too_heavy"]),
            (51_200, "ready", ["nearly_too_heavy"]),
            (51_201, "wrong", []),
        ],
    )
    def test_sizes_are_judged_to_the_byte_however_they_are_sent(
        self, host: PictureHost, check: Check, send: str, size: int, state: str, warned: list[str]
    ) -> None:
        content = artwork.jpeg_of_size(size, 144, 144)
        url = host.chunked("/", content) if send == "chunked" else host.serve("/", content, length=send == "serve")
        report = check("small", url)
        assert report.state == state
        assert [warning.code for warning in report.warnings] == warned
        assert codes(report) == ([] if state == "ready" else ["too_heavy"])

    def test_a_long_url_is_ready_with_a_warning(self, host: PictureHost, check: Check) -> None:
        report = check("small", host.serve("/" + "a" * 300, artwork.good("small")))
        assert report.state == "ready"
        assert [warning.code for warning in report.warnings] == ["long_url"]

    def test_bytes_that_drip_are_a_picture_too(self, host: PictureHost, check: Check) -> None:
        assert check("small", host.drip("/", artwork.good("small"), every=0.001, size=100)).state == "ready"

    def test_reports_are_json(self, host: PictureHost, check: Check) -> None:
        report = check("big", host.serve("/", artwork.png(876, 324)))
        assert PictureReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


class TestStoppingEarly:
    """A huge body is announced or begun; what the host could send tells where the client stopped reading."""

    SOCKET_BUFFERS = 8_000_000

    def test_wrong_dimensions_are_enough(self, host: PictureHost, check: Check) -> None:
        report = check("big", host.endless("/", artwork.png(876, 324)[:33], bytes(65_536)))
        assert (codes(report), report.sha256) == (["wrong_dimensions"], None)
        assert host.sent < self.SOCKET_BUFFERS

    def test_a_few_bytes_are_enough_from_a_host_that_says_no_more(self, host: PictureHost, check: Check) -> None:
        assert codes(check("big", host.stall("/", artwork.png(876, 324)[:33]))) == ["wrong_dimensions"]

    def test_a_start_in_crumbs_is_not_looked_at_for_each_of_them(self, host: PictureHost) -> None:
        looks: list[int] = []
        url = host.chunked("/", bytes(20_000), size=10)
        found = download(
            PictureUrl.parse(url),
            max_bytes=20_000,
            allow_private_addresses=True,
            should_stop=lambda start: looks.append(len(start)),
        )
        assert found.complete
        assert looks[:3] == [10, 20, 30]
        assert 10 < len(looks) < 100

    def test_another_format_is_enough(self, host: PictureHost, check: Check) -> None:
        assert codes(check("big", host.endless("/", artwork.HTML, b" " * 65_536))) == ["wrong_format"]
        assert host.sent < self.SOCKET_BUFFERS

    def test_an_announced_weight_is_enough(self, host: PictureHost, check: Check) -> None:
        report = check("big", host.serve("/", b"", headers={"Content-Length": "1048577"}))
        assert (codes(report), report.size_bytes) == (["too_heavy"], 1_048_577)

    def test_the_first_byte_too_much_is_enough(self, host: PictureHost, check: Check) -> None:
        start = artwork.png()[:33]
        more = artwork.chunk(b"IDAT", bytes(60_000))
        report = check("big", host.endless("/", start, more))
        assert (codes(report), report.size_bytes) == (["too_heavy"], None)
        assert (report.width, report.height) == (984, 369)
        assert host.sent < self.SOCKET_BUFFERS


class TestHosts:
    @pytest.mark.parametrize(
        ("status", "state", "code"),
        [
            (401, "absent", "access_denied"),
            (403, "absent", "access_denied"),
            (404, "absent", "not_found"),
            (408, "absent", "host_busy"),
            (410, "absent", "not_found"),
            (425, "absent", "host_busy"),
            (429, "absent", "host_busy"),
            (500, "absent", "host_busy"),
            (503, "absent", "host_busy"),
            (599, "absent", "host_busy"),
            (201, "wrong", "unexpected_status"),
            (206, "wrong", "unexpected_status"),
            (300, "wrong", "unexpected_status"),
            (302, "wrong", "unexpected_status"),
            (304, "wrong", "unexpected_status"),
            (400, "wrong", "unexpected_status"),
            (418, "wrong", "unexpected_status"),
            (600, "wrong", "unexpected_status"),
        ],
    )
    def test_a_status_is_absent_where_time_may_mend_it(
        self, host: PictureHost, check: Check, status: int, state: str, code: str
    ) -> None:
        report = check("big", host.status("/", status))
        assert (report.state, codes(report)) == (state, [code])
        assert str(status) in report.problems[0].found

    @pytest.mark.parametrize(
        ("header", "seconds"), [("7", 7), ("Fri, 01 May 2020 12:00:00 GMT", 0), ("9999999", 86_400), ("soon", None)]
    )
    def test_retry_after_is_reported(self, host: PictureHost, check: Check, header: str, seconds: float | None) -> None:
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
        ],
        ids=["cut", "cut at once", "reset", "reset in the body", "no HTTP", "no answer"],
    )
    def test_a_connection_that_breaks_is_absent(
        self, host: PictureHost, check: Check, page: Callable[[PictureHost], str], code: str
    ) -> None:
        report = check("big", page(host))
        assert (report.state, codes(report)) == ("absent", [code])

    def test_headers_that_contradict_themselves_are_the_hosts_and_not_the_urls(
        self, host: PictureHost, check: Check
    ) -> None:
        twice = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 70\r\n\r\n"
        report = check("big", host.add("/", lambda handler: handler.send(twice)))
        assert (report.state, codes(report)) == ("absent", ["connection_failed"])

    @pytest.mark.parametrize(
        "page",
        [
            lambda host: host.stall("/"),
            lambda host: host.stall("/", artwork.png()[:1000]),
            lambda host: host.drip("/", artwork.png(), every=0.01),
        ],
        ids=["no answer", "no end", "drip"],
    )
    def test_a_host_that_is_late_is_absent(
        self, host: PictureHost, impatient: Check, page: Callable[[PictureHost], str]
    ) -> None:
        report = impatient("big", page(host))
        assert (report.state, codes(report)) == ("absent", ["timed_out"])

    def test_a_closed_port_is_absent(self, check: Check) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        assert codes(check("big", f"http://127.0.0.1:{port}/")) == ["connection_failed"]

    def test_an_unknown_host_is_absent(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        def getaddrinfo(*_: Any, **__: Any) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        report = check("big", "https://nowhere.example/")
        assert (report.state, codes(report)) == ("absent", ["unknown_host"])

    def test_a_compressed_body_is_refused_unread(self, host: PictureHost, check: Check) -> None:
        report = check("big", host.gzipped("/", artwork.png()))
        assert (report.state, codes(report)) == ("wrong", ["encoded_body"])

    def test_an_identity_encoding_is_none(self, host: PictureHost, check: Check) -> None:
        url = host.serve("/", artwork.png(), headers={"Content-Encoding": "identity"})
        assert check("big", url).state == "ready"

    def test_the_host_is_asked_for_plain_bytes_and_learns_who_asks(self, host: PictureHost, check: Check) -> None:
        check("big", host.serve("/", artwork.png()))
        assert host.headers[0]["Accept-Encoding"] == "identity"
        assert host.headers[0]["User-Agent"] == f"airflow-provider-oppo-image/{__version__}"


class TestCalls:
    @pytest.mark.parametrize("url", [None, "", "None", "big.png", "ftp://host.example/a", "file:///a", 7, "https://[x"])
    def test_no_url_is_a_report_too(self, url: Any) -> None:
        report = check_picture("big", url)
        assert (report.state, codes(report)) == ("wrong", ["bad_url"])

    def test_secrets_are_in_no_report(self) -> None:
        report = check_picture("big", "https://user:secret@host.example/a?signature=secret#secret")
        assert codes(report) == ["credentials_in_url"]
        assert "secret" not in json.dumps(report.to_dict())

    @pytest.mark.parametrize("kind", ["huge", "", None, ["big"]])
    def test_another_kind_is_the_callers_mistake(self, kind: Any) -> None:
        with pytest.raises(ConfigurationError, match="'big' or 'small'"):
            check_picture(kind, "https://host.example/")
        with pytest.raises(ConfigurationError):
            check_file(kind, "a.png")


class TestFiles:
    @pytest.mark.parametrize("kind", ["big", "small"])
    def test_a_file_is_judged_as_a_download_is(
        self, tmp_path: Path, host: PictureHost, check: Check, kind: PictureKind
    ) -> None:
        for number, content in enumerate(
            [
                artwork.png(),
                artwork.jpeg(144, 144),
                b"",
                artwork.cut(artwork.png()),
                artwork.HTML,
                artwork.png(876, 324),
            ]
        ):
            path = tmp_path / f"{number}.png"
            path.write_bytes(content)
            from_file, from_host = check_file(kind, path), check(kind, host.serve("/", content))
            assert (from_file.state, codes(from_file)) == (from_host.state, codes(from_host))
            assert from_file.url == str(path)

    def test_a_large_file_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.png"
        with path.open("wb") as file:
            file.truncate(1 << 40)
        report = check_file("big", str(path))
        assert (codes(report), report.size_bytes) == (["too_heavy"], 1 << 40)

    def test_a_file_that_is_not_there_is_absent(self, tmp_path: Path) -> None:
        report = check_file("big", tmp_path / "none.png")
        assert (report.state, codes(report)) == ("absent", ["not_found"])

    def test_what_is_no_file_cannot_be_read(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path, tmp_path / "pipe", "a\0b", "a" * 5000):
            report = check_file("big", path)
            assert (report.state, codes(report)) == ("wrong", ["unreadable_file"])
