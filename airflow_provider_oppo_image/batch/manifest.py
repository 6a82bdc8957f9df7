"""Manifests: rows of CSV and JSON Lines files, read one at a time."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from types import MappingProxyType
from typing import IO, Any, Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.redaction import redact_url
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.rules import SAME_URL, judge_url
from airflow_provider_oppo_image.storage import StoragePath, open_read, storage_errors
from airflow_provider_oppo_image.template_values import is_blank

RowCode: TypeAlias = Literal[
    "row_columns",
    "row_duplicate_name",
    "row_encoding",
    "row_missing_name",
    "row_name",
    "row_no_url",
    "row_same_url",
    "row_syntax",
    "row_too_long",
    "row_url",
]

ROW_CODES: tuple[RowCode, ...] = get_args(RowCode)

NAME_COLUMN: Final = "name"

URL_COLUMNS: Final = tuple(PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS)

MAX_NAME_CHARACTERS: Final = 250
"""Maximum length of a row's name, inclusive. Our own limit, the same as for Airflow's ids."""

MAX_LINE_BYTES: Final = 65_536
"""Maximum length of a line, including the line break. Our own limit."""

GZIP_SUFFIX: Final = ".gz"

UTF8_BOM: Final = b"\xef\xbb\xbf"

_OTHER_FORMATS: Final = (
    (b"\xff\xfe", "it is UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "it is UTF-16; save it as UTF-8"),
    (b"PK\x03\x04", "it is a workbook or a ZIP archive; export the sheet as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "it is an Excel workbook; export the sheet as CSV in UTF-8"),
    (b"\x1f\x8b", f"it is compressed with gzip; add {GZIP_SUFFIX} to its name"),
    (b"PAR1", "it is a Parquet file; export it as CSV or JSON Lines"),
)
"""The first bytes of files that are not text, and what to do with them."""

_DELIMITERS: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}

FORMATS_WITH_HEADER: Final = (".csv",)
"""The formats whose first line that is not blank names the columns."""


@dataclass(frozen=True)
class RowProblem:
    """A problem of a row.

    :param code: the problem's code.
    :param message: what was found, and what to do.
    """

    code: RowCode
    message: str


@dataclass(frozen=True)
class Row:
    """A parsed row.

    :param line: the line number in the manifest, or the position in a list, from 1.
    :param name: the row's name; "" if it has none.
    :param pictures: the URLs of its pictures by kind; empty if the row has a problem.
    :param problem: what is wrong with the row; None if nothing is.
    :param columns: all columns of the row, also those that an upload ignores.
    """

    line: int
    name: str
    pictures: Mapping[PictureKind, str] = field(default_factory=dict)
    problem: RowProblem | None = None
    columns: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def parse_rows(pictures: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Parse rows that are given as a list instead of a manifest.

    :param pictures: mappings with ``name``, and ``big_picture_url``, ``small_picture_url`` or both.
    :raises ConfigurationError: if an entry is not a mapping.
    """
    for number, entry in enumerate(pictures, start=1):
        if not isinstance(entry, Mapping):
            raise ConfigurationError(
                f"Entry {number} of `pictures` is of type {type(entry).__name__}; it must be a mapping with "
                f"{NAME_COLUMN}, {', '.join(URL_COLUMNS)}."
            )
        yield parse_row(number, entry)


def parse_row(line: int, entry: Mapping[str, Any]) -> Row:
    """Parse one entry of a manifest or of a list.

    :param line: its line number or position, from 1.
    :param entry: ``name``, and ``big_picture_url``, ``small_picture_url`` or both; other keys are ignored.
    """
    name = "" if is_blank(entry.get(NAME_COLUMN)) else str(entry[NAME_COLUMN]).strip()
    values = {kind: entry.get(PICTURE_RULES[kind].url_key) for kind in PICTURE_KINDS}
    urls = {kind: url.strip() if isinstance(url, str) else url for kind, url in values.items() if not is_blank(url)}
    if problem := _name_problem(name) or _url_problem(urls):
        return Row(line, name[:MAX_NAME_CHARACTERS] if name.isprintable() else "", problem=problem)
    return Row(line, name, {kind: str(url) for kind, url in urls.items()}, columns=entry)


