from __future__ import annotations

import contextlib
import io
import json
import types
from collections.abc import Callable
from pathlib import Path

import pytest

# Imported before the tests, so that Airflow's log handlers do not keep a test's standard output.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost

pytestmark = pytest.mark.usefixtures("connect")

MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Spring is here"}}}}


@pytest.fixture
def message(tmp_path: Path) -> str:
    path = tmp_path / "message.json"
    path.write_text(json.dumps(MESSAGE))
    return str(path)


def test_push_prints_the_message_id(sandbox: SandboxServer, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", message]) == main(["push", message]) == 0
    first, second = sandbox.received()["pushes"]
    assert capsys.readouterr().out == f"{first['msg_id']}\n{second['msg_id']}\n"


def test_push_with_picture_ids(
    sandbox: SandboxServer, host: PictureHost, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["upload", "--big", host.serve("/big.png", artwork.png()), "--json"])
    upload = json.loads(capsys.readouterr().out)
    big = upload["big_picture_id"]
    assert main(["push", message, "--big-picture-id", big, "--uploaded-at", upload["uploaded_at"], "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    (push,) = sandbox.received()["pushes"]
    assert data == {"msg_id": push["msg_id"], "cid": push["cid"]}
    assert push["body"]["body"]["options"]["third_party_channel"]["oppo"]["big_picture_id"] == big


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--uploaded-at", "2020-12-01T20:00:00Z"], "does not document"),
        (["--uploaded-at", "2020-12-01T20:00:00Z", "--max-picture-age", "any", "--validate-only"], "days ago"),
        (["--uploaded-at", "2020-12-01"], "with a zone"),
        (["--max-picture-age", "-1"], "above 0"),
    ],
)
def test_age_of_picture_ids(
    sandbox: SandboxServer, message: str, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.suppress(SystemExit):
        assert main(["push", message, "--big-picture-id", "3653918_unknown", *options]) != 0
    assert words in capsys.readouterr().err
    assert "push" not in sandbox.received()["requests"]


def test_message_from_standard_input(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = types.SimpleNamespace(buffer=io.BytesIO(json.dumps(MESSAGE).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["push", "-", "--cid", "spring-1"]) == 0
    (push,) = sandbox.received()["pushes"]
    assert push["cid"] == "spring-1"


def test_retried_request_is_one_push(
    sandbox: SandboxServer, message: str, connect: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    connect(extra={"retry_budget": 30})
    sandbox.fail(call="push", status=500, code=23100, times=1)
    assert main(["push", message]) == 0
    out, err = capsys.readouterr()
    assert len(sandbox.received()["pushes"]) == 1
    assert out.strip().isdigit()
    assert "warning: " in err
    assert "Attempt 1 failed" in err


def test_unknown_outcome_prints_the_cid(
    sandbox: SandboxServer, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.fail(call="push", drop=True, times=1)
    assert main(["push", message, "--json"]) == 3
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert data["error"]["type"] == "OutcomeUnknownError"
    assert f"--cid {data['cid']}" in err


def test_validate_only_sends_nothing(sandbox: SandboxServer, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", message, "--validate-only"]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert main(["push", message, "--validate-only", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"validated": True}
    assert sandbox.received()["pushes"] == []
    assert len(sandbox.received()["validations"]) == 2


def test_push_is_not_sent_after_its_latest_time(
    sandbox: SandboxServer, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", message, "--not-after", "2020-12-01T20:00:00+08:00"]) == 2
    assert "later than --not-after (2020-12-01T20:00:00+08:00)" in capsys.readouterr().err
    assert sandbox.received()["pushes"] == []
    assert main(["push", message, "--not-after", "2120-12-01T20:00:00+08:00"]) == 0
    with pytest.raises(SystemExit, match="2"):
        main(["push", message, "--not-after", "2120-12-01"])
    assert "with a zone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be an object"),
        (b"{}", "no `to`"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_invalid_messages(
    content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "message.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["push", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_cids_different(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "message.json"
    path.write_text(json.dumps(MESSAGE | {"body": MESSAGE["body"] | {"options": {"cid": "one"}}}))
    assert main(["push", str(path), "--cid", "two"]) == 2
    assert "'one'" in capsys.readouterr().err


def test_push_of_results(
    sandbox: SandboxServer, host: PictureHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, message = tmp_path / "night.csv", tmp_path / "message.json"
    url = host.serve("/big.png", artwork.png())
    manifest.write_text(f"name,big_picture_url,segment\nspring,{url},a\nsummer,{url},b\n")
    message.write_text(json.dumps({**MESSAGE, "to": {"tag": ["${segment}"]}}))
    results = tmp_path / "night.results.csv"
    main(["batch", str(manifest), str(results)])
    command = ["push", str(message), "--results", str(results), "--manifest", str(manifest)]
    capsys.readouterr()
    assert main([*command, "--validate-only"]) == main(command) == 0
    assert capsys.readouterr().out == (
        f"2 rows: 2 valid\n2 rows: 2 sent\nresults: {tmp_path / 'night.results.pushes.csv'}\n"
    )
    assert main(command) == 2, "without --resume"
    assert main([*command, "--resume", "--on-unknown-outcome", "send_again"]) == 0
    capsys.readouterr()
    assert main([*command, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sent"] == len(sandbox.received()["pushes"]) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--results", "r.csv", "--cid", "mine"], "--cid cannot be used with --results"),
        (["--manifest", "m.csv", "--resume"], "--manifest, --resume cannot be used without --results"),
    ],
)
def test_options_of_one_push_and_of_many_exclude_each_other(
    message: str, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", message, *options]) == 2
    assert words in capsys.readouterr().err
