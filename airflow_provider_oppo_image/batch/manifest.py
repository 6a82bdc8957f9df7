"""Manifests: rows of CSV, TSV and JSON Lines files, read one at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
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

NAME: Final = "name"

URL_KEYS: Final = tuple(PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS)

MAX_NAME: Final = 250
"""The longest name, in characters, inclusive: ours, as long as Airflow's own ids may be."""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a row.

    :param code: a stable name.
    :param words: what was found, and what to do now.
    """

    code: RowCode
    words: str


@dataclass(frozen=True)
class Row:
    """A row that was read.

    :param line: where it stands, from 1: its line in a manifest, its place in a list.
    :param name: what the caller calls it; "" where it has none.
    :param pictures: its pictures' URLs by kind; empty where something is wrong.
    :param problem: what is wrong; None for nothing.
    """

    line: int
    name: str
    pictures: Mapping[PictureKind, str] = field(default_factory=dict)
    problem: RowProblem | None = None


def read_row(line: int, entry: Mapping[str, Any]) -> Row:
    """Make a row of a manifest's entry.

    :param line: where it stands, from 1.
    :param entry: ``name``, and ``big_picture_url``, ``small_picture_url`` or both; other keys mean nothing here.
    """
    name = "" if is_blank(entry.get(NAME)) else str(entry[NAME]).strip()
    urls = {kind: entry.get(PICTURE_RULES[kind].url_key) for kind in PICTURE_KINDS}
    given = {kind: url.strip() if isinstance(url, str) else url for kind, url in urls.items() if not is_blank(url)}
    if problem := _name_problem(name) or _url_problem(given):
        return Row(line, name[:MAX_NAME] if name.isprintable() else "", problem=problem)
    return Row(line, name, {kind: str(url) for kind, url in given.items()})


def _name_problem(name: str) -> RowProblem | None:
    if not name:
        return RowProblem("row_missing_name", "The row has no name. Give each row one of its own.")
    if len(name) > MAX_NAME or not name.isprintable():
        # A byte order mark in the middle of a file, say, where two were put together.
        return RowProblem(
            "row_name",
            f"The name has {len(name)} characters, or some that cannot be printed, such as a byte order mark. Give "
            f"printable ones, {MAX_NAME} at most.",
        )
    return None


def _url_problem(given: Mapping[PictureKind, Any]) -> RowProblem | None:
    if not given:
        return RowProblem("row_no_url", f"The row has no URL. Give {' or '.join(URL_KEYS)}, or leave the row out.")
    for kind, url in given.items():
        # Whether a private address may be asked is the check's matter; the service asks from elsewhere.
        if problem := judge_url(PictureUrl.parse(url), allow_private_addresses=True):
            return RowProblem("row_url", f"{PICTURE_RULES[kind].url_key}: {problem}")
    if len(set(given.values())) < len(given):
        return RowProblem("row_same_url", SAME_URL)
    return None


MAX_LINE: Final = 65_536
"""The longest line, in bytes, its break included: ours."""

BOM: Final = b"\xef\xbb\xbf"
_WIDE_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")

_TOO_LONG: Final = RowProblem("row_too_long", f"The line is longer than {MAX_LINE:,} bytes, and was passed over.")
WITH_HEADER: Final = (".csv",)
"""The formats whose first line that is not blank names the columns."""

LineReader: TypeAlias = Callable[[str], Mapping[str, Any] | RowProblem]
"""Reads the entry of one line."""


def read_manifest(place: StoragePath) -> Iterator[Row]:
    """Read a manifest, once, in memory that does not grow with it.

    Blank lines are passed over, and so are columns and keys that mean nothing here.

    :param place: where it lies; its suffix tells its format: ``.csv``, or ``.jsonl`` and ``.ndjson``.
    :return: its rows, those that cannot be read among them, with what is wrong.
    :raises ConfigurationError: if it is no manifest at all; after the last row where none of them could be read.
    :raises StorageError: if it cannot be read.
    """
    suffix = place.suffix.lower()
    if suffix not in MANIFEST_FORMATS:
        raise _no_manifest(place, f"its name ends in none of {', '.join(MANIFEST_FORMATS)}, so its format is not known")
    with storage_errors(f"Reading {place}"), open_read(place) as file:
        lines = _lines(place, file)
        read_line = MANIFEST_FORMATS[suffix](place, lines)
        # A header that was read makes a manifest of it, whatever follows.
        readable, unreadable = suffix in WITH_HEADER, None
        for number, text in lines:
            entry = text if isinstance(text, RowProblem) else read_line(text)
            if isinstance(entry, RowProblem):
                unreadable = unreadable or f"line {number}: {entry.words}"
                yield Row(number, "", problem=entry)
            else:
                readable = True
                yield read_row(number, entry)
        if unreadable and not readable:
            raise _no_manifest(place, f"none of its rows can be read; {unreadable}")


def _lines(place: StoragePath, file: IO[bytes]) -> Iterator[tuple[int, str | RowProblem]]:
    """Yield the lines that are not blank: their numbers, from 1, and their text, or why they have none."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        is_too_long = len(line) == MAX_LINE and _pass_over(line, file)
        if number == 1:
            if line.startswith(_WIDE_BOMS):
                raise _no_manifest(place, "it is UTF-16; save it as UTF-8")
            line = line.removeprefix(BOM)
        if is_too_long or line.strip():
            yield number, _TOO_LONG if is_too_long else _text(line)
    if not number:
        raise _no_manifest(place, "it is empty")


