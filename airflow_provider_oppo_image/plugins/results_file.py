"""Reading a file of results for a page, with trust in neither what is in it nor who named it.

The place is what a task said, and the file is read with the rights of Airflow's API server. So nothing is read but what
is, line by line, as `batch.results` writes it, and what is refused is told without a byte of it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final, TypeAlias, get_args

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.results import COLUMNS, RESULT_FORMATS, RowResult, RowState
from airflow_provider_oppo_image.errors import FAULTS, ConfigurationError, StorageError
from airflow_provider_oppo_image.storage import StoragePath, is_local, open_read, resolve, storage_errors

MAX_BYTES: Final = 200_000_000
"""The largest file that is shown, in bytes, inclusive: ours."""

MAX_ROWS: Final = 1_000_000
"""The most rows that are shown, inclusive: ours."""

MAX_LINE: Final = 65_536
"""The longest line, in bytes, its break included: ours."""

MAX_FIELD: Final = 8_192
"""The longest value, in characters, inclusive: ours, twice the longest URL."""

MAX_SECONDS: Final = 60.0
"""For so many seconds a file is read at most: ours; 200 MB on a disk take a quarter of it."""

SCHEMES: Final = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "adl")
"""The object storage that is read, whatever else Airflow reaches: of its Amazon, Google and Microsoft Azure providers.
Elsewhere the path itself would say which host Airflow's API server talks to."""

_COLUMNS: Final = (COLUMNS, COLUMNS[:8])  # these before there were URLs
_STATES: Final = get_args(RowState)
_MAX_NUMBER: Final = 10**12 - 1
_NUMBER: Final = re.compile("[0-9]{1,12}")
_URL: Final = re.compile(r"https?://[^/?#@\\]+(/[^?#\\]*)?")  # with no query, nor anything else that may be secret
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f]")
_CHAIN: Final = "::"  # by which fsspec reaches one storage through another
_SURROGATES: Final = re.compile(
    "[\ud800-\udfff]"
)  # of a pair in UTF-16: JSON can spell them, and nobody can write them

_NO_FILE: Final = "it is no file"

Values: TypeAlias = list[Any]
"""What stands in a row, in the order of the columns."""


class NotShownError(ConfigurationError):
    """What is there is nothing that may be shown. The words hold nothing of it."""


class NotThereError(StorageError):
    """There is nothing, as seen from here."""


class NotWrittenYetError(StorageError):
    """The batch that writes the results has begun, and has not ended."""


@dataclass(frozen=True)
class FileVersion:
    """What tells a file from the one that lies in its place later.

    :param size: bytes.
    :param mark: whatever else the storage says about it, such as an ETag or a time.
    """

    size: int
    mark: str


def results_at(path: str) -> StoragePath:
    """Return the place of results, without looking there.

    :param path: what a task said: a local path, or a URL of object storage.
    :raises NotShownError: if it is neither, whatever Airflow reaches.
    :raises ConfigurationError: if nothing is installed that reaches it.
    :raises StorageError: if its connection cannot be used.
    """
    scheme, separator, _ = path.partition("://")
    if _CONTROLS.search(path):
        raise _refused(ascii(path), "its name has control characters")
    if separator and (scheme not in ("file", *SCHEMES) or _CHAIN in path):
        raise _refused(path, f"it is neither a local path nor in object storage ({', '.join(SCHEMES)})")
    return resolve(path)


def stamp_of(place: StoragePath) -> FileVersion:
    """Return the stamp of results, without reading them.

    :param place: where they are.
    :raises NotShownError: if it is nothing that may be shown; again and again.
    :raises NotWrittenYetError: if it is still to come.
    :raises NotThereError: if there is nothing, as seen from here.
    :raises OppoImageError: if it cannot be looked at.
    """
    if place.suffix.lower() not in RESULT_FORMATS:
        raise _refused(place, f"its name ends in none of {', '.join(RESULT_FORMATS)}")
    with storage_errors(f"Looking at {place}"):
        try:
            stamp = _stamp_of_file(place) if is_local(place) else _stamp_of_object(place)
        except FileNotFoundError:
            raise _absent(place) from None
    if stamp is None:
        raise _refused(place, _NO_FILE)
    if stamp.size > MAX_BYTES:
        raise _refused(place, f"it has {stamp.size:,} bytes; {MAX_BYTES:,} are the most that is shown")
    return stamp


def _stamp_of_file(place: StoragePath) -> FileVersion | None:
    found = place.stat()
    if not stat.S_ISREG(found.st_mode):
        return None
    return FileVersion(found.st_size, f"{found.st_dev}/{found.st_ino}/{found.st_mtime_ns}")


