"""Airflow's home: a folder that is kept between runs, for one Airflow at a time."""

from __future__ import annotations

import base64
import configparser
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final, TextIO

from scripts.demo_campaigns import LOOPBACK

USER: Final = "admin"

_SECRETS: Final[dict[tuple[str, str], Callable[[], str]]] = {
    ("core", "fernet_key"): lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    ("api", "secret_key"): lambda: secrets.token_urlsafe(32),
    ("api_auth", "jwt_secret"): lambda: secrets.token_urlsafe(64),
}
"""Airflow's own secrets, which must stay the same: it encrypts stored values with them."""


class Home:
    """The home of an Airflow: a folder, which is created if it is missing."""

    def __init__(self, folder: Path, dags: Path) -> None:
        self.folder = folder.absolute()
        self.dags = dags
        self._configuration = self.folder / "airflow.cfg"
        self._passwords = self.folder / "passwords.json"
        self._database = self.folder / "airflow.db"
        self._migrated = self.folder / "migrated"

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Lock the home; yield the lock's file descriptor, which holds the lock in every process that has it open.

        :raises SystemExit: if another Airflow has the lock, or the folder is not writable.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SystemExit(f"Airflow's home {self.folder} cannot be written to: {error.strerror}.") from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                address = self._read_configuration().get("api", "base_url", fallback="an address that it will print")
                raise SystemExit(
                    f"An Airflow runs from {self.folder} already, at {address}. Use it, or stop it with Ctrl-C and "
                    "wait a few seconds."
                ) from None
            yield lock
        finally:
            os.close(lock)

    def configure(self, port: int) -> str:
        """Write Airflow's configuration; secrets and other settings that are there already are kept.

        :param port: the port of the API server.
        :return: the API server's URL.
        """
        address = f"http://{LOOPBACK}:{port}"
        settings = {
            "core": {
                "dags_folder": str(self.dags),
                "executor": "LocalExecutor",
                "execution_api_server_url": f"{address}/execution/",
                "load_examples": "False",
                "parallelism": "8",
                "simple_auth_manager_users": f"{USER}:admin",
                "simple_auth_manager_passwords_file": str(self._passwords),
                "test_connection": "Enabled",
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{self._database}?timeout=20"},
            "api": {"base_url": address, "host": LOOPBACK, "port": str(port), "workers": "1"},
            "usage_data_collection": {"enabled": "False"},
        }
        configuration = self._read_configuration()
        for section, values in settings.items():
            # "%" starts an interpolation in Airflow's configuration.
            configuration.read_dict({section: {name: value.replace("%", "%%") for name, value in values.items()}})
        for (section, name), make in _SECRETS.items():
            if not configuration.get(section, name, fallback=""):
                configuration.read_dict({section: {name: make()}})
        with _atomic_write(self._configuration) as file:
            configuration.write(file)
        return address

    def environment(self) -> dict[str, str]:
        """Return the environment of this Airflow, without the settings of another one."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return inherited | {"AIRFLOW_HOME": str(self.folder), "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}

    def password(self) -> str:
        """Return the password of `USER`, which is created once."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads(self._passwords.read_text())[USER])
        password = secrets.token_urlsafe(9)
        with _atomic_write(self._passwords) as file:
            json.dump({USER: password}, file)
        return password

    def has_database(self) -> bool:
        """Return whether there is a database of this Airflow's version; an incomplete database is removed."""
        made_for = self._migrated.read_text() if self._migrated.exists() and self._database.exists() else ""
        if not made_for:
            for leftover in self.folder.glob(f"{self._database.name}*"):
                leftover.unlink()
        return made_for == version("apache-airflow")

    def mark_migrated(self) -> None:
        """Record that the database is complete, and of this Airflow's version."""
        with _atomic_write(self._migrated) as file:
            file.write(version("apache-airflow"))

    def _read_configuration(self) -> configparser.ConfigParser:
        configuration = configparser.ConfigParser(interpolation=None)
        try:
            configuration.read(self._configuration)
        except (configparser.Error, UnicodeDecodeError) as error:
            raise SystemExit(f"{self._configuration} cannot be read. Fix it or remove it. {error}") from None
        return configuration


@contextlib.contextmanager
def _atomic_write(path: Path) -> Iterator[TextIO]:
    """Replace a file atomically; only its owner can read it."""
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    with new.open("w") as file:
        yield file
    new.replace(path)
