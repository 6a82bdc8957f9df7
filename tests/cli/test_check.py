from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.cli.conftest import Start, imported_packages, write
from tests.support import artwork
from tests.support.picture_host import PictureHost


def test_ready_file(big: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", big]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"big picture {big} is ready (984 x 369 px, PNG, ")
    assert err == ""


def test_wrong_file_is_table(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--kind", "big", old]) == 1
    headline, *rows = capsys.readouterr().out.splitlines()
    assert headline.startswith(f"big picture {old} is wrong (876 x 324 px, PNG, ")
    assert rows[0] == "  problem     wrong_dimensions"
    assert len(rows) == 4


def test_warning_does_not_change_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heavy = write(tmp_path / "heavy.png", artwork.png_of_size(1_040_000))
    assert main(["check", "--big", heavy]) == 0
    assert "  warning     nearly_too_heavy\n" in capsys.readouterr().out


def test_several_pictures_in_order_with_a_summary(
    big: str, small: str, old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--small", small, "--big", big, "--kind", "big", old, "nowhere.png"]) == 1
    out = capsys.readouterr().out
    checked = [line.split(" is ")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert checked[:4] == [
        f"big picture {big}",
        f"small picture {small}",
        f"big picture {old}",
        "big picture nowhere.png",
    ]
    assert out.endswith("4 pictures: 2 ready, 1 absent, 1 wrong\n")


def test_absent_picture_exits_with_3(big: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", big, "--big", "nowhere.png"]) == 3
    assert "is absent" in capsys.readouterr().out


def test_json_has_the_reports(big: str, old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--kind", "big", big, old, "--json"]) == 1
    out, err = capsys.readouterr()
    data = json.loads(out)
    reports = [PictureReport.from_dict(report) for report in data["reports"]]
    assert data["state"] == "wrong"
    assert [(report.url, report.state) for report in reports] == [(big, "ready"), (old, "wrong")]
    assert err == ""


def test_url_with_private_addresses_allowed(host: PictureHost, capsys: pytest.CaptureFixture[str]) -> None:
    url = host.serve("/big.png", artwork.png())
    assert main(["check", "--big", f"{url}?signature=abc", "--allow-private-addresses"]) == 0
    assert host.requests == ["/big.png?signature=abc"]
    assert "abc" not in capsys.readouterr().out


def test_refused_address_names_option(host: PictureHost, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", host.serve("/big.png", artwork.png())]) == 1
    assert host.connections == 0
    out = capsys.readouterr().out
    assert "address_refused" in out
    assert "--allow-private-addresses" in out


def test_timeout_limits_the_total_time(host: PictureHost, capsys: pytest.CaptureFixture[str]) -> None:
    url = host.drip("/slow.png", artwork.png(), every=0.02)
    start = time.monotonic()
    assert main(["check", "--big", url, "--allow-private-addresses", "--timeout", "0.5"]) == 3
    assert time.monotonic() - start < 5
    out = capsys.readouterr().out
    assert "timed_out" in out
    assert "--timeout" in out


@pytest.mark.parametrize("source", ["", "ftp://example.com/a.png", "https:/example.com/a.png", "file:///etc/passwd"])
def test_unsupported_sources(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", source]) == 1
    assert "bad_url" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "No picture was given"), (["picture.png"], "--kind big or --kind small"), (["--kind", "big"], "SOURCE")],
)
def test_missing_arguments(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert words in json.loads(out)["error"]["message"]
    assert words in err


def test_check_of_a_file_does_not_import_airflow(big: str, start: Start) -> None:
    process = start("check", "--big", big, python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported_packages(stderr)
    assert "PIL" in packages
    assert packages.isdisjoint({"airflow", "fastapi", "uvicorn", "rich"})


def test_ctrl_c_exits_with_130(host: PictureHost, start: Start) -> None:
    url = host.stall("/slow.png")
    process = start("check", "--big", url, "--allow-private-addresses", "--timeout", "30")
    while not host.requests:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "Interrupted.\n"
    host.closing.set()
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "")


@pytest.mark.parametrize(("source", "suggested"), [("cdn.example.com/a.jpg", True), ("folder/a.jpg", False)])
def test_path_like_a_url_is_answered_with_the_url(
    source: str, suggested: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--big", source]) == 3
    assert ("If it is a URL, write https://cdn.example.com/a.jpg" in capsys.readouterr().out) is suggested
