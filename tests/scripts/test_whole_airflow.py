"""The home and the demo data of `make airflow`, without starting Airflow."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from scripts.whole_airflow.api import Api
from scripts.whole_airflow.demo_data import RUN_ID, create_connection, trigger_runs
from scripts.whole_airflow.home import Home

pytestmark = pytest.mark.skipif(not HAS_PAGES, reason="make airflow starts an Airflow 3")

SANDBOX: Any = SimpleNamespace(url="http://127.0.0.1:4321", options=SandboxOptions())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "100 % home", tmp_path / "dags")
    with home.locked():
        pass
    return home


def test_environment_keeps_secrets(home: Home) -> None:
    first, second = home.environment(8080), home.environment(8081)
    assert second["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8081"
    assert second["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8081/execution/"
    assert second["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{home.folder}/airflow.db?timeout=20"
    Fernet(first["AIRFLOW__CORE__FERNET_KEY"])
    for name in ("CORE__FERNET_KEY", "API__SECRET_KEY", "API_AUTH__JWT_SECRET"):
        assert len(second[f"AIRFLOW__{name}"]) > 30
        assert second[f"AIRFLOW__{name}"] == first[f"AIRFLOW__{name}"]


def test_password_is_random_and_stable(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other", tmp_path / "dags")
    with other.locked():
        assert len(home.password()) >= 12
        assert home.password() == home.password() != other.password()


def test_secrets_are_readable_by_owner_only(home: Home) -> None:
    home.environment(8080)
    home.password()
    for path in (home.folder, home.folder / "secrets.json", home.folder / "passwords.json"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_locked_names_address_of_running_airflow(home: Home) -> None:
    with home.locked():
        home.environment(8123)
        with pytest.raises(SystemExit, match=r"already, at http://127\.0\.0\.1:8123"), home.locked():
            pass
    with home.locked():
        pass


def test_has_database_removes_incomplete_database(home: Home) -> None:
    database = home.folder / "airflow.db"
    leftovers = [database, home.folder / "airflow.db-wal"]
    for leftover in leftovers:
        leftover.write_text("half made")
    assert not home.has_database()
    assert not any(leftover.exists() for leftover in leftovers)

    database.write_text("made")
    home.mark_migrated()
    assert home.has_database()
    (home.folder / "migrated").write_text("2.11.2")
    assert not home.has_database()
    assert database.exists()


def test_environment_has_no_other_airflow_settings(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_OPPO_IMAGE_DEFAULT", "{}")
    environment = home.environment(8080)
    assert not [name for name in environment if name.startswith("AIRFLOW_CONN")]
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert environment["AIRFLOW_HOME"] == str(home.folder)


class Airflow(Api):
    """An API that has some objects, and records the requests."""

    def __init__(self, objects: Mapping[str, Any]) -> None:
        super().__init__("http://127.0.0.1:8080", "ada", "a-password")
        self._objects = objects
        self.requests: list[tuple[str, str, Any]] = []

    def find(self, path: str) -> Any:
        return self._objects.get(path)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        self.requests.append((method, path, body))
        return {"dag_run_id": RUN_ID, "dags": [{"dag_id": "nightly_campaigns"}, {"dag_id": "one_more"}]}


def connection_requests(connection: Any) -> list[tuple[str, str, Any]]:
    airflow = Airflow({"connections/oppo_image_default": connection})
    create_connection(airflow, SANDBOX)
    return airflow.requests


def test_create_connection_creates_updates_or_keeps() -> None:
    [(method, path, body)] = connection_requests(None)
    assert (method, path) == ("POST", "connections")
    assert (body["host"], body["port"]) == ("http://127.0.0.1", 4321)
    assert (body["login"], body["password"]) == (SANDBOX.options.app_key, SANDBOX.options.master_secret)
    assert json.loads(body["extra"]) == {"allow_private_addresses": True}
    [(method, path, body)] = connection_requests({"host": "http://127.0.0.1", "port": 8369})
    assert (method, path) == ("PATCH", "connections/oppo_image_default?update_mask=port")
    assert body["port"] == 4321
    assert not connection_requests({"host": "https://pushapi-sgp.engagelab.com", "port": 443})


def test_trigger_runs_once(tmp_path: Path) -> None:
    new = Airflow({})
    trigger_runs(new, "http://pictures", tmp_path / "night")
    unpaused = {path for method, path, body in new.requests if body == {"is_paused": False}}
    assert unpaused == {"dags/nightly_campaigns", "dags/one_more"}
    runs = [path for method, path, _ in new.requests if method == "POST"]
    # The campaigns are last: their run marks that everything was triggered.
    assert runs == ["dags/nightly_batch/dagRuns", "dags/nightly_campaigns/dagRuns"]

    known = Airflow({f"dags/nightly_campaigns/dagRuns/{RUN_ID}": {"dag_run_id": RUN_ID}})
    trigger_runs(known, "http://pictures", tmp_path / "night")
    assert not known.requests
