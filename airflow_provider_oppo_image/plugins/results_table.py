"""Results as a table that the page displays page by page, and a cache of these tables.

As in `batch.plan`, the rows are in a temporary SQLite file without a name: memory use does not grow with the rows, and
nothing of them outlives the process.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from airflow_provider_oppo_image.batch.plan import temporary_disk_errors
from airflow_provider_oppo_image.batch.progress import ResultCounter, Summary
from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES, COLUMNS, RowResult, RowState, row_values
from airflow_provider_oppo_image.errors import ConfigurationError, Fault, StorageError
from airflow_provider_oppo_image.plugins.results_reader import file_version, read_untrusted_results, resolve_results
from airflow_provider_oppo_image.storage import StoragePath

MAX_PAGE_SIZE: Final = 500
"""Maximum number of rows of a page, inclusive. Our own limit."""

MAX_TABLES: Final = 4
"""Maximum number of cached tables. Our own limit: a table takes two or three times the disk space of its file."""

_TABLES: Final = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE rows (row INTEGER PRIMARY KEY, {", ".join(COLUMN_NAMES)}, text);
"""
_INDEXES: Final = """
CREATE INDEX states ON rows (state);
CREATE INDEX causes ON rows (error_code, fault);
"""
_INSERT: Final = f"INSERT INTO rows VALUES (NULL{', ?' * (len(COLUMNS) + 1)})"  # noqa: S608 - constants
_SELECT: Final = f"SELECT {', '.join(COLUMN_NAMES)} FROM rows"  # noqa: S608 - constants

_SEPARATOR: Final = "\0"  # in no value and no search text, so that a match never spans two values


@dataclass(frozen=True)
class Filter:
    """Conditions that all must hold for a row.

    :param state: the row's state; None for any.
    :param fault: the row's fault; None for any.
    :param code: the row's error code; None for any.
    :param text: text in one of the searchable columns, case-insensitive; "" for any.
    """

    state: RowState | None = None
    fault: Fault | None = None
    code: str | None = None
    text: str = ""

    def _to_sql(self) -> tuple[str, list[str]]:
        """Return the SQL condition, "" for every row, and its values."""
        conditions = {
            "state = ?": self.state,
            "fault = ?": self.fault,
            "error_code = ?": self.code,
            "instr(text, ?)": _normalize(self.text.strip()),
        }
        used = {condition: value for condition, value in conditions.items() if value}
        return " AND ".join(used), list(used.values())


NO_FILTER: Final = Filter()


@dataclass(frozen=True)
class Page:
    """One page of the rows that match a filter, in the order of the results.

    :param rows: the rows of the page.
    :param matching: the number of rows that match the filter.
    :param number: the number of the page, from 1.
    :param pages: the number of pages, at least 1.
    """

    rows: tuple[RowResult, ...]
    matching: int
    number: int
    pages: int


