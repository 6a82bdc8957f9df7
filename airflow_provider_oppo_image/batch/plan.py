"""A batch's rows and pictures and their results, in a temporary database on disk.

The database is a temporary SQLite file without a name: memory use does not grow with the rows, and nothing of it,
signed URLs included, outlives the process.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any, Final, Self

from airflow_provider_oppo_image.batch.manifest import Row, RowProblem
from airflow_provider_oppo_image.batch.row_result import Origin, Outcome, RowResult, build_result
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import Failure, StorageError

_TABLES: Final = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE names (name TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID;
CREATE TABLE rows (
    number INTEGER PRIMARY KEY, line INTEGER, name TEXT, code TEXT, message TEXT,
    {", ".join(f"{kind} INTEGER" for kind in PICTURE_KINDS)}
);
CREATE INDEX lines ON rows (line);
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY, kind TEXT, url TEXT,
    picture_id TEXT, uploaded_at TEXT, code TEXT, message TEXT, fault TEXT, transient INTEGER, expired INTEGER,
    UNIQUE (kind, url)
);
"""

_OUTCOME_COLUMNS: Final = ("number", "picture_id", "uploaded_at", "code", "message", "fault")
_PICTURE_COLUMNS: Final = [
    f"{kind}.{name} AS {kind}_{name}" for kind in PICTURE_KINDS for name in ("url", *_OUTCOME_COLUMNS)
]
_SELECT_RESULTS: Final = (
    f"SELECT rows.*, {', '.join(_PICTURE_COLUMNS)} FROM rows "  # noqa: S608 - constants of this module
    + " ".join(f"LEFT JOIN pictures AS {kind} ON {kind}.number = rows.{kind}" for kind in PICTURE_KINDS)
    + " ORDER BY rows.number"
)

_FETCH_SIZE: Final = 500


@dataclass(frozen=True)
class PlannedPicture:
    """A picture to upload; rows that have the same picture share it.

    :param number: its number in the plan, from 1.
    :param kind: "big" or "small".
    :param url: the picture's URL.
    """

    number: int
    kind: PictureKind
    url: str


class TemporaryDatabase:
    """A temporary SQLite database, for one thread; a context manager.

    :param tables: the statements that create its tables.
    :raises StorageError: if the temporary disk is full.
    """

    def __init__(self, tables: str) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _value(self, query: str) -> Any:
        """Return the only value of a query."""
        [(value,)] = self._db.execute(query)
        return value


