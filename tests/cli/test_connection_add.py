"""`connection add`: what it prints is the connection that was described, read back by Airflow itself."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.cli.connection_add import FORMS, SECRET_VARIABLE
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.cli.new_connection import NewConnection
from airflow_provider_oppo_image.connection import FIELDS, Settings, Value, read_settings
from airflow_provider_oppo_image.errors import ConfigurationError
from tests.cli.support import Start

VARIABLE = "AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"
SECRET = "s3cret-of-this-test"

SEEN = st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" '\"$%`\\!#&?/@:+*~{}<>|;")
TEXTS = st.text(SEEN, min_size=1, max_size=40).filter(lambda text: text.strip())
VALUES = {
    "choice": st.sampled_from(list(FIELDS[0].choices)),
    "seconds": st.integers(1, 3600) | st.floats(0.1, 3600),
    "flag": st.booleans(),
    "text": st.text("abc-_09", max_size=8),
}
EXTRAS = st.fixed_dictionaries({}, optional={field.name: VALUES[field.kind] for field in FIELDS})
HOSTS = st.sampled_from(
    [None, "https://push.example.com", "push.example.com", "push.example.com:8443", "http://127.0.0.1:8369", "::1"]
)


def from_uri(printed: str) -> Any:
    from airflow.models.connection import Connection

    return Connection(uri=printed)


def from_json(printed: str) -> Any:
    from airflow.models.connection import Connection

    return Connection.from_json(printed)


def from_env(printed: str) -> Any:
    done = subprocess.run(
        ["sh", "-c", f'{printed}\nprintf %s "${VARIABLE}"'], capture_output=True, check=True, env={}, timeout=20
    )
    return from_json(done.stdout.decode())


def from_cli(printed: str) -> Any:
    done = subprocess.run(
        ["sh", "-c", f"airflow() {{ printf '%s\\0' \"$@\"; }}\n{printed}"],
        capture_output=True,
        check=True,
        env={},
        timeout=20,
    )
    arguments = done.stdout.decode().split("\0")[:-1]
    assert arguments[:-1] == ["connections", "add", "oppo_image_default", "--conn-json"]
    return from_json(arguments[-1])


READ_BACK: dict[str, Callable[[str], Any]] = {
    "uri": from_uri,
    "json": from_json,
    "env": from_env,
    "cli": from_cli,
}


def settings_of(connection: Any) -> Settings:
    connection.conn_id = "oppo_image_default"
    return read_settings(connection)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(app_key="key", secret='it\'s "$HOME" %41 `id` \\ 100% ünï密', host="http://127.0.0.1:8369", extra={})
@example(app_key="a:b@c/d", secret="://", host=None, extra={"retry_budget": 0.0})
@given(app_key=TEXTS, secret=TEXTS, host=HOSTS, extra=EXTRAS)
def test_airflow_reads_the_same_connection_from_each_form(
    form: str, app_key: str, secret: str, host: str | None, extra: dict[str, Value]
) -> None:
    new = NewConnection("oppo_image_default", app_key.strip(), secret.strip(), host, extra)
    printed = FORMS[form](new)
    assert printed.isascii()
    assert "\n" not in printed
    assert settings_of(READ_BACK[form](printed)) == read_settings(new)


@pytest.mark.parametrize("broken", ["a\nb", "a\rb", "a\tb", "a\0b", "a\u202eb"])
def test_what_cannot_be_seen_is_refused_and_not_repeated(broken: str) -> None:
    for app_key, secret in ((broken, SECRET), ("key", broken)):
        with pytest.raises(ConfigurationError, match="cannot be seen") as refused:
            NewConnection("oppo_image_default", app_key, secret)
        assert SECRET not in str(refused.value)
        assert broken not in str(refused.value)


def test_a_description_of_it_shows_no_secret() -> None:
    assert SECRET not in repr(NewConnection("oppo_image_default", "key", SECRET))


# The command


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    # Other tests in this process do not mean to ask Airflow's database.
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT")


def test_each_field_of_the_table_has_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data-center", "japan", "--connect-timeout", "1.5", "--read-timeout", "2", "--total-timeout", "3"]
    arguments += [
        "--retry-budget",
        "0",
        "--allow-private-addresses",
        "--allow-plain-http",
        "--cid-namespace",
        "staging",
    ]
    assert main(["connection", "add", "--app-key", "key", "--print", "json", *arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {
        "conn_type": "oppo_image",
        "login": "key",
        "password": SECRET,
        "extra": {
            "data_center": "japan",
            "connect_timeout": 1.5,
            "read_timeout": 2,
            "total_timeout": 3,
            "retry_budget": 0,
            "allow_private_addresses": True,
            "allow_plain_http": True,
            "cid_namespace": "staging",
        },
    }
    assert printed["extra"].keys() == {field.name for field in FIELDS}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data-center", "mars"], "'data_center' must be one of singapore, hong_kong"),
        (["--read-timeout", "soon"], "'read_timeout' must be a number of seconds from 0.1 to 3600, not 'soon'"),
        (["--host", "a b"], "host is not valid"),
        (["--host", "http://push.example.com"], "plain http to the host 'push.example.com'"),
        (["--conn-id", "a b"], "'a b' is no id of a connection"),
        (["--conn-id", "my-app", "--print", "env"], "A shell has no variable AIRFLOW_CONN_MY-APP"),
    ],
)
def test_wrong_values_are_refused_in_words(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connection", "add", "--app-key", "key", "--print", "uri", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert SECRET not in err


def test_the_secret_is_no_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["connection", "add", "--app-key", "key", "--master-secret", SECRET])
    assert "unrecognized arguments" in capsys.readouterr().err


def test_whoever_runs_the_printed_line_is_told_that_others_see_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connection", "add", "--app-key", "key", "--print", "cli"]) == 0
    assert "can see the master secret" in capsys.readouterr().err


@pytest.mark.parametrize("written", [SECRET, f"{SECRET}\n", f"  {SECRET}\r\n"])
def test_the_secret_may_come_from_a_pipe(
    written: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE)
    monkeypatch.setattr(sys, "stdin", io.StringIO(written))
    assert main(["connection", "add", "--app-key", "key", "--print", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["password"] == SECRET


@pytest.mark.parametrize("stdin", [io.StringIO(""), None], ids=["empty", "closed"])
def test_without_a_secret_it_says_where_one_is_looked_for(
    stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["connection", "add", "--app-key", "key", "--print", "json"]) == 2
    assert f"Set {SECRET_VARIABLE}" in capsys.readouterr().err


def test_a_person_is_asked_and_what_is_typed_is_not_shown(start: Start) -> None:
    screen, terminal = pty.openpty()
    process = start(
        *("connection", "add", "--app-key", "key", "--print", "json"),
        env={SECRET_VARIABLE: ""},
        stdin=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    assert process.stderr.read(len("Master secret: ")) == "Master secret: "
    os.write(screen, f"{SECRET}\n".encode())
    out, _ = process.communicate(timeout=20)
    assert json.loads(out)["password"] == SECRET
    assert SECRET not in shown(screen)


def shown(screen: int) -> str:
    """Read what a terminal shows, whose program has ended."""
    os.set_blocking(screen, False)
    try:
        return os.read(screen, 10_000).decode()
    except OSError:
        return ""
    finally:
        os.close(screen)


def test_printing_imports_nothing_that_takes_time(start: Start) -> None:
    process = start("connection", "add", "--app-key", "key", "--print", "uri", python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in stderr.splitlines()}
    assert "argparse" in packages
    assert packages.isdisjoint({"airflow", "requests", "PIL", "fastapi", "pydantic"})


# Airflow's database


@pytest.fixture
def stored(airflow_db: None) -> Iterator[Callable[[str], Any]]:
    """Read a connection from Airflow's database; those of this module are removed in the end."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    def read(conn_id: str) -> Any:
        with create_session() as session:
            found = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
            session.expunge_all()
            return found

    yield read
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id.in_(("added", "added_by_shell"))))