class ResultsTable:
    """Results in their original order, for any number of threads.

    :param rows: the results; they are iterated over once.
    :param results: the path of the results.
    :raises StorageError: if the temporary disk is full.
    """

    def __init__(self, rows: Iterable[RowResult], results: str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # The cache may drop the table while another thread still reads it.
        weakref.finalize(self, self._db.close)
        counter = ResultCounter()
        with temporary_disk_errors("The results", " for Airflow's API server"):
            self._db.executescript(_TABLES)
            self._db.executemany(_INSERT, ((*row_values(row), _searchable_text(row)) for row in counter.count(rows)))
            self._db.executescript(_INDEXES)
        self.summary: Summary = counter.summary(results)

    def page(self, where: Filter = NO_FILTER, number: int = 1, size: int = 50) -> Page:
        """Return a page.

        :param where: the filter.
        :param number: the number of the page, from 1; larger numbers return the last page.
        :param size: rows per page, 1 to `MAX_PAGE_SIZE`.
        """
        size = min(max(size, 1), MAX_PAGE_SIZE)
        matching = self._matching(where)
        pages = max(-(-len(matching) // size), 1)
        number = min(max(number, 1), pages)
        return Page(self._rows(matching[(number - 1) * size : number * size]), len(matching), number, pages)

    def chunks(self, where: Filter = NO_FILTER) -> Iterator[Sequence[RowResult]]:
        """Yield all rows that match a filter, in chunks.

        :param where: the filter.
        """
        matching = self._matching(where)
        for start in range(0, len(matching), MAX_PAGE_SIZE):
            yield self._rows(matching[start : start + MAX_PAGE_SIZE])

    def _matching(self, where: Filter) -> Sequence[int]:
        condition, values = where._to_sql()
        if not condition:
            return range(1, self.summary.rows + 1)
        with self._lock:
            found = self._db.execute(f"SELECT row FROM rows WHERE {condition} ORDER BY row", values)  # noqa: S608 - constants
            return array("L", chain.from_iterable(found))

    def _rows(self, numbers: Sequence[int]) -> tuple[RowResult, ...]:
        placeholders = ", ".join("?" * len(numbers))
        with self._lock:
            found = self._db.execute(f"{_SELECT} WHERE row IN ({placeholders}) ORDER BY row", numbers)
            return tuple(RowResult(*values) for values in found)


def _searchable_text(row: RowResult) -> str:
    values = (getattr(row, column.name) for column in COLUMNS if column.searchable)
    return _SEPARATOR.join(_normalize(value) for value in values if value)


def _normalize(text: str) -> str:
    return text.casefold().replace(_SEPARATOR, "")


_Key: TypeAlias = tuple[str, str | None]


class ResultsTableCache:
    """The tables that were used most recently, for any number of threads.

    :param max_tables: the maximum number of tables.
    """

    def __init__(self, max_tables: int = MAX_TABLES) -> None:
        self._max_tables = max_tables
        self._lock = threading.Lock()
        self._tables: OrderedDict[_Key, tuple[str, Future[ResultsTable]]] = OrderedDict()

    def get(self, path: str, task: str | None = None) -> ResultsTable:
        """Return the table of the current version of a results file; concurrent calls read the file once.

        :param path: the path or URL of the results.
        :param task: the task that each row must name; None for any.
        :raises OppoImageError: as `resolve_results`, `file_version` and `load_table` do.
        """
        results = resolve_results(path)
        version = file_version(results)
        key = path, task
        table, is_new = self._get_or_add(key, version)
        if is_new:
            try:
                table.set_result(load_table(results, task))
            except BaseException as error:
                # Waiting threads receive the error; the next call tries again.
                self._remove(key, table)
                table.set_exception(error)
                raise
        return table.result()

    def _get_or_add(self, key: _Key, version: str) -> tuple[Future[ResultsTable], bool]:
        """Return the future of a table, and whether the caller must load the table."""
        with self._lock:
            known, table = self._tables.pop(key, (None, Future()))
            if is_new := known != version:
                table = Future()
            self._tables[key] = (version, table)
            if len(self._tables) > self._max_tables:
                self._tables.popitem(last=False)
            return table, is_new

    def _remove(self, key: _Key, table: Future[ResultsTable]) -> None:
        with self._lock:
            if self._tables.get(key, (None, None))[1] is table:
                del self._tables[key]


def load_table(path: StoragePath, task: str | None = None) -> ResultsTable:
    """Load results into a table.

    :param path: the results, which `file_version` accepted.
    :param task: the task that each row must name; None for any.
    :raises ResultsRefusedError: if the file must not be displayed. The message contains nothing of the file.
    :raises OppoImageError: if the file cannot be read.
    """
    try:
        return ResultsTable(read_untrusted_results(path, task), str(path))
    except (ConfigurationError, StorageError) as error:
        clean_error = type(error)(str(error))
    # A new error, because the cause and the frames of the first one contain data of the file.
    raise clean_error
