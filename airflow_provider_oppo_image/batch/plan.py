"""What a batch has to do and what became of it: its rows and pictures, in a database on disk.

The database is SQLite's, in a temporary file without a name: memory does not grow with the rows, and nothing of it,
signed URLs included, outlives the process.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Final, Self

from airflow_provider_oppo_image.batch.manifest import Row, RowProblem
from airflow_provider_oppo_image.batch.results import Outcome, RowResult, build_result
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PictureKind
from airflow_provider_oppo_image.errors import Failure, StorageError

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE names (name TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID;
CREATE TABLE rows (
    number INTEGER PRIMARY KEY, line INTEGER, name TEXT, code TEXT, words TEXT, big INTEGER, small INTEGER
);
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY, kind TEXT, url TEXT,
    picture_id TEXT, code TEXT, message TEXT, fault TEXT, transient INTEGER,
    UNIQUE (kind, url)
);
"""

_RESULTS: Final = """
SELECT rows.line, rows.name, rows.code, rows.words,
    big.number, big.picture_id, big.code, big.message, big.fault, big.url,
    small.number, small.picture_id, small.code, small.message, small.fault, small.url
FROM rows LEFT JOIN pictures AS big ON big.number = rows.big LEFT JOIN pictures AS small ON small.number = rows.small
ORDER BY rows.number
"""

_READ_AHEAD: Final = 500


@dataclass(frozen=True)
class PlannedPicture:
    """A picture that has to be uploaded, once, however many rows want it.

    :param number: its place among the pictures of the plan, from 1.
    :param kind: "big" or "small".
    :param url: where it is.
    """

    number: int
    kind: PictureKind
    url: str


class Plan:
    """A batch's rows and pictures, for one thread; a context manager.

    :param rows: the rows, of which those with the name of an earlier one are failures.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)
        digest = hashlib.sha256()
        for row in rows:
            try:
                self._add(row)
            except sqlite3.OperationalError as error:
                raise StorageError(
                    f"The plan of the batch cannot be kept in {tempfile.gettempdir()} ({error}). Make room, or set "
                    "TMPDIR to a larger place."
                ) from error
            digest.update(repr((row.line, row.name, dict(row.pictures), row.problem and row.problem.code)).encode())
        self.fingerprint = digest.hexdigest()
        """SHA-256 of all that the rows ask for, 64 hex characters: another manifest has another one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def pictures(self) -> int:
        """How many different pictures there are."""
        return self._count("pictures")

    @property
    def uploaded(self) -> int:
        """How many of them have an id."""
        return self._count("pictures WHERE picture_id IS NOT NULL")

    @property
    def may_pass(self) -> int:
        """How many of them failed for a reason that may pass."""
        return self._count("pictures WHERE picture_id IS NULL AND transient")

    def _count(self, what: str) -> int:
        [(count,)] = self._db.execute(f"SELECT count(*) FROM {what}")  # noqa: S608 - ours alone
        return int(count)

    def _add(self, row: Row) -> None:
        problem = row.problem or self._name_taken(row)
        numbers = {kind: self._number_of(kind, url) for kind, url in row.pictures.items()} if problem is None else {}
        self._db.execute(
            "INSERT INTO rows (line, name, code, words, big, small) VALUES (?, ?, ?, ?, ?, ?)",
            (
                row.line,
                row.name,
                problem and problem.code,
                problem and problem.words,
                *(numbers.get(kind) for kind in PICTURE_KINDS),
            ),
        )

    def _name_taken(self, row: Row) -> RowProblem | None:
        if self._db.execute("INSERT OR IGNORE INTO names VALUES (?, ?)", (row.name, row.line)).rowcount:
            return None
        [(line,)] = self._db.execute("SELECT line FROM names WHERE name = ?", (row.name,))
        return RowProblem(
            "row_duplicate_name",
            f"Line {line} has the same name, and it alone counts. Give each row a name of its own.",
        )

    def _number_of(self, kind: PictureKind, url: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO pictures (kind, url) VALUES (?, ?)", (kind, url))
        [(number,)] = self._db.execute("SELECT number FROM pictures WHERE kind = ? AND url = ?", (kind, url))
        return int(number)

    def to_upload(self) -> Iterator[PlannedPicture]:
        """Yield the pictures without an id, in the rows' order."""
        last = 0
        while found := self._db.execute(
            "SELECT number, kind, url FROM pictures WHERE number > ? AND picture_id IS NULL ORDER BY number LIMIT ?",
            (last, _READ_AHEAD),
        ).fetchall():
            yield from (PlannedPicture(*values) for values in found)
            last = found[-1][0]

    def record(self, outcome: Outcome) -> None:
        """Note what became of a picture; an id stays, whatever is noted after it.

        :param outcome: what became of it.
        """
        failure = outcome.failure
        self._db.execute(
            "UPDATE pictures SET picture_id = ?, code = ?, message = ?, fault = ?, transient = ? "
            "WHERE number = ? AND picture_id IS NULL",
            (outcome.picture_id, *(astuple(failure) if failure else (None,) * 4), outcome.number),
        )

    def results(self) -> Iterator[RowResult]:
        """Yield what became of each row, in the rows' order."""
        for line, name, code, words, *pictures in self._db.execute(_RESULTS):
            big, small = pictures[:6], pictures[6:]
            failures = [Failure(*found[2:5]) for found in (big, small) if found[2] is not None]
            if code is not None:
                failures = [Failure(code, words, "manifest")]
            missing = any(number is not None and picture_id is None for number, picture_id, *_ in (big, small))
            yield build_result(line, name, (big[1], small[1]), failures, urls=(big[5], small[5]), missing=missing)
