"""The home and the demo data of `make airflow`, without starting Airflow."""

from __future__ import annotations

import configparser
import json
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES
from airflow_provider_oppo_image.pictures.check import check_bytes
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from scripts.demo_campaigns import free_port
from scripts.whole_airflow.api import Api
from scripts.whole_airflow.demo_data import RUN_ID, create_connection, draw_pictures, trigger_runs
from scripts.whole_airflow.home import Home

pytestmark = pytest.mark.skipif(not HAS_PAGES, reason="make airflow starts an Airflow 3")

SANDBOX: Any = SimpleNamespace(url="http://127.0.0.1:4321", options=SandboxOptions())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "100 % home", tmp_path / "dags")
    with home.locked():
        pass
    return home


def written(home: Home) -> configparser.ConfigParser:
    """Return the configuration, read as Airflow reads it."""
    configuration = configparser.ConfigParser()
    configuration.read(home.folder / "airflow.cfg")
    return configuration


def test_configure_keeps_secrets_and_user_settings(home: Home) -> None:
    assert home.configure(8080) == "http://127.0.0.1:8080"
    first = written(home)
    Fernet(first["core"]["fernet_key"])
    first["core"]["max_active_runs_per_dag"] = "3"
    first["core"]["dags_folder"] = first["core"]["dags_folder"].replace("%", "%%")
    for section in ("core", "database"):
        for name, value in first[section].items():
            first[section][name] = value.replace("%", "%%")
    with (home.folder / "airflow.cfg").open("w") as file:
        first.write(file)

    home.configure(8081)
    second = written(home)
    assert second["api"]["base_url"] == "http://127.0.0.1:8081"
    assert second["core"]["execution_api_server_url"] == "http://127.0.0.1:8081/execution/"
    assert second["database"]["sql_alchemy_conn"] == f"sqlite:///{home.folder}/airflow.db?timeout=20"
    assert second["core"]["max_active_runs_per_dag"] == "3"
    for section, name in (("core", "fernet_key"), ("api", "secret_key"), ("api_auth", "jwt_secret")):
        assert len(second[section][name]) > 30
        assert second[section][name] == first[section][name]


def test_password_is_random_and_stable(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other", tmp_path / "dags")
    with other.locked():
        assert len(home.password()) >= 12
        assert home.password() == home.password() != other.password()


def test_secrets_are_readable_by_owner_only(home: Home) -> None:
    home.configure(8080)
    home.password()
    for path in (home.folder, home.folder / "airflow.cfg", home.folder / "passwords.json"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_locked_names_address_of_running_airflow(home: Home) -> None:
    with home.locked():
        home.configure(8123)
        with pytest.raises(SystemExit, match=r"already, at http://127\.0\.0\.1:8123"), home.locked():
            pass
    with home.locked():
        pass


def test_locked_unwritable_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SystemExit, match=r"file/home cannot be written to: Not a directory"),
        Home(tmp_path / "file/home", tmp_path).locked(),
    ):
        pass


def test_configure_unreadable_file(home: Home) -> None:
    (home.folder / "airflow.cfg").write_text("nonsense")
    with pytest.raises(SystemExit, match=r"airflow\.cfg cannot be read\. Fix it or remove it"):
        home.configure(8080)


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
    environment = home.environment()
    assert {name for name in environment if name.startswith("AIRFLOW")} == {"AIRFLOW_HOME"}
    assert environment["AIRFLOW_HOME"] == str(home.folder)


def test_free_port_skips_used_port() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        preferred = listener.getsockname()[1]
        assert free_port(preferred) != preferred
    assert free_port(preferred) == preferred


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


def test_create_connection_has_port_field() -> None:
    [(method, path, body)] = connection_requests(None)
    assert (method, path) == ("POST", "connections")
    assert (body["host"], body["port"]) == ("http://127.0.0.1", 4321)
    assert (body["login"], body["password"]) == (SANDBOX.options.app_key, SANDBOX.options.master_secret)
    assert json.loads(body["extra"]) == {"allow_private_addresses": True}


def test_create_connection_updates_port() -> None:
    [(method, path, body)] = connection_requests({"host": "http://127.0.0.1", "port": 8369})
    assert (method, path) == ("PATCH", "connections/oppo_image_default?update_mask=port")
    assert body["port"] == 4321


def test_create_connection_keeps_other_host() -> None:
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


def test_batch_has_four_wrong_pictures(tmp_path: Path) -> None:
    draw_pictures(tmp_path)
    reports = [check_bytes("big", path.read_bytes(), path.name) for path in (tmp_path / "night").glob("*_big.jpg")]
    problems = sorted(report.problems[0].code for report in reports if report.problems)
    assert len(reports) == 60
    assert (len(problems), len(set(problems))) == (4, 3)
    assert not any(
        check_bytes("small", path.read_bytes(), path.name).problems for path in tmp_path.rglob("*_small.png")
    )
