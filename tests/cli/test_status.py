from __future__ import annotations

import json
from collections.abc import Callable

import pytest

# Imported before the tests, so that Airflow's log handlers do not keep a test's standard output.
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.cli.test_push import MESSAGE

pytestmark = pytest.mark.usefixtures("connect")


@pytest.fixture
def push(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Push, and drop what Airflow prints then; return the message id."""

    def send() -> str:
        msg_id = OppoImageHook().push(MESSAGE)
        capsys.readouterr()
        return msg_id

    return send


def test_status_prints_a_table(push: Callable[[], str], capsys: pytest.CaptureFixture[str]) -> None:
    msg_id = push()
    assert main(["status", msg_id]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        [msg_id, "targets", "sent", "delivered", "impressions", "clicks"],
        ["all", "1", "1", "1", "0", "0"],
        ["oppo", "1", "1", "1", "-", "-"],
    ]


def test_status_names_missing_ids(push: Callable[[], str], capsys: pytest.CaptureFixture[str]) -> None:
    msg_id = push()
    assert main(["status", "7", msg_id, "7", "--json"]) == 3
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert (list(data["statistics"]), data["missing"]) == ([msg_id], ["7"])
    assert "no numbers for 7" in err


def test_withdraw(push: Callable[[], str], capsys: pytest.CaptureFixture[str]) -> None:
    first, second = push(), push()
    assert main(["withdraw", first]) == 0
    assert main(["withdraw", second, "--json"]) == 0
    assert capsys.readouterr().out == f'The push {first} was withdrawn.\n{{"withdrawn": "{second}"}}\n'
    assert main(["withdraw", first]) == 4
    assert "21003" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["status", "a b"], ["status", *map(str, range(101))], ["withdraw", "a,b"]])
def test_invalid_ids_are_not_sent(sandbox: SandboxServer, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert sandbox.received()["requests"] == {}
