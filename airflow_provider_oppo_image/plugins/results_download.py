"""Results as a file to save: for a spreadsheet, or for a program.

A spreadsheet takes a value that begins like a formula for one, and runs it. The names are those of the manifest, and
who wrote one is not who opens the file. So in CSV an apostrophe stands before such a value. In JSON Lines, which no
spreadsheet opens by a click, each value is as it is.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from airflow_provider_oppo_image.batch.results import COLUMNS, RowResult, row_values
from airflow_provider_oppo_image.plugins.results_table import ALL, Filter, ResultsTable

Kind: TypeAlias = Literal["csv", "jsonl"]

MEDIA_TYPES: Final[Mapping[Kind, str]] = MappingProxyType(
    {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
)

_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]")  # the wide ones where Chinese or Japanese is written
_BOM: Final = b"\xef\xbb\xbf"  # without it, a spreadsheet takes Chinese for something else


def download(table: ResultsTable, kind: Kind, wanted: Filter = ALL) -> Iterator[bytes]:
    """Yield results as a file, piece by piece.

    :param table: the results.
    :param kind: "csv" for a spreadsheet, "jsonl" for a program.
    :param wanted: which rows.
    """
    if kind == "csv":
        yield _BOM + _csv([COLUMNS])
    for rows in table.pieces(wanted):
        yield _csv(map(row_values, rows)) if kind == "csv" else _json_lines(rows)


def file_name(results: str, kind: Kind) -> str:
    """Return the name under which a download is saved: ASCII letters, digits, dots, dashes and underscores.

    :param results: the path or URL of the results.
    :param kind: the download's.
    """
    stem, _, _ = results.rpartition("/")[2].rpartition(".")
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', stem).lstrip('.')[:100] or 'results'}.{kind}"


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(_harmless, row) for row in rows)
    return text.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _json_lines(rows: Iterable[RowResult]) -> bytes:
    return b"".join(json.dumps(row.to_dict(), ensure_ascii=False).encode() + b"\n" for row in rows)
