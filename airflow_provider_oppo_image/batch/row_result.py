"""Results of the rows of a batch: their columns, and how a row's result is built from its pictures' outcomes.

The fields of `RowResult` are the table of the columns, from which the writers, the readers and the page are derived. To
add a column, append a field with a `Column` of the next version, and set it in `build_result`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_type_hints

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import FAULTS, Failure, Fault
from airflow_provider_oppo_image.net.redaction import strip_query

RowState: TypeAlias = Literal["uploaded", "failed", "not tried"]

MAX_VALUE_CHARACTERS: Final = 8_192
"""Maximum length of a value in an untrusted file. Our own limit: twice the longest URL."""

_MAX_LINE_NUMBER: Final = 10**12 - 1
_LINE_NUMBER: Final = re.compile("[0-9]{1,12}")
_URL: Final = re.compile(r"https?://[^/?#@\\]+(/[^?#\\]*)?")  # without a query, a fragment or user information
_SURROGATES: Final = re.compile("[\ud800-\udfff]")  # valid in JSON escapes, not encodable as UTF-8
_COLUMN_NAME: Final = re.compile("[a-z][a-z0-9_]{0,62}")
_DIGEST: Final = re.compile("[0-9a-f]{64}")


def _parse_text(cell: str) -> str:
    return cell.removeprefix("'")


def _parse_optional_text(cell: str) -> str | None:
    return _parse_text(cell) or None


@dataclass(frozen=True)
class Column:
    """A column of the results.

    :param is_valid: returns whether a value is valid; for files that are not trusted.
    :param since: the version of the results that introduced the column. Columns are only appended.
    :param searchable: whether the page's text search includes the column.
    :param parse: returns the value of a CSV cell, or raises ValueError.
    :param name: the column's name.
    """

    is_valid: Callable[[object], bool]
    since: int = 1
    searchable: bool = False
    parse: Callable[[str], Any] = _parse_optional_text
    name: str = ""


def _parse_line_number(cell: str) -> int:
    if not _LINE_NUMBER.fullmatch(cell):
        raise ValueError("not a line number")
    return int(cell)


def is_line_number(value: object) -> bool:
    """Return whether a value that was read from an untrusted file is a line number, or the number of an item."""
    return type(value) is int and 0 < value <= _MAX_LINE_NUMBER


def _is_text(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= MAX_VALUE_CHARACTERS
        and "\0" not in value
        and (value.isascii() or not _SURROGATES.search(value))
    )


def _is_id(value: object) -> bool:
    return _is_text(value) and bool(str(value).strip()) and str(value).isprintable()


def _is_url(value: object) -> bool:
    return _is_text(value) and str(value).isprintable() and _URL.fullmatch(str(value)) is not None


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 40:
        return False
    try:
        return datetime.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _optional(is_valid: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or is_valid(value)


@dataclass(frozen=True)
class Origin:
    """The origin of a batch's results. Readers compare it: a file is not trusted because of its path.

    :param manifest: SHA-256 of the rows of the manifest, or of the list, as 64 hex characters.
    :param account: the AppKey's SHA-256 and the service, as `account_of` returns it; "" if unknown.
    :param task: the DAG, run, task and map index, as `task_name` returns it; None outside a task.
    """

    manifest: str
    account: str
    task: str | None = None


def task_name(dag_id: str, run_id: str, task_id: str, map_index: int | None = -1) -> str:
    """Return the text that names a task of a run in results.

    :param map_index: the index of a mapped task; -1 or None for other tasks.
    """
    return json.dumps([dag_id, run_id, task_id, -1 if map_index is None else map_index], ensure_ascii=False)


@dataclass(frozen=True)
class RowResult:
    """The result of one row; each field is a column.

    :param line: the line number in the manifest, or the position in a list, from 1.
    :param name: the row's name; "" if it has none.
    :param state: "uploaded" if each of its pictures has an id; "not tried" if the batch stopped before.
    :param big_picture_id: the big picture's id; None if it has none.
    :param small_picture_id: the small picture's id; None if it has none.
    :param error_code: the error code; None if nothing is wrong.
    :param error: the error message; None if nothing is wrong.
    :param fault: what must be corrected; None if nothing is wrong.
    :param big_picture_url: the big picture's URL without the query, which can be a signature; None if there is no such
        picture, or the row could not be read.
    :param small_picture_url: the small picture's URL without the query.
    :param uploaded_at: the time of the earlier one of its uploads, in ISO 8601 with the offset; None without an id.
    :param manifest: SHA-256 of the manifest's rows; see `Origin`.
    :param account: the AppKey and the service, without the AppKey.
    :param task: the DAG, run, task and map index; None outside a task.
    """

    line: Annotated[int, Column(is_line_number, parse=_parse_line_number)]
    name: Annotated[str, Column(_is_text, searchable=True, parse=_parse_text)]
    state: Annotated[RowState, Column(get_args(RowState).__contains__, parse=str)]
    big_picture_id: Annotated[str | None, Column(_optional(_is_id), searchable=True)] = None
    small_picture_id: Annotated[str | None, Column(_optional(_is_id), searchable=True)] = None
    error_code: Annotated[str | None, Column(_optional(_is_text))] = None
    error: Annotated[str | None, Column(_optional(_is_text), searchable=True)] = None
    fault: Annotated[Fault | None, Column(_optional(FAULTS.__contains__))] = None
    big_picture_url: Annotated[str | None, Column(_optional(_is_url), since=2, searchable=True)] = None
    small_picture_url: Annotated[str | None, Column(_optional(_is_url), since=2, searchable=True)] = None
    uploaded_at: Annotated[str | None, Column(_optional(_is_time), since=3)] = None
    manifest: Annotated[str | None, Column(_optional(_is_digest), since=3)] = None
    account: Annotated[str | None, Column(_optional(_is_text), since=3)] = None
    task: Annotated[str | None, Column(_optional(_is_text), since=3)] = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-serialisable data."""
        return dict(vars(self))


