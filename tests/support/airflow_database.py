"""Airflow's database, read directly."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.pool import NullPool

_ENCRYPTED: Final = re.compile(rb"gAAAA[\w-]+=*")


@dataclass(frozen=True)
class Run:
    """A DAG run."""

    dag_id: str
    run_id: str


class AirflowDatabase:
    """The database of an Airflow.

    :param url: the SQLAlchemy URL, as in Airflow's configuration; the database may be created later.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.fernet_key = Fernet.generate_key().decode()
        # A connection for each query: an open connection would delay the stop of the server.
        self._engine = create_engine(url, poolclass=NullPool)

    def query(self, sql: str, **values: Any) -> list[RowMapping]:
        """Run a query with values for its ``:name`` parameters."""
        with self._engine.connect() as connection:
            return list(connection.execute(text(sql), values).mappings())

    def dag_files(self) -> set[str]:
        """Return the names of the parsed DAG files."""
        return {Path(row["fileloc"]).name for row in self.query("SELECT fileloc FROM dag")}

    def end_of(self, run: Run) -> str:
        """Return the final state of a run, "success" or "failed"; "" while it runs."""
        [row] = self._of(run, "state FROM dag_run")
        state = row["state"]
        return str(state) if state in ("success", "failed") else ""

    def tasks(self, run: Run) -> list[RowMapping]:
        """Return the task instances of a run: task_id, map_index, state, pid, try_number."""
        return self._of(run, "task_id, map_index, state, pid, try_number FROM task_instance")

    def noted(self, run: Run, task_id: str) -> dict[int, Counter[str]]:
        """Return how often each event of a task was logged, by map index."""
        noted: dict[int, Counter[str]] = {}
        for row in self._of(run, "map_index, event FROM log", " AND task_id = :task_id", task_id=task_id):
            noted.setdefault(row["map_index"], Counter())[row["event"]] += 1
        return noted

    def returned(self, run: Run, task_id: str) -> dict[int, list[Any]]:
        """Return the return values of a task in XCom, by map index."""
        values: dict[int, list[Any]] = {}
        where = " AND task_id = :task_id AND key = 'return_value'"
        # SQLite turns strings of digits into numbers, and PostgreSQL's driver decodes JSON.
        for row in self._of(run, "map_index, CAST(value AS TEXT) AS json FROM xcom", where, task_id=task_id):
            values.setdefault(row["map_index"], []).append(json.loads(row["json"]))
        return values

    def asset_events(self, run: Run, task_id: str) -> Counter[int]:
        """Return the number of asset events of a task, by map index."""
        rows = self.query(
            "SELECT source_map_index FROM asset_event WHERE source_run_id = :run_id AND source_task_id = :task_id",
            run_id=run.run_id,
            task_id=task_id,
        )
        return Counter(row["source_map_index"] for row in rows)

    def triggers_taken(self) -> int:
        """Return the number of triggers that run in a triggerer."""
        return len(self.query("SELECT id FROM trigger WHERE triggerer_id IS NOT NULL"))

    def cells(self) -> Iterator[tuple[str, bytes]]:
        """Yield every value with its table and column; encrypted values are decrypted too."""
        key = Fernet(self.fernet_key)
        for table in inspect(self._engine).get_table_names():
            for row in self.query(f'SELECT * FROM "{table}"'):  # noqa: S608  # a name from the database itself
                for column, value in row.items():
                    stored = value if isinstance(value, bytes) else str(value).encode()
                    yield f"{table}.{column}", stored + _decrypted(key, stored)

    def _of(self, run: Run, what: str, where: str = "", **values: Any) -> list[RowMapping]:
        sql = f"SELECT {what} WHERE dag_id = :dag_id AND run_id = :run_id{where}"
        return self.query(sql, dag_id=run.dag_id, run_id=run.run_id, **values)


def _decrypted(key: Fernet, text: bytes) -> bytes:
    plain = b""
    for token in _ENCRYPTED.findall(text):
        with contextlib.suppress(InvalidToken):
            plain += b"\n" + key.decrypt(token)
    return plain