def _stamp_of_object(place: StoragePath) -> FileVersion | None:
    found = place.fs.info(place.path)
    return FileVersion(int(found["size"]), str(found)) if found["type"] == "file" else None


def _absent(place: StoragePath) -> NotThereError | NotWrittenYetError:
    if Checkpoint(place).folder.exists():
        return NotWrittenYetError(
            f"There are no results at {place} yet: they are written when the batch ends. Until then, the task's log "
            "says how far it is."
        )
    return NotThereError(
        f"There is nothing at {place}, as seen from Airflow's API server. Results are written when a batch ends, and "
        "results on a worker's own disk are seen by that worker alone. Give `results` a place that both reach."
    )


def _refused(place: StoragePath, why: str) -> NotShownError:
    return NotShownError(
        f"{place} is not shown: {why}. Results are shown as this package wrote them; look at the task's own log."
    )


def read_strictly(place: StoragePath) -> Iterator[RowResult]:
    """Read results, and nothing else.

    An error of it has what was read in its frames, and in the errors behind it: only its words are for others.

    :param place: where they are; `stamp_of` let it pass.
    :raises NotShownError: if a line is not as `write_results` writes it.
    :raises OppoImageError: if they cannot be read, or not in time.
    """
    with storage_errors(f"Reading {place}"), _opened(place) as file:
        lines = enumerate(_lines(place, file), start=1)
        read_line = _csv_reader(place, lines) if place.suffix.lower() == ".csv" else _json_values
        for rows, (number, line) in enumerate(lines, start=1):
            values = read_line(line)
            if values is None or not _is_row(*values):
                raise _refused(place, f"its line {number:,} is no row of results")
            if rows > MAX_ROWS:
                raise _refused(place, f"it has more than {MAX_ROWS:,} rows")
            yield RowResult(*values)


@contextmanager
def _opened(place: StoragePath) -> Iterator[IO[bytes]]:
    if not is_local(place):
        with open_read(place) as file:
            yield file
        return
    # Without waiting for the other end of a pipe, should one lie there by now.
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _refused(place, _NO_FILE)
        yield file


def _lines(place: StoragePath, file: IO[bytes]) -> Iterator[str]:
    """Yield lines of text, as long as there are not too many bytes, and time is left."""
    size, end = 0, time.monotonic() + MAX_SECONDS
    while line := file.readline(MAX_LINE + 1):
        size += len(line)
        if len(line) > MAX_LINE or size > MAX_BYTES:
            raise _refused(place, f"it has more than {MAX_BYTES:,} bytes, or {MAX_LINE:,} in one line")
        if not line.endswith(b"\n"):
            raise _refused(place, "it ends within a line")
        if time.monotonic() > end:
            raise StorageError(f"Reading {place} takes longer than {MAX_SECONDS:g} seconds. Try it again later.")
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise _refused(place, "it is no text in UTF-8") from None


def _csv_reader(place: StoragePath, lines: Iterator[tuple[int, str]]) -> Callable[[str], Values | None]:
    _, header = next(lines, (0, ""))
    columns = header.rstrip("\n").split(",")
    if tuple(columns) not in _COLUMNS:
        raise _refused(place, "its first line does not name the columns of results")

    def values_of(line: str) -> Values | None:
        try:
            number, name, *others = next(csv.reader([line], strict=True))
        except (csv.Error, ValueError):
            return None
        if len(others) != len(columns) - 2 or not _NUMBER.fullmatch(number):
            return None
        return [int(number), name, *(value or None for value in others)]

    return values_of


def _json_values(line: str) -> Values | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return list(entry.values()) if isinstance(entry, dict) and tuple(entry) in _COLUMNS else None


def _is_row(number: object, name: object, state: object, *others: object) -> bool:
    fault, urls = others[4], others[5:]
    return (
        type(number) is int
        and 0 < number <= _MAX_NUMBER
        and isinstance(name, str)
        and _is_text(name)
        and state in _STATES
        and all(value is None or (isinstance(value, str) and _is_text(value)) for value in others)
        and (fault is None or fault in FAULTS)
        and all(url is None or _is_shown(str(url)) for url in urls)
    )


def _is_text(value: str) -> bool:
    return len(value) <= MAX_FIELD and "\0" not in value and (value.isascii() or not _SURROGATES.search(value))


def _is_shown(url: str) -> bool:
    return url.isprintable() and _URL.fullmatch(url) is not None
