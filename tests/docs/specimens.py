"""Problems with the package's own messages, as the pages on errors show them."""

from __future__ import annotations

import dataclasses
import socket
import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final, TypeAlias, cast

import pytest
from urllib3 import HTTPHeaderDict

from airflow_provider_oppo_image.contract import PICTURE_RULES
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures import download, download_errors, rules
from airflow_provider_oppo_image.pictures.check import check_file, check_picture
from airflow_provider_oppo_image.pictures.image_info import WEB_PAGE, ImageInfo
from airflow_provider_oppo_image.pictures.report import Code, Problem
from tests.support import artwork
from tests.support.picture_host import PictureHost

Specimen: TypeAlias = Callable[[PictureHost], Problem]

BIG: Final = PICTURE_RULES["big"]
PICTURE_URL: Final = "https://cdn.example.com/spring/big.jpg"


def _content(**facts: Any) -> Specimen:
    good = ImageInfo("JPEG", BIG.width, BIG.height)
    return lambda _: rules.judge_content(BIG, dataclasses.replace(good, **facts))[0]


def _url(url: str) -> Specimen:
    def problem(_: PictureHost) -> Problem:
        found = rules.judge_url(PictureUrl.parse(url))
        assert found
        return found

    return problem


def _failure(error: Exception) -> Specimen:
    return lambda _: download_errors.problem_from_exception(error)


def _unverified(_: PictureHost) -> Problem:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "certificate has expired"
    return download_errors.problem_from_exception(error)


def _encoded(host: PictureHost) -> Problem:
    url = host.serve("/big.jpg", artwork.good("big"), headers={"Content-Encoding": "gzip"})
    return check_picture("big", url, allow_private_addresses=True).problems[0]


def _redirected(host: PictureHost) -> Problem:
    url = host.redirect("/big.jpg", "/big.jpg")
    return check_picture("big", url, allow_private_addresses=True).problems[0]


def _insecure(_: PictureHost) -> Problem:
    headers = HTTPHeaderDict({"Location": PICTURE_URL.replace("https", "http")})
    answer = SimpleNamespace(headers=headers, status=302)
    with pytest.raises(download.DownloadError) as raised:
        download._redirect_target(PictureUrl.parse(PICTURE_URL), cast("Any", answer))
    return raised.value.problem


PROBLEMS: Final[dict[Code, Specimen]] = {
    "access_denied": lambda _: download_errors.problem_from_status(403),
    "connection_failed": _failure(ConnectionResetError()),
    "empty": lambda _: rules.EMPTY,
    "host_busy": lambda _: download_errors.problem_from_status(503),
    "not_found": lambda _: download_errors.problem_from_status(404),
    "timed_out": _failure(TimeoutError()),
    "truncated": lambda _: rules.TRUNCATED,
    "unknown_host": _failure(socket.gaierror()),
    "address_refused": _url("http://10.0.0.5/big.jpg"),
    "animated": _content(format="PNG", animated=True),
    "bad_url": _url("cdn.example.com/spring/big.jpg"),
    "broken": _content(broken="premature end of data segment"),
    "cmyk": _content(cmyk=True),
    "credentials_in_url": _url("https://designer:spring@cdn.example.com/big.jpg"),
    "encoded_body": _encoded,
    "exif_rotated": _content(orientation=6),
    "insecure_redirect": _insecure,
    "invisible": _content(format="PNG", invisible=True),
    "too_heavy": lambda _: rules.judge_weight(BIG, 1_310_720)[0],
    "tls_unverified": _unverified,
    "too_many_redirects": _redirected,
    "unexpected_status": lambda _: download_errors.problem_from_status(400),
    "unreadable_file": lambda _: check_file("big", ".").problems[0],
    "unusual_coding": _content(coding="arithmetic coding"),
    "wrong_dimensions": _content(width=876, height=324),
    "wrong_format": _content(format=WEB_PAGE),
    "long_url": lambda _: rules.warnings(BIG, None, PictureUrl.parse(PICTURE_URL.ljust(345, "x")))[0],
    "nearly_too_heavy": lambda _: rules.warnings(BIG, 1_020_000)[0],
}
"""For each code what makes a problem that has it; some need a host."""
