"""Results as a download: CSV for a spreadsheet, JSON Lines for a program.

A spreadsheet evaluates a value that looks like a formula, and the values come from the manifest. So in CSV, such a
value is escaped with an apostrophe. JSON Lines, which spreadsheets do not open by default, are not escaped.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from airflow_provider_oppo_image.batch.results import escape_formula
from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES, RowResult, row_values
from airflow_provider_oppo_image.plugins.results_table import NO_FILTER, Filter, ResultsTable

DownloadFormat: TypeAlias = Literal["csv", "jsonl"]

MEDIA_TYPES: Final[Mapping[DownloadFormat, str]] = MappingProxyType(
    {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
)

_BOM: Final = b"\xef\xbb\xbf"  # without it, spreadsheets do not read the file as UTF-8


def download(table: ResultsTable, file_format: DownloadFormat, where: Filter = NO_FILTER) -> Iterator[bytes]:
    """Yield the chunks of a download.

    :param table: the results.
    :param file_format: "csv" or "jsonl".
    :param where: the filter.
    """
    if file_format == "csv":
        yield _BOM + _csv([COLUMN_NAMES])
    for rows in table.chunks(where):
        yield _csv(map(row_values, rows)) if file_format == "csv" else _json_lines(rows)


def file_name(results: str, file_format: DownloadFormat) -> str:
    """Return the file name of a download: ASCII letters, digits, dots, dashes and underscores.

    :param results: the path or URL of the results.
    :param file_format: "csv" or "jsonl".
    """
    stem, _, _ = results.rpartition("/")[2].rpartition(".")
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', stem).lstrip('.')[:100] or 'results'}.{file_format}"


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(escape_formula, row) for row in rows)
    return text.getvalue().encode()


def _json_lines(rows: Iterable[RowResult]) -> bytes:
    return b"".join(json.dumps(row.to_dict(), ensure_ascii=False).encode() + b"\n" for row in rows)
