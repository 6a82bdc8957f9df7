from __future__ import annotations

import _thread
import contextlib
import csv
import json
import os
import pty
import signal
import sys
import threading
import time
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


@pytest.fixture
def results(tmp_path: Path) -> str:
    return str(tmp_path / "results.csv")


@pytest.fixture
def manifest(host: PictureHost, tmp_path: Path) -> str:
    return write_manifest(tmp_path, host.serve("/big.jpg", artwork.good("big", "JPEG")))


def write_manifest(folder: Path, *urls: str) -> str:
    path = folder / "night.csv"
    path.write_text("name,big_picture_url\n" + "".join(f"c{number},{url}\n" for number, url in enumerate(urls)))
    return str(path)


def states(results: str) -> list[str]:
    return [row["state"] for row in csv.DictReader(Path(results).open())]


def test_batch_uploads_and_writes_results(manifest: str, results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", manifest, results]) == 0
    out, err = capsys.readouterr()
    assert out == f"1 row: 1 uploaded\nresults: {results}\n"
    assert "1 of 1 pictures (100 %): 1 uploaded, 0 failed" in err
    assert states(results) == ["uploaded"]


def test_completed_batch_does_nothing(
    sandbox: SandboxServer, manifest: str, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for already_complete in (False, True):
        assert main(["batch", manifest, results, "--json"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert (summary["uploaded"], summary["results"]) == (1, results)
        assert summary["already_complete"] == already_complete
    assert main(["batch", manifest, results]) == 0
    assert "nothing was sent" in capsys.readouterr().err
    assert len(sandbox.received()["uploads"]) == 1


def test_failed_rows_need_resume(
    sandbox: SandboxServer, host: PictureHost, tmp_path: Path, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [host.serve("/old.jpg", artwork.jpeg(876, 324)), host.serve("/big.jpg", artwork.good("big", "JPEG"))]
    manifest = write_manifest(tmp_path, *urls)
    assert main(["batch", manifest, results]) == 1
    err = capsys.readouterr().err
    assert "1 of 2 rows failed" in err
    assert err.endswith(f"To continue: oppo-image batch {manifest} {results} --resume\n")
    host.serve("/old.jpg", artwork.good("big", "JPEG"))
    assert main(["batch", manifest, results]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["batch", manifest, results, "--resume"]) == 0
    assert states(results) == ["uploaded"] * 2
    assert len(sandbox.received()["uploads"]) == 2


def test_batch_no_check_uploads_anyway(
    host: PictureHost, tmp_path: Path, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write_manifest(tmp_path, host.serve("/old.jpg", artwork.jpeg(876, 324)))
    assert main(["batch", manifest, results, "--no-check", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["error"]["type"], data["causes"][0]["code"], data["failed"]) == ("BatchError", "51", 1)
    assert "whose fault" not in data["error"]["message"]


def test_batch_with_wrong_secret_is_refused(
    connect: Callable[..., None], manifest: str, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(password="hush-hush-hush")
    assert main(["batch", manifest, results, "--no-check", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "AccountError"


@pytest.mark.parametrize(("rate", "options"), [(30, []), (1, ["--rate", "30"])])
def test_rate_is_respected(
    rate: float,
    options: list[str],
    sandbox: SandboxServer,
    connect: Callable[..., None],
    host: PictureHost,
    tmp_path: Path,
    results: str,
) -> None:
    connect(extra={"rate": rate, "allow_private_addresses": True})
    url = host.serve("/big.jpg", artwork.good("big", "JPEG"))
    manifest = write_manifest(tmp_path, *(f"{url}?{number}" for number in range(60)))
    assert main(["batch", manifest, results, *options, "--no-check"]) == 0
    # Without the limit, all 60 arrive in one second. A loaded machine delivers some of them late, and so in bunches.
    assert sandbox.received()["peak_per_second"] <= 45


def test_invalid_manifest_is_usage_error(tmp_path: Path, results: str) -> None:
    (tmp_path / "night.csv").write_bytes(b"PK\x03\x04 a spreadsheet\x00")
    assert main(["batch", str(tmp_path / "night.csv"), results]) == 2
    assert not Path(results + ".parts").exists()


def test_interrupted_batch_resumes(
    sandbox: SandboxServer, host: PictureHost, tmp_path: Path, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        while len(sandbox.received()["uploads"]) < 100:
            time.sleep(0.01)
        _thread.interrupt_main()

    url = host.serve("/big.jpg", artwork.good("big", "JPEG"))
    manifest = write_manifest(tmp_path, *(f"{url}?{number}" for number in range(200)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        assert main(["batch", manifest, results, "--no-check", "--rate", "100"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    err, uploads = capsys.readouterr().err, len(sandbox.received()["uploads"])
    assert f"Interrupted. {uploads} pictures were uploaded in this run" in err
    assert err.endswith(f"To continue: oppo-image batch {manifest} {results} --no-check --rate 100 --resume\n")
    assert 0 < uploads < 200
    assert main(["batch", manifest, results, "--no-check", "--rate", "100", "--resume"]) == 0
    assert len(sandbox.received()["uploads"]) == 200


def test_progress_is_a_bar_in_a_terminal(
    manifest: str, results: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    reading, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main(["batch", manifest, results]) == 0
        printed = read_available(reading)
    assert "━" in printed
    assert "1 of 1 pictures (100 %)" in printed
    assert "1 row: 1 uploaded" in capsys.readouterr().out


def read_available(terminal: int) -> str:
    """Return what a terminal displays, and close it."""
    os.set_blocking(terminal, False)
    printed = b""
    with os.fdopen(terminal, "rb", buffering=0) as reader, contextlib.suppress(OSError):
        while more := reader.read(4096):
            printed += more
    return printed.decode()