def _pass_over(line: bytes, file: IO[bytes]) -> bool:
    """Go to the end of the line that begins so; tell whether there was more of it."""
    is_longer = False
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE)
        is_longer = is_longer or bool(line)
    return is_longer


def _text(line: bytes) -> str | RowProblem:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        return RowProblem(
            "row_encoding", f"Byte {error.start + 1} of the line is no UTF-8. Save the manifest as UTF-8 again."
        )


def _csv_reader(place: StoragePath, lines: Iterator[tuple[int, str | RowProblem]]) -> LineReader:
    _, header = next(lines, (0, None))
    if header is None:
        raise _no_manifest(place, "it has no header")
    columns = header if isinstance(header, RowProblem) else _cells(header)
    if isinstance(columns, RowProblem):
        raise _no_manifest(place, f"its first line is no header: {columns.words}")
    columns = [column.strip() for column in columns]
    known = [column for column in columns if column in (NAME, *URL_KEYS)]
    if NAME not in known or len(known) < 2 or len(set(known)) < len(known):
        raise _no_manifest(
            place,
            f"its first line names the columns {', '.join(map(_shown, columns))[:200]!r}; needed are {NAME} and "
            f"{' or '.join(URL_KEYS)}, each once, with commas between them",
        )

    def read(line: str) -> Mapping[str, Any] | RowProblem:
        cells = _cells(line)
        if isinstance(cells, RowProblem):
            return cells
        if len(cells) != len(columns):
            return RowProblem(
                "row_columns",
                f"The row has {len(cells)} columns and the header {len(columns)}. Put what holds a comma in quotes.",
            )
        return dict(zip(columns, cells, strict=True))

    return read


def _shown(column: str) -> str:
    """Return a column's name; without what may be secret, should a row stand where the header does."""
    return redact_url(column) if "/" in column or "?" in column else column


def _cells(line: str) -> list[str] | RowProblem:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        return RowProblem(
            "row_syntax", f"The line is no CSV ({error}). Close each quote in its line, and double those in a text."
        )


def _json_reader(place: StoragePath, lines: Iterator[tuple[int, str | RowProblem]]) -> LineReader:
    def read(line: str) -> Mapping[str, Any] | RowProblem:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return RowProblem(
                "row_syntax", "The line is no JSON. Write one object a line, and no line break inside it."
            )
        if not isinstance(entry, dict):
            return RowProblem("row_syntax", "The line is JSON, but no object. Write one object a line.")
        return entry

    return read


MANIFEST_FORMATS: Final[Mapping[str, Callable[[StoragePath, Iterator[tuple[int, str | RowProblem]]], LineReader]]] = (
    MappingProxyType({".csv": _csv_reader, ".jsonl": _json_reader, ".ndjson": _json_reader})
)
"""What reads the lines of a manifest, by its suffix."""


def _no_manifest(place: StoragePath, why: str) -> ConfigurationError:
    return ConfigurationError(f"{place} is no manifest: {why}. Nothing was sent.")
