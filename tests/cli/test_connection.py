from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

# Imported before the tests, so that Airflow's log handlers do not keep a test's standard output.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.connection import FORMATS, SECRET_VARIABLE, NewConnection
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.connection import FIELDS, Settings, Value, read_settings
from airflow_provider_oppo_image.errors import ConfigurationError
from tests.cli.conftest import Start, imported_packages

VARIABLE = "AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"
SECRET = "s3cret-of-this-test"
ADD = ["connection", "add", "--app-key", "key"]

VISIBLE = st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" '\"$%`\\!#&?/@:+*~{}<>|;")
TEXTS = st.text(VISIBLE, min_size=1, max_size=40).filter(lambda text: text.strip())
VALUES = {
    "choice": st.sampled_from(list(FIELDS[0].choices)),
    "number": st.integers(1, 3600) | st.floats(1, 3600),
    "flag": st.booleans(),
    "text": st.text("abc-_09", max_size=8),
}
EXTRAS = st.fixed_dictionaries({}, optional={field.name: VALUES[field.kind] for field in FIELDS})
HOSTS = st.sampled_from(
    [None, "https://push.example.com", "push.example.com", "push.example.com:8443", "http://127.0.0.1:8369", "::1"]
)


@pytest.fixture(autouse=True)
def _master_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)


# The formats, read back by Airflow


def from_uri(printed: str) -> Any:
    from airflow.models.connection import Connection

    return Connection(uri=printed)


def from_json(printed: str) -> Any:
    from airflow.models.connection import Connection

    return Connection.from_json(printed)


def run_shell(script: str) -> str:
    return subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={}, timeout=20).stdout.decode()


def from_env(printed: str) -> Any:
    return from_json(run_shell(f'{printed}\nprintf %s "${VARIABLE}"'))


def from_cli(printed: str) -> Any:
    arguments = run_shell(f"airflow() {{ printf '%s\\0' \"$@\"; }}\n{printed}").split("\0")[:-1]
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


@pytest.mark.parametrize("name", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(app_key="key", secret='it\'s "$HOME" %41 `id` \\ 100% ünï密', host="http://127.0.0.1:8369", extra={})
@example(app_key="a:b@c/d", secret="://", host=None, extra={"retry_budget": 0.0})
@given(app_key=TEXTS, secret=TEXTS, host=HOSTS, extra=EXTRAS)
def test_airflow_reads_each_format(
    name: str, app_key: str, secret: str, host: str | None, extra: dict[str, Value]
) -> None:
    new = NewConnection("oppo_image_default", app_key.strip(), secret.strip(), host, extra)
    printed = FORMATS[name](new)
    assert printed.isascii()
    assert "\n" not in printed
    assert settings_of(READ_BACK[name](printed)) == read_settings(new)


@pytest.mark.parametrize("broken", ["a\nb", "a\rb", "a\tb", "a\0b", "a\u202eb"])
def test_invisible_characters_are_refused(broken: str) -> None:
    for app_key, secret in ((broken, SECRET), ("key", broken)):
        with pytest.raises(ConfigurationError, match="invisible") as refused:
            NewConnection("oppo_image_default", app_key, secret)
        assert SECRET not in str(refused.value)
        assert broken not in str(refused.value)


def test_repr_has_no_secret() -> None:
    assert SECRET not in repr(NewConnection("oppo_image_default", "key", SECRET))


# connection add --print


def test_connection_fields_have_options(capsys: pytest.CaptureFixture[str]) -> None:
    options = "--data-center japan --connect-timeout 1.5 --read-timeout 2 --total-timeout 3 --retry-budget 0"
    flags = "--rate 900 --allow-private-addresses --allow-plain-http --cid-namespace staging"
    assert main([*ADD, "--print", "json", *options.split(), *flags.split()]) == 0
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
            "rate": 900,
            "allow_private_addresses": True,
            "allow_plain_http": True,
            "cid_namespace": "staging",
        },
    }
    assert printed["extra"].keys() == {field.name for field in FIELDS}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data-center", "mars"], "'mars'"),
        (["--read-timeout", "soon"], "'soon'"),
        (["--host", "a b"], "host"),
        (["--host", "http://push.example.com"], "plain http"),
        (["--conn-id", "a b"], "'a b' is not a valid connection id"),
        (["--conn-id", "my-app", "--print", "env"], "AIRFLOW_CONN_MY-APP"),
    ],
)
def test_invalid_values(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ADD, "--print", "uri", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert SECRET not in err


def test_secret_is_not_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*ADD, "--master-secret", SECRET])
    assert "unrecognized arguments" in capsys.readouterr().err


