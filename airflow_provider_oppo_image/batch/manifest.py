"""Manifests: rows of CSV and JSON Lines files, read one at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, Any, Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.picture_url import PictureUrl
from airflow_provider_oppo_image.net.redaction import redact_url
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

UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")

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
    """

    line: int
    name: str
    pictures: Mapping[PictureKind, str] = field(default_factory=dict)
    problem: RowProblem | None = None


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
    return Row(line, name, {kind: str(url) for kind, url in urls.items()})


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

LineParser: TypeAlias = Callable[[str], Mapping[str, Any] | RowProblem]


def read_manifest(path: StoragePath) -> Iterator[Row]:
    """Read a manifest row by row; memory use does not grow with the file.

    Blank lines and unknown columns or keys are ignored.

    :param path: the manifest; its suffix names the format: ``.csv``, or ``.jsonl`` and ``.ndjson``.
    :return: the rows; a row that cannot be parsed has a problem.
    :raises ConfigurationError: if the file is not a manifest; after the last row if none of them could be parsed.
    :raises StorageError: if the file cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in MANIFEST_FORMATS:
        raise _invalid_manifest(path, f"its name must end in {', '.join(MANIFEST_FORMATS)}")
    with storage_errors(f"Reading {path}"), open_read(path) as file:
        lines = _read_lines(path, file)
        parse_line = MANIFEST_FORMATS[suffix](path, lines)
        # A valid header is enough to make the file a manifest.
        any_valid, first_problem = suffix in FORMATS_WITH_HEADER, None
        for number, text in lines:
            entry = text if isinstance(text, RowProblem) else parse_line(text)
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
            if line.startswith(_UTF16_BOMS):
                raise _invalid_manifest(path, "it is UTF-16; save it as UTF-8")
            line = line.removeprefix(UTF8_BOM)
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
    columns = [column.strip() for column in columns]
    known = [column for column in columns if column in (NAME_COLUMN, *URL_COLUMNS)]
    if NAME_COLUMN not in known or len(known) < 2 or len(set(known)) < len(known):
        raise _invalid_manifest(
            path,
            f"the columns in its first line are {', '.join(map(_redact_column, columns))[:200]!r}; they must include "
            f"{NAME_COLUMN} and {' or '.join(URL_COLUMNS)}, each once and separated by commas",
        )

    def parse(line: str) -> Mapping[str, Any] | RowProblem:
        cells = _parse_csv_line(line)
        if isinstance(cells, RowProblem):
            return cells
        if len(cells) != len(columns):
            return RowProblem(
                "row_columns",
                f"The row has {len(cells)} columns, the header {len(columns)}. Quote values that contain a comma.",
            )
        return dict(zip(columns, cells, strict=True))

    return parse


def _redact_column(column: str) -> str:
    """Redact a column's name if it looks like a URL, in case a row is in place of the header."""
    return redact_url(column) if "/" in column or "?" in column else column


def _parse_csv_line(line: str) -> list[str] | RowProblem:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        return RowProblem(
            "row_syntax",
            f"The line is not valid CSV ({error}). Close each quote in its line, and double quotes inside a value.",
        )


def _json_parser(path: StoragePath, lines: Iterator[Line]) -> LineParser:
    def parse(line: str) -> Mapping[str, Any] | RowProblem:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return RowProblem("row_syntax", "The line is not valid JSON. Write one JSON object per line.")
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
