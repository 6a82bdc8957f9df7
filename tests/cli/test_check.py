"""`oppo-image check`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.cli.support import RUN, Start, write
from tests.support import artwork
from tests.support.picture_host import PictureHost


def test_a_good_file_is_ready(big: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", big]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"big picture {big} is ready (984 x 369 px, PNG, ")
    assert err == ""


def test_a_wrong_file_is_told_with_what_was_found_what_is_asked_for_and_what_to_do(
    old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--kind", "big", old]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"big picture {old} is wrong (876 x 324 px, PNG, ")
    assert lines[1] == "  problem     wrong_dimensions"
    assert lines[2].startswith("  found       876 x 324 px")
    assert lines[3] == "  expected    984 x 369 px"
    assert lines[4].startswith("  what to do  ")


def test_a_warning_is_told_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heavy = write(tmp_path / "heavy.png", artwork.png_of_size(1_040_000))
    assert main(["check", "--big", heavy]) == 0
    assert "  warning     nearly_too_heavy\n" in capsys.readouterr().out


def test_several_pictures_are_told_in_order_and_summed_up(
    big: str, small: str, old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--small", small, "--big", big, "--kind", "big", old, "nowhere.png"]) == 1
    out = capsys.readouterr().out
    told = [line.split(" is ")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert told[:4] == [f"big picture {big}", f"small picture {small}", f"big picture {old}", "big picture nowhere.png"]
    assert out.endswith("4 pictures: 2 ready, 1 absent, 1 wrong\n")


def test_an_absent_picture_ends_with_3(big: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", big, "--big", "nowhere.png"]) == 3
    assert "is absent" in capsys.readouterr().out


def test_json_is_one_object_that_reads_back_as_reports(big: str, old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--kind", "big", big, old, "--json"]) == 1
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["state"] == "wrong"
    reports = [PictureReport.from_dict(report) for report in answer["reports"]]
    assert [(report.url, report.state) for report in reports] == [(big, "ready"), (old, "wrong")]
    assert err == ""


def test_a_url_is_downloaded_where_private_addresses_are_allowed(
    host: PictureHost, capsys: pytest.CaptureFixture[str]
) -> None:
    url = host.serve("/big.png", artwork.png())
    assert main(["check", "--big", f"{url}?signature=abc", "--allow-private-addresses"]) == 0
    assert host.requests == ["/big.png?signature=abc"]
    assert "abc" not in capsys.readouterr().out


def test_a_private_address_is_refused_unasked_and_the_option_named(
    host: PictureHost, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--big", host.serve("/big.png", artwork.png())]) == 1
    assert host.connections == 0
    out = capsys.readouterr().out
    assert "address_refused" in out
    assert "--allow-private-addresses" in out


def test_the_timeout_is_for_the_whole_picture(host: PictureHost, capsys: pytest.CaptureFixture[str]) -> None:
    url = host.drip("/slow.png", artwork.png(), every=0.02)
    start = time.monotonic()
    assert main(["check", "--big", url, "--allow-private-addresses", "--timeout", "0.5"]) == 3
    assert time.monotonic() - start < 5
    out = capsys.readouterr().out
    assert "timed_out" in out
    assert "--timeout" in out


@pytest.mark.parametrize("source", ["", "ftp://example.com/a.png", "https:/example.com/a.png", "file:///etc/passwd"])
def test_what_is_neither_a_url_nor_a_file_is_told_as_a_bad_url(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", source]) == 1
    assert "bad_url" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check"], "nothing to check"),
        (["check", "picture.png"], "--kind big or --kind small"),
        (["check", "--kind", "big"], "--kind is for the SOURCEs"),
    ],
)
def test_usage_that_only_the_whole_shows_is_told_in_words_and_in_json(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err

    assert main([*arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert words in json.loads(out)["error"]["message"]
    assert words in err


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", write(tmp_path / "a\x1b[31m.png", artwork.png())]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"a\x1b[31m.png" in out


def test_a_terminal_without_the_letters_gets_escapes(tmp_path: Path, start: Start) -> None:
    picture = write(tmp_path / "frühling.png", artwork.png())
    process = start("check", "--big", picture, env={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert r"fr\xfchling.png" in out


@pytest.mark.parametrize("arguments", [["check"], ["check", "--json"], ["--help"]])
def test_a_reader_who_has_left_does_not_change_the_verdict(arguments: list[str], old: str, start: Start) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    wrong = ["--big", old] if "check" in arguments else []
    process = start(*arguments, *wrong, stdout=writing, env={"PYTHONUNBUFFERED": ""})
    os.close(writing)
    _, err = process.communicate()
    assert (process.returncode, err) == (1 if wrong else 0, "")


def test_a_closed_stdout_does_not_change_the_verdict(old: str) -> None:
    command = [sys.executable, "-c", RUN, "check", "--big", old]
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (1, "")


def test_ctrl_c_ends_with_130_and_without_a_traceback(host: PictureHost, start: Start) -> None:
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
