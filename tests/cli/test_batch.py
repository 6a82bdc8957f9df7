from __future__ import annotations

import contextlib
import csv
import json
import os
import pty
import signal
import time
from pathlib import Path

import pytest

# Imported before any test, so that Airflow's log handlers do not keep a test's standard output.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.cli.support import Start
from tests.support import artwork
from tests.support.picture_host import PictureHost

pytestmark = pytest.mark.usefixtures("connect")


@pytest.fixture(autouse=True)
def _process_context_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests in this process do not mean to ask Airflow's database."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT")


@pytest.fixture
def results(tmp_path: Path) -> str:
    return str(tmp_path / "results.csv")


@pytest.fixture
def manifest(host: PictureHost, tmp_path: Path) -> str:
    return write(tmp_path, host.serve("/big.jpg", artwork.good("big", "JPEG")))


def write(folder: Path, *urls: str) -> str:
    path = folder / "night.csv"
    path.write_text("name,big_picture_url\n" + "".join(f"c{number},{url}\n" for number, url in enumerate(urls)))
    return str(path)


def states(results: str) -> list[str]:
    return [row["state"] for row in csv.DictReader(Path(results).open())]


def test_a_manifest_is_uploaded_and_its_results_written(
    sandbox: SandboxServer, manifest: str, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", manifest, results]) == 0
    said = capsys.readouterr()
    assert said.out == f"1 row: 1 uploaded\nresults: {results}\n"
    assert "1 of 1 pictures (100 %): 1 uploaded, 0 failed" in said.err
    assert states(results) == ["uploaded"]


def test_a_batch_that_has_ended_does_nothing_and_says_so(
    sandbox: SandboxServer, manifest: str, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", manifest, results]) == main(["batch", manifest, results]) == 0
    assert "An earlier run did all of it; nothing was sent." in capsys.readouterr().err
    assert len(sandbox.received()["uploads"]) == 1


def test_a_program_reads_the_summary(
    sandbox: SandboxServer, manifest: str, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", manifest, results, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["uploaded"], told["results"], told["already_complete"]) == (1, results, False)


def test_a_wrong_picture_is_exit_code_1_and_is_resumed_only_when_told(
    sandbox: SandboxServer, host: PictureHost, tmp_path: Path, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [host.serve("/old.jpg", artwork.jpeg(876, 324)), host.serve("/big.jpg", artwork.good("big", "JPEG"))]
    manifest = write(tmp_path, *urls)
    assert main(["batch", manifest, results]) == 1
    assert "1 of 2 rows failed" in capsys.readouterr().err
    host.serve("/old.jpg", artwork.good("big", "JPEG"))
    assert main(["batch", manifest, results]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["batch", manifest, results, "--resume"]) == 0
    assert states(results) == ["uploaded"] * 2
    assert len(sandbox.received()["uploads"]) == 2


def test_without_the_check_the_service_judges_alone(
    sandbox: SandboxServer, host: PictureHost, tmp_path: Path, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write(tmp_path, host.serve("/old.jpg", artwork.jpeg(876, 324)))
    assert main(["batch", manifest, results, "--no-check", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["type"], error["summary"]["causes"][0]["code"]) == ("BatchError", "51")


@pytest.mark.parametrize("nonsense", ["0", "-1", "fast", "nan", "inf"])
def test_a_rate_that_is_none_is_refused(nonsense: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["batch", "night.csv", "results.csv", "--rate", nonsense])
    assert raised.value.code == 2
    assert "no number of requests a second" in capsys.readouterr().err


def test_the_rate_is_kept(sandbox: SandboxServer, host: PictureHost, tmp_path: Path, results: str) -> None:
    url = host.serve("/big.jpg", artwork.good("big", "JPEG"))
    manifest = write(tmp_path, *(f"{url}?{number}" for number in range(60)))
    assert main(["batch", manifest, results, "--rate", "30", "--no-check"]) == 0
    assert sandbox.received()["peak_per_second"] <= 33


def test_what_is_no_manifest_is_exit_code_2(
    sandbox: SandboxServer, tmp_path: Path, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "night.csv").write_bytes(b"PK\x03\x04 a spreadsheet\x00")
    assert main(["batch", str(tmp_path / "night.csv"), results]) == 2
    assert "is no manifest" in capsys.readouterr().err
    assert not Path(results + ".parts").exists()


def test_an_interrupted_batch_is_resumed(
    start: Start, sandbox: SandboxServer, host: PictureHost, tmp_path: Path, results: str
) -> None:
    url = host.serve("/big.jpg", artwork.good("big", "JPEG"))
    manifest = write(tmp_path, *(f"{url}?{number}" for number in range(400)))
    process = start("batch", manifest, results, "--no-check", "--rate", "100")
    while not sandbox.received()["uploads"]:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "Interrupted" in err) == (130, True)
    assert 0 < len(sandbox.received()["uploads"]) < 400
    assert main(["batch", manifest, results, "--no-check", "--resume"]) == 0
    assert len(sandbox.received()["uploads"]) == 400


def read_to_the_end(terminal: int) -> str:
    """What is written to a terminal until its other side is closed: a busy machine draws a bar often."""
    seen = b""
    with os.fdopen(terminal, "rb", buffering=0) as reader, contextlib.suppress(OSError):  # EIO is its end
        while more := reader.read(4096):
            seen += more
    return seen.decode()


def test_a_person_sees_a_bar(start: Start, sandbox: SandboxServer, manifest: str, results: str) -> None:
    ours, theirs = pty.openpty()
    process = start("batch", manifest, results, stderr=theirs, env={"TERM": "xterm", "COLUMNS": "120"})
    os.close(theirs)
    seen = read_to_the_end(ours)  # first: a terminal that nobody reads is full at some time
    out, _ = process.communicate(timeout=40)
    assert process.returncode == 0
    assert "━" in seen
    assert "1 of 1 pictures (100 %)" in seen
    assert "1 row: 1 uploaded" in out