def _name_problem(name: str) -> RowProblem | None:
    if not name:
        return RowProblem("row_missing_name", "The row has no name. Give each row its own name.")
    if len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        # Not printable, for example a byte order mark in the middle of two joined files.
        return RowProblem(
            "row_name",
            f"The name has {len(name)} characters, or characters that are not printable, such as a byte order mark. "
            f"Use at most {MAX_NAME_CHARACTERS} printable characters.",
        )
    return None


def _url_problem(urls: Mapping[PictureKind, Any]) -> RowProblem | None:
    if not urls:
        return RowProblem("row_no_url", f"The row has no URL. Give {' or '.join(URL_COLUMNS)}, or remove the row.")
    for kind, url in urls.items():
        # Private addresses are a matter of the check: the service downloads from another network.
        if problem := judge_url(PictureUrl.parse(url), allow_private_addresses=True):
            return RowProblem("row_url", f"{PICTURE_RULES[kind].url_key}: {problem}")
    if len(set(urls.values())) < len(urls):
        return RowProblem("row_same_url", SAME_URL)
    return None


Line: TypeAlias = tuple[int, str | RowProblem]
"""A line's number, from 1, and its text or its problem."""

LineParser: TypeAlias = Callable[[str], Mapping[str, Any] | RowProblem | None]
"""Returns the columns of a line, its problem, or None for a line to ignore."""


def manifest_suffix(path: StoragePath) -> str:
    """Return the suffix that names a manifest's format, in lower case and without ``.gz``.

    :param path: the manifest.
    :raises ConfigurationError: if the suffix is not one of a manifest.
    """
    name = str(path.name).lower().removesuffix(GZIP_SUFFIX)
    suffix = "." + name.rpartition(".")[2]
    if suffix not in MANIFEST_FORMATS:
        raise _invalid_manifest(
            path, f"its name must end in {' or '.join(MANIFEST_FORMATS)}, with or without {GZIP_SUFFIX} after it"
        )
    return suffix


@contextlib.contextmanager
def open_manifest(path: StoragePath) -> Iterator[IO[bytes]]:
    """Open a manifest for reading lines, and decompress it if its name ends in ``.gz``.

    :param path: the manifest.
    :raises ConfigurationError: if it does not exist, or is not compressed as its name says.
    :raises StorageError: if it cannot be read.
    """
    with storage_errors(f"Reading {path}"), open_read(path) as file:
        if not str(path.name).lower().endswith(GZIP_SUFFIX):
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as decompressed:
                yield io.BufferedReader(decompressed)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _invalid_manifest(path, f"it is not a complete gzip file ({error})") from error


def read_manifest(path: StoragePath) -> Iterator[Row]:
    """Read a manifest row by row; memory use does not grow with the file.

    Blank lines, rows of empty cells, and unknown columns or keys are ignored.

    :param path: the manifest; its suffix names the format: ``.csv``, or ``.jsonl`` and ``.ndjson``, each also
        compressed, with ``.gz`` after it.
    :return: the rows; a row that cannot be parsed has a problem.
    :raises ConfigurationError: if the file is not a manifest; after the last row if none of them could be parsed.
    :raises StorageError: if the file cannot be read.
    """
    suffix = manifest_suffix(path)
    with open_manifest(path) as file:
        lines = _read_lines(path, file)
        parse_line = MANIFEST_FORMATS[suffix](path, lines)
        # A valid header is enough to make the file a manifest.
        any_valid, first_problem = suffix in FORMATS_WITH_HEADER, None
        for number, text in lines:
            entry = text if isinstance(text, RowProblem) else parse_line(text)
            if entry is None:
                continue
            if isinstance(entry, RowProblem):
                first_problem = first_problem or f"line {number}: {entry.message}"
                yield Row(number, "", problem=entry)
            else:
                any_valid = True
                yield parse_row(number, entry)
        if first_problem and not any_valid:
            raise _invalid_manifest(path, f"no row can be parsed; {first_problem}")


