"""`make test-live`, with a sandbox instead of the live service."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401  # imports Airflow, and not in the first test's time
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import free_port
from scripts.live import questions
from scripts.live.__main__ import DIFFERENT, EXPECTED, NOT_TESTED, main
from tests.support import artwork
from tests.support.fault_server import FaultServer, answer
from tests.support.picture_host import PictureHost

APP_KEY = "4c5f0e9b7a3d42d18c6be2f0"
SECRET = "b1946ac92492d2347c6235b4"
SIGNED = "?Signature=9f86d081884c7d659a2f"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def live() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxOptions(APP_KEY, SECRET)) as server:
        yield server


@pytest.fixture
def run(
    connect: Callable[..., None],
    host: PictureHost,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run it against a service, and return its exit code and what it printed."""
    monkeypatch.setattr(questions, "NOWHERE", host.base_url + "/none.png")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    urls = {
        "big": host.serve("/big.png", artwork.png()) + SIGNED,
        "small": host.serve("/small.jpg", artwork.jpeg(144, 144)) + SIGNED,
        "wrong": host.serve("/wrong.png", artwork.png(876, 324)) + SIGNED,
    }

    def ask(url: str, **other: str | None) -> tuple[int, str]:
        connect(login=APP_KEY, password=SECRET, host=url)
        named = {kind: url for kind, url in (urls | other).items() if url}
        code = main([word for kind, url in named.items() for word in (f"--{kind}", url)])
        return code, "".join(capsys.readouterr())

    return ask


def row(printed: str, name: str) -> str:
    """Return the lines about one question."""
    [found] = [part for part in printed.split("\n\n") if f". {name}: " in part]
    return found


def test_service_as_expected(live: SandboxServer, run: Run) -> None:
    code, printed = run(live.url)
    assert code == EXPECTED, printed
    assert "DIFFERENT" not in printed
    assert "14 questions: 14 as expected, 0 different, 0 not tested. Nothing was sent to any phone." in printed
    assert '\'{"big_picture_id":"9999999_' in row(printed, "Upload the big picture")
    refused = row(printed, "Upload a wrong picture")
    assert 'answer    HTTP 200 \'{"error":{"code":51,' in refused
    assert "our code  PictureRefusedError (code 51, permanent, of the picture)" in refused
    assert "contract  code 51, HTTP 200: OPPO refused the picture (page; OPPO: invalid picture)" in refused
    assert 'sandbox   HTTP 200 \'{"error":{"code":51,' in refused


def test_uploads_and_no_push(live: SandboxServer, run: Run) -> None:
    _, printed = run(live.url)
    received = live.received()
    accepted = [upload["kind"] for upload in received["uploads"] if upload["id"]]
    assert accepted == ["big", "small"]
    assert received["pushes"] == []
    assert len(received["validations"]) == 1
    assert "This uploads three pictures to the account of connection 'oppo_image_default'" in printed
    assert "It sends no push" in printed


def test_without_wrong_picture(live: SandboxServer, run: Run) -> None:
    code, printed = run(live.url, wrong=None)
    assert code == EXPECTED
    assert "13 questions: 13 as expected" in printed
    assert "This uploads two pictures" in printed
    assert "with WRONG= to see OPPO's refusal" in printed


def test_prints_no_secret(live: SandboxServer, run: Run) -> None:
    token = base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode()
    for call, body in (("upload_big", f"{token} {APP_KEY} {SECRET}"), ("validate", json.dumps({"msg_id": SECRET}))):
        live.fail(call=call, status=200, body=body)
    code, printed = run(live.url)
    ids = [upload["id"] for upload in live.received()["uploads"] if upload["id"]]
    assert code == DIFFERENT
    for secret in (APP_KEY, SECRET, token, SIGNED[1:], *ids):
        assert secret not in printed
        assert secret[4:16] not in printed


def test_both_pictures_accepted_is_different(run: Run) -> None:
    with SandboxServer(SandboxOptions(APP_KEY, SECRET, both_urls=True)) as live:
        code, printed = run(live.url)
    assert code == DIFFERENT
    both = row(printed, "Upload both pictures in one request")
    assert "request: DIFFERENT: HTTP 200, expected 400; no code, expected code 21003; our code raises no" in both
    assert "1 different" in printed
    assert "it has no secret" in printed


