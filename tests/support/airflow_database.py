"""What an Airflow has written into its database, read as it is there."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken

_PATIENCE_S: Final = 20.0
_ENCRYPTED: Final = re.compile(rb"gAAAA[\w-]+=*")


@dataclass(frozen=True)
class Run:
    """A DAG run."""

    dag_id: str
    run_id: str


class AirflowDatabase:
    """The SQLite database of an Airflow 3.

    :param path: its file, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fernet_key = Fernet.generate_key().decode()

    def query(self, sql: str, *arguments: Any) -> list[sqlite3.Row]:
        """Read.

        :raises sqlite3.OperationalError: when the database is not there, or not whole.
        """
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=_PATIENCE_S)
        with contextlib.closing(connection):
            connection.row_factory = sqlite3.Row
            return connection.execute(sql, arguments).fetchall()

    def dag_files(self) -> set[str]:
        """The DAG files that have been read."""
        return {row["relative_fileloc"] for row in self.query("SELECT relative_fileloc FROM dag")}

    def end_of(self, run: Run) -> str:
        """How a run ended: "success" or "failed"; "" while it goes on."""
        [(state,)] = self._of(run, "state FROM dag_run")
        return str(state) if state in ("success", "failed") else ""

    def tasks(self, run: Run) -> list[sqlite3.Row]:
        """The task instances of a run: task_id, map_index, state, pid."""
        return self._of(run, "task_id, map_index, state, pid FROM task_instance")

    def noted(self, run: Run, task_id: str) -> dict[int, Counter[str]]:
        """How often each state of a task was noted, by map index."""
        noted: dict[int, Counter[str]] = {}
        for row in self._of(run, "map_index, event FROM log", " AND task_id = ?", task_id):
            noted.setdefault(row["map_index"], Counter())[row["event"]] += 1
        return noted

    def returned(self, run: Run, task_id: str) -> dict[int, list[Any]]:
        """What a task has in XCom as its result, by map index: every row that there is."""
        values: dict[int, list[Any]] = {}
        where = " AND task_id = ? AND key = 'return_value'"
        for row in self._of(run, "map_index, value FROM xcom", where, task_id):
            # SQLite makes a number of what looks like one.
            values.setdefault(row["map_index"], []).append(json.loads(str(row["value"])))
        return values

    def asset_events(self, run: Run, task_id: str) -> Counter[int]:
        """How many asset events a task has made, by map index."""
        rows = self.query(
            "SELECT source_map_index FROM asset_event WHERE source_run_id = ? AND source_task_id = ?",
            run.run_id,
            task_id,
        )
        return Counter(row["source_map_index"] for row in rows)

    def triggers_taken(self) -> int:
        """How many triggers a triggerer has taken, and not yet finished."""
        [(count,)] = self.query("SELECT count(*) FROM trigger WHERE triggerer_id IS NOT NULL")
        return int(count)

    def cells(self) -> Iterator[tuple[str, bytes]]:
        """Every value that is there, by table and column; what Airflow encrypted is read too."""
        key = Fernet(self.fernet_key)
        for [table] in self.query("SELECT name FROM sqlite_master WHERE type = 'table'"):
            for row in self.query(f'SELECT * FROM "{table}"'):  # noqa: S608  # a name from the database itself
                for column, value in dict(row).items():
                    text = value if isinstance(value, bytes) else str(value).encode()
                    yield f"{table}.{column}", text + _decrypted(key, text)

    def _of(self, run: Run, what: str, where: str = "", *arguments: Any) -> list[sqlite3.Row]:
        return self.query(f"SELECT {what} WHERE dag_id = ? AND run_id = ?{where}", run.dag_id, run.run_id, *arguments)


def _decrypted(key: Fernet, text: bytes) -> bytes:
    plain = b""
    for token in _ENCRYPTED.findall(text):
        with contextlib.suppress(InvalidToken):
            plain += b"\n" + key.decrypt(token)
    return plain
