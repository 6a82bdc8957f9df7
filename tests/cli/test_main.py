"""The frame: help, version, exit codes, and what is imported for them."""

from __future__ import annotations

import argparse

import pytest

from airflow_provider_oppo_image import __version__, errors
from airflow_provider_oppo_image.cli.failures import describe, exit_code
from airflow_provider_oppo_image.cli.main import COMMANDS, main, run_safely
from tests.cli.support import Start, imported

SLOW = ("airflow", "requests", "PIL", "fastapi", "uvicorn", "pydantic")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_and_version_import_nothing_that_takes_time(arguments: list[str], start: Start) -> None:
    process = start(*arguments, python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported(stderr)
    assert "argparse" in packages
    assert packages.isdisjoint(SLOW)


def test_check_of_a_file_does_not_import_airflow(big: str, start: Start) -> None:
    process = start("check", "--big", big, python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported(stderr)
    assert "PIL" in packages
    assert packages.isdisjoint({"airflow", "fastapi", "uvicorn"})


def test_help_lists_the_commands_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    for expected in (*COMMANDS, "exit codes:", "  3  "):
        assert expected in out


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"oppo-image {__version__}\n"


def test_without_a_command_help_goes_to_stderr_and_the_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: oppo-image" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["connection"],
        ["check", "--kind", "huge", "x"],
        ["check", "--timeout", "0", "--big", "x"],
        ["check", "--timeout", "inf", "--big", "x"],
        ["check", "--timeout", "soon", "--big", "x"],
        ["sandbox", "--port", "65536"],
        ["sandbox", "--rate-limit", "-1"],
        ["upload", "--big", ""],
        ["upload", "--small", "None"],
        ["push", "x", "--big-picture-id", ""],
        ["push", "x", "--validate"],  # no abbreviations: a later option could change what they mean
    ],
)
def test_wrong_arguments_are_told_on_stderr_with_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: " in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.PictureWrongError, 1),
        (errors.PictureRefusedError, 1),
        (errors.ConfigurationError, 2),
        (errors.PictureAbsentError, 3),
        (errors.RequestRefusedError, 3),
        (errors.CidAlreadyUsedError, 3),
        (errors.AccountError, 3),
        (errors.RateLimitedError, 3),
        (errors.ServiceUnavailableError, 3),
        (errors.UnreadableAnswerError, 3),
        (errors.NotSentError, 3),
        (errors.OutcomeUnknownError, 3),
    ],
)
def test_an_errors_type_makes_the_exit_code(error: type[errors.OppoImageError], code: int) -> None:
    assert exit_code(error("words")) == code


def test_an_error_is_described_with_its_attributes() -> None:
    error = errors.RateLimitedError("too fast", code=23008, http_status=400, retry_after=1.5)
    assert describe(error) == {
        "type": "RateLimitedError",
        "message": "too fast",
        "code": 23008,
        "http_status": 400,
        "permanent": False,
        "scope": "request",
        "retry_after": 1.5,
    }


def test_a_pictures_error_is_described_with_its_reports() -> None:
    assert describe(errors.PictureWrongError("wrong", reports=[{"kind": "big"}]))["reports"] == [{"kind": "big"}]


def test_an_interrupt_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    assert run_safely(interrupted, argparse.Namespace(json=False)) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_fault_of_the_program_is_not_taken_for_a_wrong_picture(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(args: argparse.Namespace) -> int:
        raise ZeroDivisionError

    assert run_safely(broken, argparse.Namespace(json=False)) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "ZeroDivisionError" in err
