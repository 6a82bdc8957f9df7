"""Reader of untrusted results files, for the page.

The path comes from a task, and the file is read with the permissions of Airflow's API server. So only lines that
`batch.results` could have written are accepted, and an error never contains a byte of the file.
"""

from __future__ import annotations

import csv
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from airflow_provider_oppo_image.batch.checkpoint import checkpoint_folder
from airflow_provider_oppo_image.batch.results import RESULT_FORMATS, csv_parser, parse_json_row
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.errors import ConfigurationError, StorageError
from airflow_provider_oppo_image.storage import StoragePath, is_local, open_read, resolve, storage_errors

MAX_FILE_BYTES: Final = 200_000_000
"""Maximum size of a file, inclusive. Our own limit."""

MAX_ROWS: Final = 1_000_000
"""Maximum number of rows, inclusive. Our own limit."""

MAX_ROW_BYTES: Final = 65_536
"""Maximum length of a line, including the line break. Our own limit."""

MAX_READ_S: Final = 60.0
"""Maximum time to read a file, in seconds. Our own limit: 200 MB on a local disk take a quarter of it."""

SCHEMES: Final = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "adl")
"""The object storage that is read: that of Airflow's Amazon, Google and Microsoft Azure providers. With other schemes,
the path could make Airflow's API server connect to any host."""

_CONTROL_CHARACTERS: Final = re.compile("[\x00-\x1f\x7f]")
_FSSPEC_CHAIN: Final = "::"  # lets fsspec reach one storage through another

_NOT_A_FILE: Final = "it is not a regular file"


class ResultsRefusedError(ConfigurationError):
    """The file must not be displayed. The message contains nothing of the file."""


class ResultsNotFoundError(StorageError):
    """The file does not exist, as seen from Airflow's API server."""


class ResultsPendingError(StorageError):
    """The batch that writes the results has started and not finished."""


def resolve_results(path: str) -> StoragePath:
    """Return the storage path of results, without accessing it.

    :param path: what a task recorded: a local path, or a URL of object storage.
    :raises ResultsRefusedError: if it is something else, even if Airflow can read it.
    :raises ConfigurationError: if the Airflow provider of the storage is not installed.
    :raises StorageError: if the storage's connection cannot be used.
    """
    scheme, separator, _ = path.partition("://")
    if _CONTROL_CHARACTERS.search(path):
        raise _refused(ascii(path), "the path contains control characters")
    if separator and (scheme not in ("file", *SCHEMES) or _FSSPEC_CHAIN in path):
        raise _refused(path, f"the path is neither local nor in object storage ({', '.join(SCHEMES)})")
    return resolve(path)


def file_version(path: StoragePath) -> str:
    """Return what identifies the current version of a results file, such as its size and ETag, without reading it.

    :param path: the results.
    :raises ResultsRefusedError: if the file must not be displayed.
    :raises ResultsPendingError: if the batch has not finished.
    :raises ResultsNotFoundError: if the file does not exist.
    :raises OppoImageError: if the storage cannot be accessed.
    """
    if path.suffix.lower() not in RESULT_FORMATS:
        raise _refused(path, f"the name does not end in {', '.join(RESULT_FORMATS)}")
    with storage_errors(f"Accessing {path}"):
        try:
            size, version = _local_version(path) if is_local(path) else _object_version(path)
        except FileNotFoundError:
            raise _not_found(path) from None
    if size > MAX_FILE_BYTES:
        raise _refused(path, f"the file has {size:,} bytes; the maximum is {MAX_FILE_BYTES:,}")
    return version


def _local_version(path: StoragePath) -> tuple[int, str]:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, _NOT_A_FILE)
    return found.st_size, f"{found.st_dev}/{found.st_ino}/{found.st_size}/{found.st_mtime_ns}"


def _object_version(path: StoragePath) -> tuple[int, str]:
    found = path.fs.info(path.path)
    if found["type"] != "file":
        raise _refused(path, _NOT_A_FILE)
    return int(found["size"]), str(found)


def _not_found(path: StoragePath) -> ResultsNotFoundError | ResultsPendingError:
    if checkpoint_folder(path).exists():
        return ResultsPendingError(
            f"{path} does not exist yet: the results are written when the batch ends. See the task's log for the "
            "progress."
        )
    return ResultsNotFoundError(
        f"{path} does not exist on Airflow's API server. Results are written when a batch ends, and results on a "
        "worker's local disk are visible to that worker only. Set `results` to a path that both can access."
    )


def _refused(path: StoragePath, reason: str) -> ResultsRefusedError:
    return ResultsRefusedError(
        f"{path} cannot be displayed: {reason}. Only results that this package wrote are displayed; see the task's log."
    )


def read_untrusted_results(path: StoragePath, task: str | None = None) -> Iterator[RowResult]:
    """Read a results file that anybody may have written.

    The frames and causes of its errors contain data of the file; only their messages may be displayed.

    :param path: the results, which `file_version` accepted.
    :param task: the task that each row must name; None for any.
    :raises ResultsRefusedError: if a line is not one that `write_results` writes, or names another task.
    :raises OppoImageError: if the file cannot be read in time.
    """
    with storage_errors(f"Reading {path}"), _open_regular_file(path) as file:
        lines = enumerate(_read_lines(path, file), start=1)
        parse_line = _csv_parser(path, lines) if path.suffix.lower() == ".csv" else parse_json_row
        for rows, (number, line) in enumerate(lines, start=1):
            result = parse_line(line)
            if result is None or (task is not None and result.task != task):
                raise _refused(path, f"line {number:,} is not a row of results")
            if rows > MAX_ROWS:
                raise _refused(path, f"the file has more than {MAX_ROWS:,} rows")
            yield result


@contextmanager
def _open_regular_file(path: StoragePath) -> Iterator[IO[bytes]]:
    if not is_local(path):
        with open_read(path) as file:
            yield file
        return
    # Non-blocking, in case the file has been replaced by a named pipe.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _refused(path, _NOT_A_FILE)
        yield file


def _read_lines(path: StoragePath, file: IO[bytes]) -> Iterator[str]:
    """Yield lines of text, within the limits of size and time."""
    size, deadline = 0, time.monotonic() + MAX_READ_S
    while line := file.readline(MAX_ROW_BYTES + 1):
        size += len(line)
        if len(line) > MAX_ROW_BYTES or size > MAX_FILE_BYTES:
            raise _refused(path, f"the file has more than {MAX_FILE_BYTES:,} bytes, or {MAX_ROW_BYTES:,} in one line")
        if not line.endswith(b"\n"):
            raise _refused(path, "the last line is incomplete")
        if time.monotonic() > deadline:
            raise StorageError(f"Reading {path} takes longer than {MAX_READ_S:g} seconds. Try again later.")
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise _refused(path, "the file is not UTF-8 text") from None


def _csv_parser(path: StoragePath, lines: Iterator[tuple[int, str]]) -> Callable[[str], RowResult | None]:
    _, header = next(lines, (0, ""))
    parse_cells = csv_parser(header.rstrip("\n").split(","))
    if parse_cells is None:
        raise _refused(path, "the first line is not the header of results")

    def parse(line: str) -> RowResult | None:
        try:
            return parse_cells(next(csv.reader([line], strict=True)))
        except csv.Error:
            return None

    return parse
