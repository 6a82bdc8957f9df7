"""Results files: one row for each row of the manifest, in its order, as CSV or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Final

from airflow_provider_oppo_image.batch.row_result import (
    RowResult,
    match_columns,
    parse_untrusted_row,
)
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.storage import AnyPath, StoragePath, atomic_write, open_read, resolve, storage_errors

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

log = logging.getLogger(__name__)

RESULT_FORMATS: Final = (".csv", ".jsonl", ".ndjson")

# Full-width characters too: Chinese and Japanese spreadsheets evaluate them. An apostrophe, so that it can be undone.
_FORMULA: Final = re.compile(r"'|\s*[=+\-@＝＋－＠]")


def escape_formula(value: object) -> object:
    """Return a CSV cell that no spreadsheet evaluates: text that looks like a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def require_results_format(path: StoragePath) -> None:
    """Raise an error unless the suffix of a path is one of `RESULT_FORMATS`.

    :param path: the path of the results.
    :raises ConfigurationError: if the suffix is not known.
    """
    if path.suffix.lower() not in RESULT_FORMATS:
        raise ConfigurationError(f"The results file {path} must have a name that ends in {', '.join(RESULT_FORMATS)}.")


def write_results(
    path: StoragePath, results: Iterable[DataclassInstance], row_type: type[DataclassInstance] = RowResult
) -> None:
    """Write results in one atomic write.

    :param path: the results file; its suffix selects the format.
    :param results: the rows.
    :param row_type: the type of the rows, whose fields are the columns.
    :raises ConfigurationError: if the suffix is not known.
    :raises StorageError: if the file cannot be written.
    """
    require_results_format(path)
    with storage_errors(f"Writing {path}"), atomic_write(path) as file:
        if path.suffix.lower() == ".csv":
            _write_csv(file, results, [field.name for field in fields(row_type)])
        else:
            file.writelines(json.dumps(result, ensure_ascii=False, default=vars).encode() + b"\n" for result in results)


def log_invalid_line(path: StoragePath, line: int) -> None:
    """Log that a line of a file is not valid.

    :param path: the file.
    :param line: the number of the line, from 1.
    """
    log.warning("Line %s of %s is not valid and is ignored. The other lines are used.", f"{line:,}", path)


def read_results(
    path: AnyPath, on_invalid: Callable[[StoragePath, int], None] = log_invalid_line
) -> Iterator[RowResult]:
    """Read results one row at a time; memory use does not grow with the file.

    The file is untrusted: each value is validated.

    :param path: the path or URL of a file that a batch wrote, in this version or another one.
    :param on_invalid: called with the path and the line number of each row that is not valid.
    :raises ConfigurationError: if the file does not exist, or is not a results file.
    :raises StorageError: if the file cannot be read.
    """
    source = resolve(path)
    require_results_format(source)
    with storage_errors(f"Reading {source}"), open_read(source) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        for line, row in _csv_rows(source, text) if source.suffix.lower() == ".csv" else _json_rows(text):
            if row is None:
                on_invalid(source, line)
            else:
                yield row


def _csv_rows(path: StoragePath, text: Iterable[str]) -> Iterator[tuple[int, RowResult | None]]:
    records = csv.reader(text, strict=True)
    parse = csv_parser(_next_record(records) or [])
    if parse is None:
        raise ConfigurationError(f"{path} is not a results file: its first line is not the header of results.")
    while (record := _next_record(records)) != []:
        yield records.line_num, None if record is None else parse(record)


def _next_record(records: Iterator[list[str]]) -> list[str] | None:
    """Return the next record; None for one that is not valid CSV; an empty list at the end."""
    try:
        return next(filter(None, records), [])
    except csv.Error:
        return None


def _json_rows(text: Iterable[str]) -> Iterator[tuple[int, RowResult | None]]:
    yield from ((number, parse_json_row(line)) for number, line in enumerate(text, start=1) if line.strip())


def csv_parser(header: Sequence[str]) -> Callable[[Sequence[str]], RowResult | None] | None:
    """Return a function that returns the row of a CSV record, or None for one that is not valid.

    :param header: the cells of the first line.
    :return: None if that is not the header of results.
    """
    columns = match_columns(header)
    if columns is None:
        return None

    def parse(cells: Sequence[str]) -> RowResult | None:
        try:
            values = [column.parse(cell) for column, cell in zip(columns, cells, strict=False)]
        except ValueError:
            return None
        return parse_untrusted_row(columns, values) if len(cells) == len(header) else None

    return parse


def parse_json_row(line: str) -> RowResult | None:
    """Return the row of a line of JSON Lines; None for one that is not valid.

    :param line: the line.
    """
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    columns = match_columns(tuple(entry)) if isinstance(entry, dict) else None
    return parse_untrusted_row(columns, list(entry.values())) if columns else None


def _write_csv(file: IO[bytes], results: Iterable[DataclassInstance], columns: Sequence[str]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    row_values = attrgetter(*columns)
    writer.writerows(map(escape_formula, row_values(result)) for result in results)
    text.detach()
