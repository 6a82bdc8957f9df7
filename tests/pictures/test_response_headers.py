"""Unusual response headers that browsers accept: the check reads the bytes, or reports the problem."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.support import artwork
from tests.support.picture_host import PictureHost

Check = Callable[..., PictureReport]


def raw(host: PictureHost, path: str, answer: str) -> str:
    """Answer with nothing but some text."""
    return host.add(path, lambda handler: handler.wfile.write(answer.encode("latin-1")))


@pytest.mark.parametrize("coding", ["base64", "binary", "utf-8", "aws-chunked", "identity", "Identity, none", ""])
def test_content_encoding_not_coding(host: PictureHost, check: Check, coding: str) -> None:
    url = host.serve("/", artwork.good("small"), headers={"Content-Encoding": coding})
    assert check("small", url).state == "ready"
    url = host.serve("/", b"aGVsbG8=" * 99, headers={"Content-Encoding": coding})
    assert check("small", url).problems[0].code == "wrong_format"


@pytest.mark.parametrize("coding", ["gzip", "X-GZIP", "br", "zstd", "deflate", "aws-chunked, gzip"])
def test_content_coding(host: PictureHost, check: Check, coding: str) -> None:
    url = host.serve("/", artwork.good("small"), headers={"Content-Encoding": coding})
    (problem,) = check("small", url).problems
    assert problem.code == "encoded_body"
    assert coding.split()[-1].lower() in problem.found


@pytest.mark.parametrize("status", [202, 408, 420, 423, 425, 429, 500, 503, 599])
def test_status_that_asks_to_come_again(host: PictureHost, check: Check, status: int) -> None:
    report = check("small", host.serve("/", b"", status=status))
    assert (report.state, report.problems[0].code, report.retry_after) == ("absent", "host_busy", None)


@pytest.mark.parametrize("status", [206, 226, 300, 305, 400, 405, 409, 418, 451])
def test_any_status_with_retry_after(host: PictureHost, check: Check, status: int) -> None:
    assert check("small", host.serve("/", b"", status=status)).state == "wrong"
    report = check("small", host.serve("/", b"", status=status, headers={"Retry-After": "5"}))
    assert (report.state, report.problems[0].code, report.retry_after) == ("absent", "host_busy", 5)


@pytest.mark.parametrize("blanks", [("", " "), ("  ", "\t"), ("\t", "")])
def test_blanks_around_a_location(host: PictureHost, check: Check, blanks: tuple[str, str]) -> None:
    host.serve("/small.png", artwork.good("small"))
    before, after = blanks
    url = host.serve("/", b"", status=302, headers={"Location": f"{before}/small.png{after}"})
    assert check("small", url).state == "ready"


def test_location_twice(host: PictureHost, check: Check) -> None:
    host.serve("/small.png", artwork.good("small"))
    head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /small.png\r\nLocation: {}\r\n\r\n"
    same = raw(host, "/same", head.format("/small.png "))
    other = raw(host, "/other", head.format("/else.png"))
    assert check("small", same).state == "ready"
    report = check("small", other)
    assert (report.state, report.problems[0].code) == ("wrong", "unexpected_status")
    assert "2 different Location" in report.problems[0].found


@pytest.mark.parametrize("path", ["/100%.png", "/a%20b%.png", "/%E4%BD%A0%zz.png"])
def test_bare_percent_sign(host: PictureHost, check: Check, path: str) -> None:
    host.serve(path, artwork.good("small"))
    check("small", host.base_url + path)
    host.serve("/redirect", b"", status=302, headers={"Location": path})
    check("small", host.base_url + "/redirect")
    sent = path.replace("%.", "%25.").replace("%zz", "%25zz")
    assert host.requests == [sent, "/redirect", sent]


def test_number_as_timeout(host: PictureHost) -> None:
    url = host.stall("/", artwork.good("small")[:40])
    report = check_picture("small", url, allow_private_addresses=True, timeout=0.3)
    assert report.problems[0].code == "timed_out"
    url = host.serve("/", artwork.good("small"))
    for timeout in (20, 20.0, None):
        assert check_picture("small", url, allow_private_addresses=True, timeout=timeout).state == "ready"


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), True, "5"])
def test_timeout_not_number_of_seconds(timeout: object) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        check_picture("small", "https://cdn.example.com/small.png", timeout=timeout)  # type: ignore[arg-type]
