"""`airflow oppo-image`: the same commands, options and exit codes below Airflow's own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_oppo_image.cli.airflow_command import PassThroughArguments, run
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.test_package import modules_after

WITH_COMMANDS = pytest.mark.skipif(
    not hasattr(ProvidersManager, "cli_command_functions"), reason="Airflow takes a provider's commands since 3.2"
)
A_WHOLE_AIRFLOW = pytest.mark.timeout(240)


def airflow(*arguments: str) -> tuple[int, str]:
    """Type `airflow`; return its exit code, and what it wrote to standard output."""
    command = [sys.executable, "-m", "airflow", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    return done.returncode, done.stdout


@WITH_COMMANDS
@A_WHOLE_AIRFLOW
def test_a_command_runs_with_its_exit_code_and_writes_nothing_but_its_json(old: str) -> None:
    code, out = airflow("oppo-image", "check", "--kind", "big", old, "--json")
    assert code == 1
    assert json.loads(out)["state"] == "wrong"


@WITH_COMMANDS
@A_WHOLE_AIRFLOW
@pytest.mark.usefixtures("connect")
def test_a_command_with_a_connection_runs_too(sandbox: SandboxServer, host: PictureHost) -> None:
    url = host.serve("/big.png", artwork.good("big"))
    code, out = airflow("oppo-image", "upload", "--big", url, "--json")
    [uploaded] = sandbox.received()["uploads"]
    assert code == 0
    assert json.loads(out) == {"big_picture_id": uploaded["id"], "small_picture_id": None}


@WITH_COMMANDS
def test_airflow_finds_the_command() -> None:
    commands = [command for find in ProvidersManager().cli_command_functions for command in find()]
    [ours] = [command for command in commands if command.name == "oppo-image"]
    assert ours.func is run


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["-v"], ["check", "--kind", "big", "x", "--json"], ["check", "--", "-x"]], ids=str
)
def test_all_that_follows_is_handed_over_as_it_is(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    PassThroughArguments().add_to_parser(parser.add_subparsers().add_parser("oppo-image"))
    assert parser.parse_args(["oppo-image", *arguments]).arguments == arguments


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["check"], 2), (["nonsense"], 2)])
def test_it_exits_with_the_commands_code_and_is_called_by_its_name(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(argparse.Namespace(arguments=arguments))
    assert end.value.code == code
    said = "".join(capsys.readouterr())
    assert "airflow oppo-image" in said or arguments == ["check"]


def test_whoever_types_airflow_waits_for_nothing_of_ours() -> None:
    ours = "from airflow_provider_oppo_image.cli.airflow_command import get_commands"
    added = modules_after("import argparse, typing", ours) - modules_after("import argparse, typing")
    package = "airflow_provider_oppo_image"
    assert added - {"__future__"} == {package, f"{package}.cli", f"{package}.cli.airflow_command"}
