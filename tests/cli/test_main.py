from __future__ import annotations

import argparse

import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.cli.main import COMMANDS, main, run_safely
from tests.cli.conftest import Start, imported_packages

SLOW = ("airflow", "requests", "PIL", "numpy", "fastapi", "uvicorn", "pydantic", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_no_slow_packages(arguments: list[str], start: Start) -> None:
    process = start(*arguments, python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported_packages(stderr)
    assert "argparse" in packages
    assert packages.isdisjoint(SLOW)


@pytest.mark.parametrize(
    ("option", "texts"),
    [
        ("--help", [*COMMANDS, "exit codes:", "  3  "]),
        ("--version", [f"oppo-image {__version__}"]),
        ("-V", ["oppo-image"]),
    ],
)
def test_help_and_version(option: str, texts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([option])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(text in out for text in texts)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["chek"], "check"),
        (["upload", "--bg=x"], "--big"),
        (["connection", "tst"], "test"),
        (["check", "--kind", "bg"], "big"),
    ],
)
def test_mistyped_word_is_answered_with_what_was_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert capsys.readouterr().err.endswith(f". Did you mean {meant}?\n")


def test_missing_command_prints_help_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.parametrize(
    ("error", "code", "words"), [(KeyboardInterrupt, 130, "Interrupted."), (ZeroDivisionError, 70, "ZeroDivisionError")]
)
def test_run_safely(error: type[BaseException], code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: argparse.Namespace) -> int:
        raise error

    assert run_safely(run, argparse.Namespace(json=False)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
