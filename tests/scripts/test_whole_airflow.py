"""What a whole Airflow keeps from one start to the next, and what it leaves to its user; without starting one."""

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
from scripts.whole_airflow.demo_data import RUN_ID, connect, draw_pictures, trigger_runs
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
    """Airflow's configuration, read as Airflow does."""
    configuration = configparser.ConfigParser()
    configuration.read(home.folder / "airflow.cfg")
    return configuration


def test_the_secrets_and_what_a_user_set_are_kept_and_the_address_follows(home: Home) -> None:
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


def test_the_password_is_made_once_and_by_chance(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other", tmp_path / "dags")
    with other.locked():
        assert len(home.password()) >= 12
        assert home.password() == home.password() != other.password()


def test_nobody_else_reads_the_secrets(home: Home) -> None:
    home.configure(8080)
    home.password()
    for path in (home.folder, home.folder / "airflow.cfg", home.folder / "passwords.json"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_a_second_one_is_told_where_the_first_one_is(home: Home) -> None:
    with home.locked():
        home.configure(8123)
        with pytest.raises(SystemExit, match=r"already, at http://127\.0\.0\.1:8123"), home.locked():
            pass
    with home.locked():
        pass


def test_a_home_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SystemExit, match=r"file/home cannot be written to: Not a directory"),
        Home(tmp_path / "file/home", tmp_path).locked(),
    ):
        pass


def test_a_configuration_that_cannot_be_read_is_named(home: Home) -> None:
    (home.folder / "airflow.cfg").write_text("nonsense")
    with pytest.raises(SystemExit, match=r"airflow\.cfg cannot be read\. Mend it or remove it"):
        home.configure(8080)


def test_a_database_that_is_half_made_is_removed_and_one_of_another_version_is_kept(home: Home) -> None:
    database = home.folder / "airflow.db"
    leftovers = [database, home.folder / "airflow.db-wal"]
    for leftover in leftovers:
        leftover.write_text("half made")
    assert not home.has_database()
    assert not any(leftover.exists() for leftover in leftovers)

    database.write_text("made")
    home.database_is_made()
    assert home.has_database()
    (home.folder / "migrated").write_text("2.11.2")
    assert not home.has_database()
    assert database.exists()


def test_no_other_airflows_settings_reach_into_this_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_OPPO_IMAGE_DEFAULT", "{}")
    environment = home.environment()
    assert {name for name in environment if name.startswith("AIRFLOW")} == {"AIRFLOW_HOME"}
    assert environment["AIRFLOW_HOME"] == str(home.folder)


def test_a_port_that_is_taken_is_passed_over() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        usual = listener.getsockname()[1]
        assert free_port(usual) != usual
    assert free_port(usual) == usual


class Airflow(Api):
    """An API that has some things and notes what it is asked to change."""

    def __init__(self, things: Mapping[str, Any]) -> None:
        super().__init__("http://127.0.0.1:8080", "ada", "a-password")
        self._things = things
        self.asked: list[tuple[str, str, Any]] = []

    def find(self, path: str) -> Any:
        return self._things.get(path)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        self.asked.append((method, path, body))
        return {"dag_run_id": RUN_ID, "dags": [{"dag_id": "nightly_campaigns"}, {"dag_id": "one_more"}]}


def asked_to_connect(connection: Any) -> list[tuple[str, str, Any]]:
    airflow = Airflow({"connections/oppo_image_default": connection})
    connect(airflow, SANDBOX)
    return airflow.asked


def test_the_connection_is_made_with_its_port_in_the_field_for_it() -> None:
    [(method, path, body)] = asked_to_connect(None)
    assert (method, path) == ("POST", "connections")
    assert (body["host"], body["port"]) == ("http://127.0.0.1", 4321)
    assert (body["login"], body["password"]) == (SANDBOX.options.app_key, SANDBOX.options.master_secret)
    assert json.loads(body["extra"]) == {"allow_private_addresses": True}


def test_a_connection_to_the_sandbox_follows_its_port_and_keeps_the_rest() -> None:
    [(method, path, body)] = asked_to_connect({"host": "http://127.0.0.1", "port": 8369})
    assert (method, path) == ("PATCH", "connections/oppo_image_default?update_mask=port")
    assert body["port"] == 4321


def test_a_connection_that_the_user_led_elsewhere_is_left_alone() -> None:
    assert not asked_to_connect({"host": "https://pushapi-sgp.engagelab.com", "port": 443})


def test_all_dags_are_switched_on_and_two_run_once(tmp_path: Path) -> None:
    new = Airflow({})
    trigger_runs(new, "http://pictures", tmp_path / "night")
    switched = {path for method, path, body in new.asked if body == {"is_paused": False}}
    assert switched == {"dags/nightly_campaigns", "dags/one_more"}
    runs = [path for method, path, _ in new.asked if method == "POST"]
    # The campaigns last: their run says that all was done.
    assert runs == ["dags/nightly_batch/dagRuns", "dags/nightly_campaigns/dagRuns"]

    known = Airflow({f"dags/nightly_campaigns/dagRuns/{RUN_ID}": {"dag_run_id": RUN_ID}})
    trigger_runs(known, "http://pictures", tmp_path / "night")
    assert not known.asked


def test_the_night_has_four_wrong_pictures_for_three_reasons(tmp_path: Path) -> None:
    draw_pictures(tmp_path)
    reports = [check_bytes("big", path.read_bytes(), path.name) for path in (tmp_path / "night").glob("*_big.jpg")]
    problems = sorted(report.problems[0].code for report in reports if report.problems)
    assert len(reports) == 60
    assert (len(problems), len(set(problems))) == (4, 3)
    assert not any(
        check_bytes("small", path.read_bytes(), path.name).problems for path in tmp_path.rglob("*_small.png")
    )