@contextlib.contextmanager
def temporary_disk_errors(content: str, machine: str = "") -> Iterator[None]:
    """Translate the error of SQLite for a full temporary disk.

    :param content: what is stored there.
    :param machine: " for ..." the process whose TMPDIR it is; "" for this process.
    :raises StorageError: in place of that error.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{content} cannot be stored in {tempfile.gettempdir()} ({error}). Free disk space there, or set TMPDIR to "
            f"a larger disk{machine}."
        ) from error


class Plan(TemporaryDatabase):
    """A batch's rows and pictures.

    :param rows: the rows. A row with the name of an earlier row is a failed row.
    :raises StorageError: if the temporary disk is full.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        super().__init__(_TABLES)
        digest = hashlib.sha256()
        with temporary_disk_errors("The plan of the batch"):
            for row in rows:
                self._add(row)
                problem = row.problem and row.problem.code
                digest.update(repr((row.line, row.name, dict(row.pictures), problem)).encode())
        self.fingerprint = digest.hexdigest()
        """SHA-256 of the rows, as 64 hex characters; different rows have a different fingerprint."""

    @property
    def row_count(self) -> int:
        """The number of rows."""
        return int(self._value("SELECT count(*) FROM rows"))

    @property
    def name_count(self) -> int:
        """The number of different names."""
        return int(self._value("SELECT count(*) FROM names"))

    @property
    def picture_count(self) -> int:
        """The number of different pictures."""
        return int(self._value("SELECT count(*) FROM pictures"))

    @property
    def renewed_count(self) -> int:
        """The number of pictures that `restore` found too old and that have a new id."""
        return int(self._value("SELECT count(*) FROM pictures WHERE expired AND picture_id IS NOT NULL"))

    @property
    def oldest(self) -> str | None:
        """The time of the earliest upload whose id is used, in ISO 8601; None without an id."""
        oldest: str | None = self._value("SELECT min(uploaded_at) FROM pictures WHERE picture_id IS NOT NULL")
        return oldest

    @property
    def pending_count(self) -> int:
        """The number of pictures without an id."""
        return int(self._value("SELECT count(*) FROM pictures WHERE picture_id IS NULL"))

    @property
    def transient_failures(self) -> int:
        """The number of pictures that failed for a transient reason."""
        return int(self._value("SELECT count(*) FROM pictures WHERE picture_id IS NULL AND transient"))

    def _add(self, row: Row) -> None:
        problem = row.problem or self._duplicate_name(row)
        numbers = {} if problem else {kind: self._add_picture(kind, url) for kind, url in row.pictures.items()}
        self._db.execute(
            "INSERT INTO rows VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            (
                row.line,
                row.name,
                problem and problem.code,
                problem and problem.message,
                *(numbers.get(kind) for kind in PICTURE_KINDS),
            ),
        )

    def _duplicate_name(self, row: Row) -> RowProblem | None:
        if self._db.execute("INSERT OR IGNORE INTO names VALUES (?, ?)", (row.name, row.line)).rowcount:
            return None
        [(line,)] = self._db.execute("SELECT line FROM names WHERE name = ?", (row.name,))
        return RowProblem(
            "row_duplicate_name", f"Line {line} has the same name; only that line is used. Give each row its own name."
        )

    def _add_picture(self, kind: PictureKind, url: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO pictures (kind, url) VALUES (?, ?)", (kind, url))
        [(number,)] = self._db.execute("SELECT number FROM pictures WHERE kind = ? AND url = ?", (kind, url))
        return int(number)

    def pending_pictures(self) -> Iterator[PlannedPicture]:
        """Yield the pictures without an id, in the order of the rows."""
        last = 0
        while found := self._db.execute(
            "SELECT number, kind, url FROM pictures WHERE number > ? AND picture_id IS NULL ORDER BY number LIMIT ?",
            (last, _FETCH_SIZE),
        ).fetchall():
            yield from (PlannedPicture(*values) for values in found)
            last = found[-1]["number"]

    def restore(self, outcomes: Iterable[Outcome], renew_before: datetime.datetime | None = None) -> None:
        """Store the outcomes of earlier runs.

        :param outcomes: the outcomes, oldest first.
        :param renew_before: ids that were uploaded before this time count as not uploaded; None for no limit.
        """
        for outcome in outcomes:
            uploaded_at = outcome.uploaded_at and datetime.datetime.fromisoformat(outcome.uploaded_at)
            if renew_before and uploaded_at and uploaded_at < renew_before:
                self._db.execute("UPDATE pictures SET expired = 1 WHERE number = ?", (outcome.number,))
            else:
                self.record(outcome)
        self._db.execute("UPDATE pictures SET expired = 0 WHERE picture_id IS NOT NULL")

    def restore_row(self, line: int, result: RowResult) -> None:
        """Store the result of a row.

        :param line: the row's line in this plan.
        :param result: the result, perhaps of a part of the manifest with other line numbers.
        """
        query = f"SELECT {', '.join(PICTURE_KINDS)} FROM rows WHERE line = ? AND name = ?"  # noqa: S608 - constants
        numbers = self._db.execute(query, (line, result.name)).fetchone()
        if numbers is None:
            return
        failure = None
        if result.state == "failed":
            failure = Failure(result.error_code or "", result.error or "", result.fault or "service")
        for kind in PICTURE_KINDS:
            picture_id = getattr(result, PICTURE_RULES[kind].id_key)
            if numbers[kind] is not None and picture_id is not None:
                self.record(Outcome(numbers[kind], picture_id, uploaded_at=result.uploaded_at))
            elif numbers[kind] is not None and failure:
                self.record(Outcome(numbers[kind], failure=failure))
                failure = None  # the message names all pictures of the row

    def record(self, outcome: Outcome) -> None:
        """Store the outcome of a picture, unless the picture already has an id.

        :param outcome: the outcome.
        """
        failure = outcome.failure
        self._db.execute(
            "UPDATE pictures SET picture_id = ?, uploaded_at = ?, code = ?, message = ?, fault = ?, transient = ? "
            "WHERE number = ? AND picture_id IS NULL",
            (outcome.picture_id, outcome.uploaded_at, *(astuple(failure) if failure else (None,) * 4), outcome.number),
        )

    def results(self, origin: Origin | None = None) -> Iterator[RowResult]:
        """Yield the result of each row, in the order of the rows.

        :param origin: the origin of the results.
        """
        for row in self._db.execute(_SELECT_RESULTS):
            problem = Failure(row["code"], row["message"], "manifest") if row["code"] is not None else None
            kinds: list[PictureKind] = [kind for kind in PICTURE_KINDS if row[kind] is not None]
            urls = {kind: row[f"{kind}_url"] for kind in kinds}
            outcomes = {kind: _outcome(row, kind) for kind in kinds}
            yield build_result(row["line"], row["name"], urls, outcomes, problem, origin)


def _outcome(row: sqlite3.Row, kind: PictureKind) -> Outcome:
    number, picture_id, uploaded_at, code, message, fault = (row[f"{kind}_{name}"] for name in _OUTCOME_COLUMNS)
    return Outcome(number, picture_id, None if code is None else Failure(code, message, fault), uploaded_at)
