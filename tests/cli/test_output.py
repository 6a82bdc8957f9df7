from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_oppo_image import errors
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.cli.output import error_to_dict, exit_code
from tests.cli.conftest import RUN, Start, write
from tests.support import artwork

CODES = {errors.PictureWrongError: 1, errors.PictureRefusedError: 1, errors.BatchError: 1, errors.ConfigurationError: 2}
"""The codes of errors that are neither refusals (4), nor transient (3)."""
TYPES = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.OppoImageError)]


@pytest.mark.parametrize("error", TYPES)
def test_exit_code_of_each_error_type(error: type[errors.OppoImageError]) -> None:
    assert exit_code(error("message", permanent=True)) == CODES.get(error, 4)
    assert exit_code(error("message", permanent=False)) == (3 if error is errors.BatchError else CODES.get(error, 3))


def test_error_to_dict_has_the_attributes() -> None:
    reports = [{"kind": "big"}]
    assert error_to_dict(errors.PictureWrongError("wrong", reports=reports))["reports"] == reports
    error = errors.RateLimitedError("too fast", code=23008, http_status=400, retry_after=1.5)
    assert error_to_dict(error) == {
        "type": "RateLimitedError",
        "message": "too fast",
        "code": 23008,
        "http_status": 400,
        "permanent": False,
        "scope": "request",
        "retry_after": 1.5,
    }


def test_control_characters_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--big", write(tmp_path / "a\x1b[31m.png", artwork.png())]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"a\x1b[31m.png" in out


def test_unencodable_characters_are_escaped(tmp_path: Path, start: Start) -> None:
    picture = write(tmp_path / "frühling.png", artwork.png())
    process = start("check", "--big", picture, env={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert r"fr\xfchling.png" in out


@pytest.mark.parametrize("arguments", [["check"], ["--help"]])
def test_closed_pipe_keeps_exit_code(arguments: list[str], old: str, start: Start) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    wrong = ["--big", old] if "check" in arguments else []
    process = start(*arguments, *wrong, stdout=writing, env={"PYTHONUNBUFFERED": ""})
    os.close(writing)
    _, err = process.communicate()
    assert (process.returncode, err) == (1 if wrong else 0, "")


def test_closed_stdout_keeps_exit_code(old: str) -> None:
    command = [sys.executable, "-c", RUN, "check", "--big", old]
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