@pytest.mark.parametrize(
    ("call", "fault", "question", "words"),
    [
        (
            "upload_small",
            {"code": 777, "status": 200},
            "Upload the small picture",
            "code 777, expected no code; our code raises RequestRefusedError, expected no error",
        ),
        (
            "upload_small",
            {"status": 200, "body": '{"small_picture_id": "group1/M00/x.png"}'},
            "Upload the small picture",
            "small_picture_id has the form aaaaa9/a99/a.aaa, expected [0-9]+_[0-9a-f]{24}",
        ),
        (
            "upload_small",
            {"status": 200, "body": '{"small_picture_id": "1_00000000000000000000000a", "expires": 30}'},
            "Upload the small picture",
            "the body has expires (number), small_picture_id (text), expected small_picture_id (text)",
        ),
        (
            "validate",
            {"status": 200, "body": "success"},
            "Validate a push with a wrong master secret",
            "HTTP 200, expected 401",
        ),
        ("status", {"code": 21003}, "Ask for the status of a push that was never sent", "code 21003, expected no"),
        (
            "upload_small",
            {"code": 51, "status": 400},
            "Upload the small picture",
            "HTTP 400 with code 51, expected 200 by contract.py",
        ),
        ("upload_small", {"code": 777, "status": 400}, "Upload the small picture", "code 777 is not in contract.py"),
    ],
)
def test_differences(
    live: SandboxServer, run: Run, call: str, fault: dict[str, Any], question: str, words: str
) -> None:
    live.fail(call=call, **fault)
    code, printed = run(live.url)
    assert code == DIFFERENT
    found = row(printed, question)
    assert ": DIFFERENT: " in found
    assert words in found


def test_empty_id_is_expected(live: SandboxServer, run: Run) -> None:
    body = '{"big_picture_id": "1_00000000000000000000000a", "small_picture_id": ""}'
    live.fail(call="upload_big", status=200, body=body)
    _, printed = run(live.url)
    assert ": as expected" in row(printed, "Upload the big picture")


def test_push_without_target_is_expected(live: SandboxServer, run: Run) -> None:
    for code in (21004, 21011, 21011):
        live.fail(call="validate", code=code)
    code, printed = run(live.url)
    assert code == EXPECTED, printed


def test_transient_failure_is_not_tested(live: SandboxServer, run: Run) -> None:
    live.fail(call="upload_small", code=23100)
    code, printed = run(live.url)
    assert code == NOT_TESTED
    assert ": NOT TESTED: Uploading the small picture" in row(printed, "Upload the small picture")
    assert ": NOT TESTED: it needs the ids of both pictures" in row(printed, "Validate a push with the pictures")
    assert "12 as expected, 0 different, 2 not tested" in printed


def test_daily_limit_is_not_tested(live: SandboxServer, run: Run) -> None:
    live.fail(call="upload_big", code=34)
    code, printed = run(live.url)
    assert code == NOT_TESTED
    assert ": NOT TESTED: Uploading the big picture" in row(printed, "Upload the big picture")


def test_other_code_for_wrong_secret(live: SandboxServer, run: Run) -> None:
    live.fail(call="upload", code=23002)
    live.fail(call="upload", code=21004)
    code, printed = run(live.url)
    assert code == DIFFERENT
    assert "code 21004, expected code 23001" in row(printed, "Test a wrong master secret")


def test_other_website_is_different(run: Run) -> None:
    with FaultServer(answer(200, b"<html>Please sign in</html>")) as live:
        code, printed = run(live.url)
    assert code == DIFFERENT
    assert "our code  UnreadableAnswerError" in row(printed, "Upload the big picture")


def test_rejected_credentials_stop(live: SandboxServer, run: Run, connect: Callable[..., None]) -> None:
    live.fail(call="upload", code=23001)
    code, printed = run(live.url)
    assert code == NOT_TESTED
    assert "1. Test the credentials: NOT TESTED: Testing the credentials: Basic authentication failed" in printed
    assert "1 questions: 0 as expected, 0 different, 1 not tested" in printed
    assert live.received()["uploads"] == []


def test_unreachable_service_stops(run: Run) -> None:
    code, printed = run(f"http://127.0.0.1:{free_port()}")
    assert code == NOT_TESTED
    assert "was not reached" in row(printed, "Test the credentials")


def test_pictures_are_checked_first(live: SandboxServer, run: Run, host: PictureHost) -> None:
    missing, good = host.base_url + "/none.png", host.serve("/good.png", artwork.png())
    for pictures, words in (
        ({"big": missing}, "/none.png is absent as a big picture; it must be ready."),
        ({"small": good}, "/good.png is wrong as a small picture; it must be ready."),
        ({"wrong": good}, "/good.png is ready as a big picture; it must be wrong."),
    ):
        code, printed = run(live.url, **pictures)
        assert code == NOT_TESTED
        assert words in printed
    received = live.received()
    assert received["uploads"] == received["refusals"] == []


@pytest.mark.parametrize("arguments", [[], ["--big", "", "--small", "https://cdn.example.com/small.png"]])
def test_requires_pictures(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == NOT_TESTED
    assert "--big" in capsys.readouterr().err


def test_requires_usable_connection(run: Run, live: SandboxServer, connect: Callable[..., None]) -> None:
    code, printed = run("ftp://nowhere")
    assert code == NOT_TESTED
    assert "error: The connection's host" in printed
