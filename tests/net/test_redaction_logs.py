"""What urllib3 writes to the log about our requests, on real sockets; what others' requests log stays as it is."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Iterator

import pytest
import requests

from airflow_provider_oppo_image.net.deadline import deadline
from airflow_provider_oppo_image.net.session import open_session
from tests.support.fault_server import FaultServer, Reply, answer, close, send

MALFORMED = [send(b"HTTP/1.1 200 OK\r\n hush-hush-1\r\nhush-hush-2\r\nContent-Length: 2\r\n\r\nok"), close]


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "urllib3"):
        yield


def ask(reply: Reply, path: str = "/big.png?X-Signature=(hush)'hush&more=hush") -> None:
    with FaultServer(reply) as server, open_session(server.url) as session, deadline(10):
        session.get(server.url + path, timeout=10)


def test_a_query_is_shortened_and_the_rest_of_the_line_stays(caplog: pytest.LogCaptureFixture) -> None:
    ask(answer(200, b"ok"))
    assert '"GET /big.png?… HTTP/1.1" 200 2' in caplog.text
    assert "hush" not in caplog.text


def test_headers_that_cannot_be_parsed_are_named_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    ask(MALFORMED)
    assert "Failed to parse headers" in caplog.text
    assert "hush" not in caplog.text
    assert "Traceback" not in caplog.text


def test_the_debug_flag_of_the_standard_library_prints_nothing_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    ask(answer(200, b"ok"))
    printed = capsys.readouterr().out
    assert "send:" not in printed
    assert "header:" not in printed


def test_the_lines_of_others_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    for reply in (answer(200, b"ok"), MALFORMED):
        with FaultServer(reply) as server:
            requests.get(server.url + "/?theirs=1", timeout=10)
    assert '"GET /?theirs=1 HTTP/1.1" 200 2' in caplog.text
    assert "hush-hush-1" in caplog.text
    assert "send: b'GET /?theirs=1 HTTP/1.1" in capsys.readouterr().out
