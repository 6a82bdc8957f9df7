from __future__ import annotations

import json
import re

import pytest

# Imported before the tests, so that Airflow's log handlers do not keep a test's standard output.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost

pytestmark = pytest.mark.usefixtures("connect")


def test_upload_prints_the_ids_as_json(
    sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [host.serve("/big.png", artwork.png()), host.serve("/small.png", artwork.png(144, 144))]
    assert main(["upload", "--big", urls[0], "--small", urls[1], "--json"]) == 0
    out, err = capsys.readouterr()
    ids = json.loads(out)
    assert list(ids) == ["big_picture_id", "small_picture_id", "uploaded_at"]
    del ids["uploaded_at"]
    assert sorted(ids.values()) == sorted(upload["id"] for upload in sandbox.received()["uploads"])
    assert err == ""


def test_upload_prints_a_table(sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upload", "--small", host.serve("/small.png", artwork.png(144, 144))]) == 0
    assert re.fullmatch(r"  small_picture_id  \S+\n", capsys.readouterr().out)


def test_wrong_picture_is_not_uploaded(
    sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
) -> None:
    url = host.serve("/old.png", artwork.png(876, 324))
    assert main(["upload", "--big", url, "--json"]) == 1
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert error["type"] == "PictureWrongError"
    assert error["reports"][0]["problems"][0]["code"] == "wrong_dimensions"
    assert "wrong_dimensions" in err
    assert sandbox.received()["uploads"] == []


@pytest.mark.parametrize("as_json", [False, True])
def test_failed_upload_prints_other_id(
    as_json: bool, sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [host.serve("/old.png", artwork.png(876, 324)), host.serve("/small.png", artwork.png(144, 144))]
    options = ["--no-check", *(["--json"] if as_json else [])]
    assert main(["upload", "--big", urls[0], "--small", urls[1], *options]) == 1
    out, err = capsys.readouterr()
    kept = next(upload["id"] for upload in sandbox.received()["uploads"] if upload["id"])
    assert "big picture" in err
    if as_json:
        data = json.loads(out)
        assert (data["big_picture_id"], data["small_picture_id"]) == (None, kept)
        assert (data["error"]["type"], data["error"]["code"]) == ("PictureRefusedError", 51)
    else:
        assert out == f"  small_picture_id  {kept}\n"


def test_failed_uploads_print_both_errors(
    sandbox: SandboxServer, host: PictureHost, capsys: pytest.CaptureFixture[str]
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
        (["--big", "big.png"], "http"),
        (["--big", "https://example.com/a.png", "--small", "https://example.com/a.png"], "the same URL"),
    ],
)
def test_invalid_urls_need_no_connection(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_OPPO_IMAGE_DEFAULT")
    assert main(["upload", *arguments]) == 2
    assert words in capsys.readouterr().err
