from __future__ import annotations

import argparse
import subprocess
import sys

import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_oppo_image.cli.airflow_command import PassThroughArguments, run


@pytest.mark.skipif(
    not hasattr(ProvidersManager, "cli_command_functions"), reason="Airflow takes a provider's commands since 3.2"
)
def test_airflow_finds_the_command() -> None:
    commands = [command for find in ProvidersManager().cli_command_functions for command in find()]
    [found] = [command for command in commands if command.name == "oppo-image"]
    assert found.func is run


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["-v"], ["check", "--kind", "big", "x", "--json"], ["check", "--", "-x"]], ids=str
)
def test_arguments_are_passed_through(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    PassThroughArguments().add_to_parser(parser.add_subparsers().add_parser("oppo-image"))
    assert parser.parse_args(["oppo-image", *arguments]).arguments == arguments


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["check"], 2), (["nonsense"], 2)])
def test_run_exits_with_the_commands_code(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(argparse.Namespace(arguments=arguments))
    assert end.value.code == code
    assert "airflow oppo-image" in "".join(capsys.readouterr()) or arguments == ["check"]


def test_import_adds_no_other_modules() -> None:
    code = """
import argparse, sys, typing
before = set(sys.modules)
from airflow_provider_oppo_image.cli.airflow_command import get_commands
print(*sorted(set(sys.modules) - before))"""
    added = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    package = "airflow_provider_oppo_image"
    assert added - {"__future__"} == {package, f"{package}.cli", f"{package}.cli.airflow_command"}
