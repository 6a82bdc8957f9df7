"""Airflow's home: a folder that is kept between runs, for one Airflow at a time."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

from scripts.whole_airflow.environment import airflow_environment, server_settings

USER: Final = "admin"


class Home:
    """The home of an Airflow: a folder, which is created if it is missing.

    Airflow's settings are in the environment of its processes; others may be in `airflow.cfg` in the folder.
    """

    def __init__(self, folder: Path, dags: Path) -> None:
        self.folder = folder.absolute()
        self.dags = dags
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
                address = os.pread(lock, 100, 0).decode() or "an address that it will print"
                raise SystemExit(
                    f"An Airflow runs from {self.folder} already, at {address}. Use it, or stop it with Ctrl-C and "
                    "wait a few seconds."
                ) from None
            os.ftruncate(lock, 0)
            yield lock
        finally:
            os.close(lock)

    def environment(self, port: int) -> dict[str, str]:
        """Return the environment of this Airflow, whose API server has a port; its address is written to the lock."""
        settings = server_settings(port, {USER: "admin"}, self.folder / "passwords.json", self._secrets()) | {
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "8",
            "CORE__TEST_CONNECTION": "Enabled",
        }
        (self.folder / "lock").write_text(settings["API__BASE_URL"])
        return airflow_environment(self.folder, self.dags, settings)

    def password(self) -> str:
        """Return the password of `USER`, which is created once."""
        return self._stored("passwords.json", {USER: secrets.token_urlsafe(9)})[USER]

    def has_database(self) -> bool:
        """Return whether there is a database of this Airflow's version; an incomplete database is removed."""
        made_for = self._migrated.read_text() if self._migrated.exists() and self._database.exists() else ""
        if not made_for:
            for leftover in self.folder.glob(f"{self._database.name}*"):
                leftover.unlink()
        return made_for == version("apache-airflow")

    def mark_migrated(self) -> None:
        """Record that the database is complete, and of this Airflow's version."""
        self._write("migrated", version("apache-airflow"))

    def _secrets(self) -> dict[str, str]:
        """Return Airflow's own secrets, which must stay the same: it encrypts stored values with them."""
        return self._stored(
            "secrets.json",
            {
                "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "API__SECRET_KEY": secrets.token_urlsafe(32),
                "API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            },
        )

    def _stored(self, name: str, new: dict[str, str]) -> dict[str, str]:
        """Return the values in a file, which is written with the new ones if it does not have all of them."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            stored: dict[str, str] = json.loads((self.folder / name).read_text())
            if new.keys() <= stored.keys():
                return stored
        self._write(name, json.dumps(new))
        return new

    def _write(self, name: str, text: str) -> None:
        """Replace a file atomically; only its owner can read it."""
        temporary = self.folder / f"{name}.new"
        temporary.touch(mode=0o600)
        temporary.write_text(text)
        temporary.replace(self.folder / name)
