"""A batch's results as a table that a page shows piece by piece: filtered, searched, and saved as a file.

The rows are kept as `batch.plan` keeps its own: in a temporary SQLite file without a name, so that memory does not grow
with them, and nothing of them outlives the process.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from airflow_provider_oppo_image.batch.progress import ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import COLUMNS, RowResult, RowState, row_values
from airflow_provider_oppo_image.errors import Fault, StorageError

MAX_PAGE: Final = 500
"""The most rows of a page, inclusive: ours."""

_TABLES: Final = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE rows (row INTEGER PRIMARY KEY, {", ".join(COLUMNS)}, text);
"""
_INDEXES: Final = """
CREATE INDEX states ON rows (state);
CREATE INDEX causes ON rows (error_code, fault);
"""
_INSERT: Final = f"INSERT INTO rows VALUES (NULL{', ?' * (len(COLUMNS) + 1)})"  # noqa: S608 - ours alone
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM rows"  # noqa: S608 - ours alone

_BETWEEN: Final = "\0"  # in no value, nor in what is searched for: a match does not reach over two values


@dataclass(frozen=True)
class Filter:
    """Which rows are wanted: those that all of it fits.

    :param state: how they ended; None for any.
    :param fault: what has to be mended; None for any, and for nothing.
    :param code: the error code, of the causes for instance; None for any, and for none.
    :param text: what stands in the name, in a picture's URL or id, or in the words of the error, in upper or lower
        case; "" for whatever.
    """

    state: RowState | None = None
    fault: Fault | None = None
    code: str | None = None
    text: str = ""

    def _condition(self) -> tuple[str, list[str]]:
        """Return it in SQL, with its values; "" for every row."""
        asked = {
            "state = ?": self.state,
            "fault = ?": self.fault,
            "error_code = ?": self.code,
            "instr(text, ?)": _folded(self.text.strip()),
        }
        given = {condition: value for condition, value in asked.items() if value}
        return " AND ".join(given), list(given.values())


ALL: Final = Filter()
"""Every row."""


@dataclass(frozen=True)
class Page:
    """A piece of the rows that a filter lets pass, in the order of the results.

    :param rows: its rows.
    :param matching: how many the filter lets pass in all.
    :param number: which page it is, from 1.
    :param pages: how many pages there are, at least 1.
    """

    rows: tuple[RowResult, ...]
    matching: int
    number: int
    pages: int


class ResultsTable:
    """Results, in the order in which they were given; for any number of threads.

    :param rows: the results, read once.
    :param results: where they are.
    :raises StorageError: if there is no room for them.
    """

    def __init__(self, rows: Iterable[RowResult], results: str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # It ends with the last one who looks at a page of it, whoever has forgotten it before.
        weakref.finalize(self, self._db.close)
        tally = ResultCounter()
        try:
            self._db.executescript(_TABLES)
            self._db.executemany(_INSERT, ((*row_values(row), _searched(row)) for row in tally.count(rows)))
            self._db.executescript(_INDEXES)
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"The results cannot be kept in {tempfile.gettempdir()} ({error}). Make room there, or set TMPDIR to a "
                "larger place for Airflow's API server."
            ) from None
        self.summary: Summary = tally.summary(results)
        """How many rows there are of each state, and why rows failed."""

    def page(self, wanted: Filter = ALL, number: int = 1, size: int = 50) -> Page:
        """Return a page.

        :param wanted: which rows.
        :param number: which page, from 1; the last one, should there be fewer.
        :param size: rows a page, 1 to `MAX_PAGE`.
        """
        size = min(max(size, 1), MAX_PAGE)
        matching = self._matching(wanted)
        pages = max(-(-len(matching) // size), 1)
        number = min(max(number, 1), pages)
        return Page(self._rows(matching[(number - 1) * size : number * size]), len(matching), number, pages)

    def pieces(self, wanted: Filter = ALL) -> Iterator[Sequence[RowResult]]:
        """Yield all rows of a filter, some at a time.

        :param wanted: which rows.
        """
        matching = self._matching(wanted)
        for first in range(0, len(matching), MAX_PAGE):
            yield self._rows(matching[first : first + MAX_PAGE])

    def _matching(self, wanted: Filter) -> Sequence[int]:
        condition, values = wanted._condition()
        if not condition:
            return range(1, self.summary.rows + 1)
        with self._lock:
            found = self._db.execute(f"SELECT row FROM rows WHERE {condition} ORDER BY row", values)  # noqa: S608 - ours alone
            return array("L", chain.from_iterable(found))

    def _rows(self, numbers: Sequence[int]) -> tuple[RowResult, ...]:
        these = ", ".join("?" * len(numbers))
        with self._lock:
            found = self._db.execute(f"{_SELECT} WHERE row IN ({these}) ORDER BY row", numbers)
            return tuple(RowResult(*values) for values in found)


def _searched(row: RowResult) -> str:
    """Return all of a row that is searched."""
    values = (
        row.name,
        row.big_picture_id,
        row.small_picture_id,
        row.big_picture_url,
        row.small_picture_url,
        row.error,
    )
    return _BETWEEN.join(_folded(value) for value in values if value)


def _folded(text: str) -> str:
    return text.casefold().replace(_BETWEEN, "")