def _read_lines(path: StoragePath, file: IO[bytes]) -> Iterator[Line]:
    """Yield the lines that are not blank."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        is_too_long = len(line) == MAX_LINE_BYTES and _skip_rest_of_line(line, file)
        if number == 1:
            for start, reason in _OTHER_FORMATS:
                if line.startswith(start):
                    raise _invalid_manifest(path, reason)
            line = line.removeprefix(UTF8_BOM)
            if line.lstrip().startswith(b"[") and manifest_suffix(path) not in FORMATS_WITH_HEADER:
                raise _invalid_manifest(path, "it is a JSON array; write one JSON object per line")
        if is_too_long:
            yield number, RowProblem("row_too_long", f"The line is longer than {MAX_LINE_BYTES:,} bytes.")
        elif line.strip():
            yield number, _decode_line(line)
    if not number:
        raise _invalid_manifest(path, "it is empty")


def _skip_rest_of_line(line: bytes, file: IO[bytes]) -> bool:
    """Skip the rest of a line; return whether there was any."""
    is_longer = False
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE_BYTES)
        is_longer = is_longer or bool(line)
    return is_longer


def _decode_line(line: bytes) -> str | RowProblem:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        return RowProblem(
            "row_encoding", f"The line is not valid UTF-8 at byte {error.start + 1}. Save the manifest as UTF-8."
        )


def _csv_parser(path: StoragePath, lines: Iterator[Line]) -> LineParser:
    _, header = next(lines, (0, None))
    if header is None:
        raise _invalid_manifest(path, "it has no header")
    columns = header if isinstance(header, RowProblem) else _parse_csv_line(header)
    if isinstance(columns, RowProblem):
        raise _invalid_manifest(path, f"its first line is not a header: {columns.message}")
    columns = _without_empty_end([column.strip() for column in columns])
    known = [column for column in columns if column in (NAME_COLUMN, *URL_COLUMNS)]
    if NAME_COLUMN not in known or len(known) < 2 or len(set(known)) < len(known):
        raise _invalid_manifest(
            path,
            f"the columns in its first line are {', '.join(map(_redact_column, columns))[:200]!r}; they must include "
            f"{NAME_COLUMN} and {' or '.join(URL_COLUMNS)}, each once and separated by commas"
            + "".join(f", not by {name}" for sign, name in _DELIMITERS.items() if sign in str(header)),
        )

    def parse(line: str) -> Mapping[str, Any] | RowProblem | None:
        cells = _parse_csv_line(line)
        if isinstance(cells, RowProblem):
            return cells
        cells = _without_empty_end(cells)
        if len(cells) > len(columns):
            return RowProblem(
                "row_columns",
                f"The row has {len(cells)} cells, separated by commas; the header has {len(columns)} columns. Quote "
                "values that contain a comma, or remove the cells that have no column.",
            )
        if len(cells) == 1 < len(columns) and (
            names := [_DELIMITERS[sign] for sign in _DELIMITERS if sign in cells[0]]
        ):
            return RowProblem(
                "row_columns",
                f"The row has 1 cell, and its values seem to be separated by {names[0]}; the header has {len(columns)} "
                "columns, separated by commas. Separate all values by commas.",
            )
        # Spreadsheets leave out the delimiters of empty cells at the end of a row.
        return dict(zip_longest(columns, cells, fillvalue="")) if cells else None

    return parse


def _without_empty_end(cells: list[str]) -> list[str]:
    """Return cells without the blank ones at the end."""
    count = max((number for number, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return cells[:count]


def _redact_column(column: str) -> str:
    """Redact a column's name if it looks like a URL, in case a row is in place of the header."""
    return redact_url(column) if "/" in column or "?" in column else column


def _parse_csv_line(line: str) -> list[str] | RowProblem:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        found = f"The line is not valid CSV ({error}). Close each quote in its line, and double quotes inside a value."
        if "\r" in line:
            found = "The line has a carriage return in it. Save the file with a line feed at the end of each line."
        return RowProblem("row_syntax", found)


def _json_parser(path: StoragePath, lines: Iterator[Line]) -> LineParser:
    def parse(line: str) -> Mapping[str, Any] | RowProblem:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            return RowProblem("row_syntax", "The line is not a JSON object. Write one JSON object per line.")
        return entry

    return parse


MANIFEST_FORMATS: Final[Mapping[str, Callable[[StoragePath, Iterator[Line]], LineParser]]] = MappingProxyType(
    {".csv": _csv_parser, ".jsonl": _json_parser, ".ndjson": _json_parser}
)
"""Factories of line parsers, by suffix."""


def _invalid_manifest(path: StoragePath, reason: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is not a valid manifest: {reason.rstrip('.')}. Nothing was sent.")
