"""`upload`, `push` and `connection test`, against a sandbox."""

from __future__ import annotations

import io
import json
import re
import sys
import types
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Imported before any test, so that Airflow's log handlers do not keep a test's standard output.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.cli.support import Start
from tests.support import artwork
from tests.support.picture_host import PictureHost

MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Spring is here"}}}}
VARIABLE = "AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"


@pytest.fixture(autouse=True)
def _process_context_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests in this process do not mean to ask Airflow's database."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT")


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    running.recover()
    running.forget()
    monkeypatch.setenv(VARIABLE, connection(running.url))
    return running


def connection(url: str, **changes: Any) -> str:
    fields = {
        "conn_type": "oppo_image",
        "login": "sandbox-app-key",
        "password": "sandbox-master-secret",
        "host": url,
        "extra": {"allow_private_addresses": True, "retry_budget": 0},
    }
    return json.dumps(fields | changes)


@pytest.fixture
def message(tmp_path: Path) -> str:
    path = tmp_path / "message.json"
    path.write_text(json.dumps(MESSAGE))
    return str(path)


class TestUpload:
    def test_two_pictures_become_two_ids(
        self, sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
    ) -> None:
        urls = [host.serve("/big.png", artwork.png()), host.serve("/small.png", artwork.png(144, 144))]
        assert main(["upload", "--big", urls[0], "--small", urls[1], "--json"]) == 0
        out, err = capsys.readouterr()
        ids = json.loads(out)
        assert list(ids) == ["big_picture_id", "small_picture_id"]
        assert sorted(ids.values()) == sorted(upload["id"] for upload in sandbox.received()["uploads"])
        assert err == ""

    def test_a_person_gets_an_aligned_table(
        self, sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["upload", "--small", host.serve("/small.png", artwork.png(144, 144))]) == 0
        assert re.fullmatch(r"  small_picture_id  \S+\n", capsys.readouterr().out)

    def test_a_wrong_picture_is_not_uploaded(
        self, sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
    ) -> None:
        url = host.serve("/old.png", artwork.png(876, 324))
        assert main(["upload", "--big", url, "--json"]) == 1
        out, err = capsys.readouterr()
        error = json.loads(out)["error"]
        assert error["type"] == "PictureWrongError"
        assert error["reports"][0]["problems"][0]["code"] == "wrong_dimensions"
        assert "wrong_dimensions" in err
        assert sandbox.received()["uploads"] == []

    def test_an_absent_picture_ends_with_3(self, sandbox: SandboxServer, host: PictureHost) -> None:
        assert main(["upload", "--big", host.status("/big.png", 404)]) == 3

    @pytest.mark.parametrize("as_json", [False, True])
    def test_where_one_of_two_fails_the_id_of_the_other_is_told(
        self, as_json: bool, sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
    ) -> None:
        urls = [host.serve("/old.png", artwork.png(876, 324)), host.serve("/small.png", artwork.png(144, 144))]
        options = ["--no-check", *(["--json"] if as_json else [])]
        assert main(["upload", "--big", urls[0], "--small", urls[1], *options]) == 1
        out, err = capsys.readouterr()
        kept = next(upload["id"] for upload in sandbox.received()["uploads"] if upload["id"])
        assert "big picture" in err
        if as_json:
            answer = json.loads(out)
            assert (answer["big_picture_id"], answer["small_picture_id"]) == (None, kept)
            assert (answer["error"]["type"], answer["error"]["code"]) == ("PictureRefusedError", 51)
        else:
            assert out == f"  small_picture_id  {kept}\n"

    def test_where_both_fail_both_are_told(
        self, sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
    ) -> None:
        urls = [host.serve(path, artwork.png(876, 324)) for path in ("/old.png", "/older.png")]
        assert main(["upload", "--big", urls[0], "--small", urls[1], "--no-check"]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert len(re.findall(r"^error: .*(?:big|small) picture", err, re.MULTILINE)) == 2

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], "Give --big URL, --small URL or both"),
            (["--big", "big.png"], "not one"),
            (["--big", "https://example.com/a.png", "--small", "https://example.com/a.png"], "the same URL"),
        ],
    )
    def test_urls_that_are_none_are_told_before_airflow_is_asked(
        self, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        assert main(["upload", *arguments]) == 2
        assert words in capsys.readouterr().err


class TestPush:
    def test_it_prints_the_message_id(
        self, sandbox: SandboxServer, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["push", message]) == 0
        (push,) = sandbox.received()["pushes"]
        assert capsys.readouterr().out == f"{push['msg_id']}\n"

    def test_the_same_message_twice_is_two_pushes(self, sandbox: SandboxServer, message: str) -> None:
        assert [main(["push", message]), main(["push", message])] == [0, 0]
        assert len(sandbox.received()["pushes"]) == 2

    def test_it_carries_the_pictures(
        self, sandbox: SandboxServer, host: PictureHost, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["upload", "--big", host.serve("/big.png", artwork.png()), "--json"])
        big = json.loads(capsys.readouterr().out)["big_picture_id"]
        assert main(["push", message, "--big-picture-id", big, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        (push,) = sandbox.received()["pushes"]
        assert answer == {"msg_id": push["msg_id"], "cid": push["cid"]}
        assert push["body"]["body"]["options"]["third_party_channel"]["oppo"]["big_picture_id"] == big

    def test_it_reads_standard_input(self, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
        stdin = types.SimpleNamespace(buffer=io.BytesIO(json.dumps(MESSAGE).encode()))
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(["push", "-", "--cid", "spring-1"]) == 0
        (push,) = sandbox.received()["pushes"]
        assert push["cid"] == "spring-1"

    def test_a_request_that_is_tried_again_is_one_push(
        self, sandbox: SandboxServer, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        extra = {"retry_budget": 30}
        monkeypatch.setenv(VARIABLE, connection(sandbox.url, extra=extra))
        sandbox.fail(call="push", status=500, code=23100, times=1)
        assert main(["push", message]) == 0
        out, err = capsys.readouterr()
        assert len(sandbox.received()["pushes"]) == 1
        assert out.strip().isdigit()
        assert "warning: " in err
        assert "Attempt 1 failed" in err

    def test_one_that_may_have_been_sent_says_how_to_try_it_again(
        self, sandbox: SandboxServer, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox.fail(call="push", drop=True, times=1)
        assert main(["push", message, "--json"]) == 3
        out, err = capsys.readouterr()
        answer = json.loads(out)
        assert answer["error"]["type"] == "OutcomeUnknownError"
        assert f"--cid {answer['cid']}" in err

    def test_validate_only_sends_nothing(
        self, sandbox: SandboxServer, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["push", message, "--validate-only"]) == 0
        assert "nothing was sent" in capsys.readouterr().out
        assert main(["push", message, "--validate-only", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"validated": True}
        assert sandbox.received()["pushes"] == []
        assert len(sandbox.received()["validations"]) == 2

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "is not JSON"),
            (b"\xff\xfe{", "is not JSON"),
            (b"[" * 100_000, "is not JSON"),
            (b"[]", "must be an object"),
            (b"{}", "must have `to`"),
            (None, "cannot be read: No such file or directory"),
        ],
    )
    def test_a_message_that_is_none_is_told_before_anything_is_sent(
        self, content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "message.json"
        if content is not None:
            path.write_bytes(content)
        assert main(["push", str(path)]) == 2
        assert words in capsys.readouterr().err

    def test_two_different_cids_are_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "message.json"
        path.write_text(json.dumps(MESSAGE | {"body": MESSAGE["body"] | {"options": {"cid": "one"}}}))
        assert main(["push", str(path), "--cid", "two"]) == 2
        assert "'one'" in capsys.readouterr().err


class TestConnection:
    def test_a_good_one_is_told(self, sandbox: SandboxServer, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["connection", "test"]) == 0
        out, err = capsys.readouterr()
        assert "accepts AppKey sandbox-app-key" in out
        assert err == ""
        assert main(["connection", "test", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"status": True, "message": out.strip()}

    @pytest.mark.parametrize("verbose", [[], ["--verbose"]])
    def test_a_wrong_secret_is_told_and_not_shown(
        self,
        verbose: list[str],
        sandbox: SandboxServer,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv(VARIABLE, connection(sandbox.url, password="hush-hush-hush"))
        assert main(["connection", "test", "--json", *verbose]) == 3
        out, err = capsys.readouterr()
        assert json.loads(out)["status"] is False
        assert "master secret" in err
        assert "hush-hush-hush" not in out + err
        assert b64encode(b"sandbox-app-key:hush-hush-hush").decode() not in out + err

    @pytest.mark.parametrize(
        ("stored", "words"),
        [
            (connection("", login=""), "has no AppKey"),
            (connection("", password=""), "has no master secret"),
            (connection("", conn_type="http"), "not 'http'"),
            (connection("", extra={"data_center": "the moon"}), "must be one of"),
        ],
    )
    def test_an_unusable_one_is_told_with_code_2(
        self, stored: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(VARIABLE, stored)
        assert main(["connection", "test"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err

    def test_unknown_keys_are_named(
        self, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(VARIABLE, connection(sandbox.url, extra={"data_centre": "japan"}))
        assert main(["connection", "test"]) == 0
        assert "unknown keys: data_centre" in capsys.readouterr().err

    def test_one_in_airflows_database_is_found(
        self, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from airflow.models.connection import Connection

        def stored(backend: object, conn_id: str, *args: object, **kwargs: object) -> Connection:
            return Connection(conn_id=conn_id, **json.loads(connection(sandbox.url)))

        monkeypatch.setattr("airflow.secrets.metastore.MetastoreBackend.get_connection", stored)
        assert main(["connection", "test", "--conn-id", "stored"]) == 0
        assert "accepts AppKey" in capsys.readouterr().out

    def test_one_that_is_not_there_is_told_and_stdout_is_ours_alone(self, start: Start) -> None:
        process = start("connection", "test", "--conn-id", "nowhere", "--json")
        out, err = process.communicate()
        assert process.returncode == 2
        message = json.loads(out)["error"]["message"]
        assert "no connection 'nowhere'" in message
        assert "AIRFLOW_CONN_NOWHERE" in message
        assert err == f"error: {message}\n"

    def test_verbose_shows_airflows_words_on_stderr_only(self, sandbox: SandboxServer, start: Start) -> None:
        stored = connection(sandbox.url, extra={"unknown": 1})
        process = start("connection", "test", "--json", "--verbose", env={VARIABLE: stored})
        out, err = process.communicate()
        assert process.returncode == 0
        assert json.loads(out)["status"] is True
        assert "OppoImageHook" in err or "oppo_image.py" in err

    def test_an_airflow_that_does_not_start_is_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "airflow_provider_oppo_image.hooks.oppo_image", None)
        assert main(["connection", "test"]) == 2
        assert "Airflow does not start here (ModuleNotFoundError" in capsys.readouterr().err
