from __future__ import annotations

import argparse

import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.cli.main import COMMANDS, main, run_safely
from tests.cli.conftest import Start, imported_packages

SLOW = ("airflow", "requests", "PIL", "fastapi", "uvicorn", "pydantic", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_no_slow_packages(arguments: list[str], start: Start) -> None:
    process = start(*arguments, python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported_packages(stderr)
    assert "argparse" in packages
    assert packages.isdisjoint(SLOW)


def test_help_lists_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    for expected in (*COMMANDS, "exit codes:", "  3  "):
        assert expected in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"oppo-image {__version__}\n"


def test_no_command_prints_help_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
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
        *(["check", "--big", "x", "--timeout", timeout] for timeout in ("0", "inf", "soon")),
        ["sandbox", "--port", "65536"],
        ["sandbox", "--rate-limit", "-1"],
        ["upload", "--big", ""],
        ["upload", "--small", "None"],
        ["push", "x", "--big-picture-id", ""],
        ["push", "x", "--validate"],  # no abbreviations: a later option could change what they mean
        *(["batch", "m.csv", "r.csv", "--rate", rate] for rate in ("0", "-1", "fast", "nan", "inf")),
        ["prepare", "art.png", "-o", "big.png"],
        ["prepare", "art.png", "--kind", "big"],
        ["prepare", "art.png", "--kind", "big", "-o", ""],
        ["prepare", "", "--kind", "big", "-o", "big.png"],
        ["prepare", "art.png", "--kind", "big", "-o", "big.png", "--fit", "fill"],
        *(
            ["prepare", "art.png", "--kind", "big", "-o", "b.png", "--focus", focus]
            for focus in ("1", "0,2", "a,b", "0,0,0", "nan,0")
        ),
    ],
    ids=" ".join,
)
def test_invalid_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: " in err


def test_run_safely_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    assert run_safely(interrupted, argparse.Namespace(json=False)) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_run_safely_with_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(args: argparse.Namespace) -> int:
        raise ZeroDivisionError

    assert run_safely(broken, argparse.Namespace(json=False)) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "ZeroDivisionError" in err
