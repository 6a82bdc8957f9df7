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
from scripts import live as script
from scripts.live import main
from tests.support import artwork
from tests.support.picture_host import PictureHost

APP_KEY = "4c5f0e9b7a3d42d18c6be2f0"
SECRET = "b1946ac92492d2347c6235b4"
EXPECTED, DIFFERENT, NOT_TESTED = 0, 1, 2
SIGNED = "?Signature=9f86d081884c7d659a2f"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def live() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxOptions(APP_KEY, SECRET)) as server:
        yield server


@pytest.fixture
def run(
    connect: Callable[..., None], host: PictureHost, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run it against a service, and return its exit code and what it printed."""
    monkeypatch.setattr(script, "NOWHERE", host.base_url + "/none.png")
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


SMALL = ("upload_small", "Upload the small picture")
WRONG_SECRET = ("validate", "Validate a push with a wrong master secret")
UNKNOWN_PUSH = ("status", "Ask for the status of a push that was never sent")
EXPIRING = '{"small_picture_id": "1_00000000000000000000000a", "expires": 30}'


@pytest.mark.parametrize(
    ("where", "fault", "words"),
    [
        (
            SMALL,
            {"code": 777, "status": 200},
            "code 777, expected no code; our code raises RequestRefusedError, expected no error",
        ),
        (
            SMALL,
            {"body": '{"small_picture_id": "group1/M00/x.png"}'},
            "small_picture_id has the form aaaaa9/a99/a.aaa, expected [0-9]+_[0-9a-f]{24}",
        ),
        (
            SMALL,
            {"body": EXPIRING},
            "the body has expires (number), small_picture_id (text), expected small_picture_id (text)",
        ),
        (WRONG_SECRET, {"body": "success"}, "HTTP 200, expected 401"),
        (UNKNOWN_PUSH, {"code": 21003}, "code 21003, expected no"),
        (SMALL, {"code": 51, "status": 400}, "HTTP 400 with code 51, expected 200 by contract.py"),
        (SMALL, {"code": 777, "status": 400}, "code 777 is not in contract.py"),
    ],
)
def test_differences(live: SandboxServer, run: Run, where: tuple[str, str], fault: dict[str, Any], words: str) -> None:
    call, question = where
    live.fail(call=call, **({"status": 200} if "body" in fault else {}), **fault)
    code, printed = run(live.url)
    assert code == DIFFERENT
    found = row(printed, question)
    assert ": DIFFERENT: " in found
    assert words in found


@pytest.mark.parametrize(("kind", "code"), [("small", 23100), ("big", 34)])
def test_failure_is_not_tested(live: SandboxServer, run: Run, kind: str, code: int) -> None:
    live.fail(call=f"upload_{kind}", code=code)
    left, printed = run(live.url)
    assert left == NOT_TESTED
    assert ": NOT TESTED: Uploading http" in row(printed, f"Upload the {kind} picture")
    assert ": NOT TESTED: it needs the ids of both pictures" in row(printed, "Validate a push with the pictures")


def test_rejected_credentials_stop(live: SandboxServer, run: Run, connect: Callable[..., None]) -> None:
    live.fail(call="upload", code=23001)
    code, printed = run(live.url)
    assert code == NOT_TESTED
    assert "1. Test the credentials: NOT TESTED: Testing the credentials: Basic authentication failed" in printed
    assert "1 questions: 0 as expected, 0 different, 1 not tested" in printed
    assert live.received()["uploads"] == []


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