def test_without_print_airflow_has_the_connection_then(
    stored: Callable[[str], Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ADDED", "{}")
    command = ["connection", "add", "--conn-id", "added", "--app-key", "key", "--data-center", "japan"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "To test it: oppo-image connection test --conn-id added" in out
    assert "AIRFLOW_CONN_ADDED is set here, and Airflow reads it instead" in err
    settings = read_settings(stored("added"))
    assert (settings.app_key, settings.master_secret) == ("key", SECRET)
    assert settings.base_url == "https://pushapi-jpn.engagelab.com"

    assert main(command) == 2
    assert "Airflow has a connection 'added' already" in capsys.readouterr().err


def test_without_a_database_it_says_how_to_make_one(start: Start, tmp_path: Path) -> None:
    process = start(
        *("connection", "add", "--app-key", "key"),
        env={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/none.db", SECRET_VARIABLE: SECRET},
    )
    out, err = process.communicate(timeout=50)
    assert process.returncode == 2
    assert "`airflow db migrate` makes it" in err
    assert SECRET not in out + err


def test_a_shell_adds_the_connection_by_the_printed_line(
    stored: Callable[[str], Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = 'it\'s "$HOME" %41 `id` \\ ünï密'
    monkeypatch.setenv(SECRET_VARIABLE, odd)
    command = ["connection", "add", "--conn-id", "added_by_shell", "--app-key", "key", "--print", "cli"]
    assert main(command) == 0
    line = capsys.readouterr().out
    airflow = Path(sys.executable).parent
    subprocess.run(
        ["sh", "-c", line],
        # Unencrypted, since this process has no key.
        env=os.environ | {"PATH": f"{airflow}:{os.environ['PATH']}", "AIRFLOW__CORE__FERNET_KEY": ""},
        capture_output=True,
        check=True,
        timeout=50,
    )
    assert read_settings(stored("added_by_shell")).master_secret == odd