COLUMNS: Final[tuple[Column, ...]] = tuple(
    replace(hint.__metadata__[0], name=name) for name, hint in get_type_hints(RowResult, include_extras=True).items()
)
COLUMN_NAMES: Final = tuple(column.name for column in COLUMNS)

row_values: Final = attrgetter(*COLUMN_NAMES)
"""Returns a row's values, in the order of the columns."""

_HEADERS: Final = {
    tuple(column.name for column in COLUMNS if column.since <= version)
    for version in {column.since for column in COLUMNS}
}
"""The column names of each version."""


def match_columns(names: Sequence[str]) -> tuple[Column, ...] | None:
    """Return the columns of a results file, or None if it is not one.

    A file of an earlier version has fewer columns. A file of a later version has more columns, which are ignored.

    :param names: the header of a CSV file, or the keys of a JSON object.
    """
    appended = names[len(COLUMNS) :]
    is_known = tuple(names[: len(COLUMNS)]) in _HEADERS and all(map(_COLUMN_NAME.fullmatch, appended))
    return COLUMNS[: len(names)] if is_known else None


def parse_untrusted_row(columns: Sequence[Column], values: Sequence[Any]) -> RowResult | None:
    """Return a row, or None if one of its values is not valid.

    :param columns: what `match_columns` returned.
    :param values: the values, including those of appended columns.
    """
    are_valid = (column.is_valid(value) for column, value in zip(columns, values, strict=False))
    return RowResult(*values[: len(columns)]) if len(values) >= len(columns) and all(are_valid) else None


@dataclass(frozen=True)
class Outcome:
    """The result of one picture.

    :param number: the picture's number in its plan.
    :param picture_id: its id; None if it has none.
    :param failure: why it has no id; None if it has one, or was not tried.
    :param uploaded_at: the time of the upload, in ISO 8601 with the offset; None if it has no id.
    """

    number: int
    picture_id: str | None = None
    failure: Failure | None = None
    uploaded_at: str | None = None

    @property
    def tried(self) -> bool:
        """Whether the picture was tried."""
        return self.picture_id is not None or self.failure is not None

    @property
    def is_stored(self) -> bool:
        """Whether the outcome is written to the checkpoint."""
        return self.tried


def is_valid_outcome(outcome: Outcome) -> bool:
    """Return whether each value of an outcome that was read from an untrusted file is valid.

    :param outcome: the outcome.
    """
    failure = outcome.failure
    if failure is None:
        is_valid = _is_id(outcome.picture_id) and _is_time(outcome.uploaded_at)
    else:
        is_valid = outcome.picture_id is None and outcome.uploaded_at is None and is_valid_failure(failure)
    return is_valid and is_line_number(outcome.number)


def is_valid_failure(failure: object) -> bool:
    """Return whether each value of a failure that was read from an untrusted file is valid.

    :param failure: the failure.
    """
    return (
        isinstance(failure, Failure)
        and _is_text(failure.code)
        and _is_text(failure.message)
        and failure.fault in FAULTS
        and isinstance(failure.transient, bool)
    )


def build_result(
    line: int,
    name: str,
    urls: Mapping[PictureKind, str],
    outcomes: Mapping[PictureKind, Outcome] = MappingProxyType({}),
    problem: Failure | None = None,
    origin: Origin | None = None,
) -> RowResult:
    """Build a row's result from the outcomes of its pictures.

    :param line: the row's line.
    :param name: the row's name.
    :param urls: the URLs of its pictures by kind; empty for a row that could not be read.
    :param outcomes: the outcomes of its pictures by kind; empty if none was tried.
    :param problem: what is wrong with the row itself; None if nothing is.
    :param origin: the origin of the results; None if it is not known.
    """
    values: dict[str, Any] = {PICTURE_RULES[kind].url_key: strip_query(url) for kind, url in urls.items()}
    values |= {PICTURE_RULES[kind].id_key: outcome.picture_id for kind, outcome in outcomes.items()}
    values["uploaded_at"] = min((each.uploaded_at for each in outcomes.values() if each.uploaded_at), default=None)
    if origin:
        values |= vars(origin)
    failures = [problem, *(outcomes[kind].failure for kind in PICTURE_KINDS if kind in outcomes)]
    if found := [failure for failure in failures if failure]:
        message = "; ".join(failure.message for failure in found)
        return RowResult(line, name, "failed", error_code=found[0].code, error=message, fault=found[0].fault, **values)
    has_all_ids = bool(urls) and all(kind in outcomes and outcomes[kind].picture_id is not None for kind in urls)
    return RowResult(line, name, "uploaded" if has_all_ids else "not tried", **values)
