"""The results that people look at, each file read once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Final

from airflow_provider_oppo_image.errors import ConfigurationError, StorageError
from airflow_provider_oppo_image.plugins.results_file import FileVersion, read_strictly, results_at, stamp_of
from airflow_provider_oppo_image.plugins.results_table import ResultsTable
from airflow_provider_oppo_image.storage import StoragePath

KEPT: Final = 4
"""So many tables are kept: ours. On the disk, one takes two or three times its file's bytes."""


class ResultsTables:
    """The tables of the results that were looked at last; for any number of threads.

    :param keep: how many are kept.
    """

    def __init__(self, keep: int = KEPT) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._tables: OrderedDict[str, tuple[FileVersion, Future[ResultsTable]]] = OrderedDict()

    def get(self, path: str) -> ResultsTable:
        """Return the table of results as they lie there now; who asks while they are read waits for them.

        :param path: their path or URL.
        :raises OppoImageError: as `results_at`, `stamp_of` and `open_table` do.
        """
        place = results_at(path)
        stamp = stamp_of(place)
        table, is_new = self._table_of(path, stamp)
        if is_new:
            try:
                table.set_result(open_table(place))
            except BaseException as error:
                # Those who wait hear of it; whoever asks next has it tried again.
                self._forget(path, table)
                table.set_exception(error)
                raise
        return table.result()

    def _table_of(self, path: str, stamp: FileVersion) -> tuple[Future[ResultsTable], bool]:
        """Return the table, or the promise of one, and whether it is for who asks to keep it."""
        with self._lock:
            known, table = self._tables.pop(path, (None, Future()))
            if is_new := known != stamp:
                table = Future()
            self._tables[path] = (stamp, table)
            if len(self._tables) > self._keep:
                self._tables.popitem(last=False)
            return table, is_new

    def _forget(self, path: str, table: Future[ResultsTable]) -> None:
        with self._lock:
            if self._tables.get(path, (None, None))[1] is table:
                del self._tables[path]


def open_table(place: StoragePath) -> ResultsTable:
    """Read results into a table.

    :param place: where they are; `stamp_of` let it pass.
    :raises NotShownError: if it is nothing that may be shown. The words hold nothing of what is there.
    :raises OppoImageError: if they cannot be read.
    """
    try:
        return ResultsTable(read_strictly(place), str(place))
    except (ConfigurationError, StorageError) as error:
        refused = type(error)(str(error))
    # Anew, since what was read is behind the first one, and in the frames that it came through.
    raise refused
