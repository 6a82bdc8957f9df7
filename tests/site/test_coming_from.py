"""Statements of the migration page about `HttpOperator` and the vendor's SDK."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.docs.pages import ROOT, rows
from tests.support import artwork
from tests.support.dags import DagRun, run_file
from tests.support.picture_host import PictureHost

SNIPPETS = ROOT / "tests/docs/snippets"
WAYS = {"coming_from_http": "spring_sale_by_http", "coming_from_sdk": "spring_sale_by_sdk"}

pytestmark = pytest.mark.usefixtures("airflow_db", "connect", "old_connections")


@pytest.fixture
def old_connections(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = sandbox.options.app_key, sandbox.options.master_secret
    connection = {"conn_type": "http", "host": sandbox.url, "login": key, "password": secret}
    monkeypatch.setenv("AIRFLOW_CONN_ENGAGELAB", json.dumps(connection))
    monkeypatch.setenv("APP_KEY", key)
    monkeypatch.setenv("MASTER_SECRET", secret)
    monkeypatch.setenv("ENGAGELAB", sandbox.url)


def run(name: str, big: str, tmp_path: Path) -> DagRun:
    """Run a page's DAG without the pause between retries, and with a push that is sent."""
    copy = tmp_path / f"{name}.py"
    source = (SNIPPETS / copy.name).read_text()
    source = source.replace('"retries": 3', '"retries": 3, "retry_delay": datetime.timedelta(0)')
    copy.write_text(source.replace("validate_only=True", "validate_only=False"))
    return run_file(copy, WAYS.get(name, "spring_sale"), {"big": big})


@pytest.mark.parametrize("name", [*WAYS, "coming_from_either"])
def test_ready_picture_is_pushed_either_way(
    name: str, sandbox: SandboxServer, host: PictureHost, tmp_path: Path
) -> None:
    dag_run = run(name, host.serve("/big.png", artwork.good("big")), tmp_path)
    assert dag_run.state == "success"
    [push] = sandbox.received()["pushes"]
    assert push["body"]["body"]["options"]["third_party_channel"]["oppo"]["big_picture_id"]


NAMES = [*WAYS, "coming_from_either"]
TABLE = {row[0]: row[1:] for row in rows("docs/coming-from.md", "The same picture, the same faults, three ways")}


def cells(start: str) -> list[tuple[str, str]]:
    """Return each way with what its cell says, in the row that begins so."""
    [row] = [cells for what, cells in TABLE.items() if what.startswith(start)]
    return [(name, cell.strip("*")) for name, cell in zip(NAMES, row, strict=True)]


@pytest.mark.parametrize(("name", "cell"), cells("last year's artwork"))
def test_last_years_artwork(name: str, cell: str, sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    states = run(name, host.serve("/big.jpg", artwork.jpeg(876, 324)), tmp_path).states
    pushes = sandbox.received()["pushes"]
    ways = {
        ("success", "failed", 0): "the upload succeeds, the push fails",
        ("success", "success", 1): "all succeeds, and the push goes out without a picture",
        ("failed", "upstream_failed", 0): "the upload fails, nothing is sent",
    }
    assert ways[states["upload", -1], states["push", -1], len(pushes)] == cell
    assert not [push for push in pushes if "picture_id" in json.dumps(push["body"])]


def asked_for(sandbox: SandboxServer) -> str:
    number = sum(sandbox.received()["requests"].get("upload_big", {}).values())
    return f"{number} upload{'' if number == 1 else 's'} asked for"


@pytest.mark.parametrize(("name", "cell"), cells("the picture is not there yet"))
def test_absent_picture(name: str, cell: str, sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    assert run(name, f"{host.base_url}/big.jpg", tmp_path).state == "failed"
    assert asked_for(sandbox) == cell


@pytest.mark.parametrize(("name", "cell"), cells("the worker is not in the IP whitelist"))
def test_address_not_allowed(name: str, cell: str, sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    sandbox.fail(call="upload", code=23009, times=None)
    assert run(name, host.serve("/big.png", artwork.good("big")), tmp_path).state == "failed"
    assert asked_for(sandbox) == cell


@pytest.mark.parametrize(("name", "cell"), cells("the push is sent"))
def test_response_lost(name: str, cell: str, sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    sandbox.fail(call="push", drop=True, after=True)
    assert run(name, host.serve("/big.png", artwork.good("big")), tmp_path).state == "success"
    number = len(sandbox.received()["pushes"])
    assert f"{number} push{'' if number == 1 else 'es'}" == cell


@pytest.mark.parametrize(("name", "cell"), cells("an answer repeats the credentials"))
def test_response_repeats_credentials(
    name: str,
    cell: str,
    sandbox: SandboxServer,
    host: PictureHost,
    tmp_path: Path,
    task_log: Callable[[], str],
) -> None:
    key, secret = sandbox.options.app_key, sandbox.options.master_secret
    header = base64.b64encode(f"{key}:{secret}".encode()).decode()
    sandbox.fail(call="upload", code=23009, times=None, message=f"refused: Basic {header}")
    run(name, host.serve("/big.png", artwork.good("big")), tmp_path)
    log = task_log()
    assert "23009" in log
    assert ("in the log" if header in log else "not in the log") == cell