def test_print_cli_warns_that_the_secret_is_visible(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ADD, "--print", "cli"]) == 0
    assert "can see the master secret" in capsys.readouterr().err


@pytest.mark.parametrize("written", [SECRET, f"{SECRET}\n", f"  {SECRET}\r\n"])
def test_secret_from_pipe(written: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(SECRET_VARIABLE)
    monkeypatch.setattr(sys, "stdin", io.StringIO(written))
    assert main([*ADD, "--print", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["password"] == SECRET


@pytest.mark.parametrize("stdin", [io.StringIO(""), None], ids=["empty", "closed"])
def test_secret_missing(
    stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main([*ADD, "--print", "json"]) == 2
    assert SECRET_VARIABLE in capsys.readouterr().err


def test_prompt_does_not_echo_secret(start: Start) -> None:
    screen, terminal = pty.openpty()
    process = start(*ADD, "--print", "json", env={SECRET_VARIABLE: ""}, stdin=terminal, start_new_session=True)
    os.close(terminal)
    assert process.stderr.read(len("Master secret: ")) == "Master secret: "
    os.write(screen, f"{SECRET}\n".encode())
    out, _ = process.communicate(timeout=20)
    assert json.loads(out)["password"] == SECRET
    os.set_blocking(screen, False)
    with os.fdopen(screen, "rb", buffering=0) as reader, contextlib.suppress(OSError):
        assert SECRET.encode() not in (reader.read(10_000) or b"")


def test_print_imports_no_slow_packages(start: Start) -> None:
    process = start(*ADD, "--print", "uri", python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported_packages(stderr)
    assert "argparse" in packages
    assert packages.isdisjoint({"airflow", "requests", "PIL", "fastapi", "pydantic"})


# connection add, to Airflow's database


@pytest.fixture
def load_connection(airflow_db: None) -> Iterator[Callable[[str], Any]]:
    """Load a connection from Airflow's database; the connection "added" is deleted at the end."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    def load(conn_id: str) -> Any:
        with create_session() as session:
            found = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
            session.expunge_all()
            return found

    yield load
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == "added"))


def test_add_stores_the_connection(
    load_connection: Callable[[str], Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ADDED", "{}")
    command = [*ADD, "--conn-id", "added", "--data-center", "japan"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "oppo-image connection test --conn-id added" in out
    assert "AIRFLOW_CONN_ADDED is set" in err
    stored = read_settings(load_connection("added"))
    assert (stored.app_key, stored.master_secret) == ("key", SECRET)
    assert stored.base_url == "https://pushapi-jpn.engagelab.com"

    assert main(command) == 2
    assert "already has a connection 'added'" in capsys.readouterr().err


def test_add_without_a_database(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    engine = create_engine("sqlite://")  # has no tables
    monkeypatch.setattr("airflow.utils.session.create_session", lambda: Session(engine))
    assert main(ADD) == 2
    out, err = capsys.readouterr()
    assert "airflow db migrate" in err
    assert SECRET not in out + err


# connection test


@pytest.mark.usefixtures("connect")
def test_test_of_accepted_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connection", "test"]) == 0
    out, err = capsys.readouterr()
    assert "accepts AppKey sandbox-app-key" in out
    assert err == ""
    assert main(["connection", "test", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"status": True, "message": out.strip()}


@pytest.mark.parametrize("verbose", [[], ["--verbose"]])
def test_test_of_a_wrong_secret(
    verbose: list[str], connect: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    connect(password="hush-hush-hush")
    assert main(["connection", "test", "--json", *verbose]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] is False
    assert "master secret" in err
    assert "hush-hush-hush" not in out + err
    assert b64encode(b"sandbox-app-key:hush-hush-hush").decode() not in out + err


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"login": ""}, "AppKey"),
        ({"password": ""}, "master secret"),
        ({"conn_type": "http"}, "'http'"),
        ({"extra": {"data_center": "the moon"}}, "'the moon'"),
        ({"extra": {"read_timout": 5}}, "did you mean 'read_timeout'?"),
    ],
)
def test_test_of_an_unusable_connection(
    fields: dict[str, Any], words: str, connect: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    connect(**fields)
    assert main(["connection", "test"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


@pytest.mark.usefixtures("connect")
def test_test_of_a_connection_in_the_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = json.loads(os.environ[VARIABLE])
    from airflow.models.connection import Connection

    def get_connection(backend: object, conn_id: str, *args: object, **kwargs: object) -> Connection:
        return Connection(conn_id=conn_id, **stored)

    monkeypatch.setattr("airflow.secrets.metastore.MetastoreBackend.get_connection", get_connection)
    assert main(["connection", "test", "--conn-id", "stored"]) == 0
    assert "accepts AppKey" in capsys.readouterr().out
