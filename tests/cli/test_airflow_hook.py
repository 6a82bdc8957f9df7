from __future__ import annotations

import sys

import pytest

# Imported before the tests, so that Airflow's log handlers do not keep a test's standard output.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.main import main


@pytest.mark.usefixtures("connect")
@pytest.mark.parametrize("verbose", [False, True])
def test_open_hook_keeps_stdout_clean(verbose: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with open_hook("oppo_image_default", verbose=verbose):
        sys.stdout.write("a message of Airflow")
    out, err = capsys.readouterr()
    assert out == ""
    assert ("a message of Airflow" in err) == verbose


def test_open_hook_if_airflow_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "airflow_provider_oppo_image.hooks.oppo_image", None)
    assert main(["connection", "test"]) == 2
    assert "Airflow does not start here (ModuleNotFoundError" in capsys.readouterr().err
