"""A batch's results: a row for each of the manifest's, in its order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from operator import attrgetter
from typing import IO, Any, Final, Literal, TypeAlias

from airflow_provider_oppo_image.errors import ConfigurationError, Failure, Fault
from airflow_provider_oppo_image.net.redaction import strip_query
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, open_read, storage_errors

RowState: TypeAlias = Literal["uploaded", "failed", "not tried"]

RESULT_FORMATS: Final = (".csv", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Outcome:
    """What became of a picture.

    :param number: the picture's number in its plan.
    :param picture_id: its id; None where it has none.
    :param failure: why it has none; None where it has one, and where it was not tried.
    """

    number: int
    picture_id: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class RowResult:
    """What became of a row.

    :param line: where it stands, from 1: its line in a manifest, its place in a list.
    :param name: its name; "" where it has none.
    :param state: "uploaded" when each of its pictures has an id; "not tried" when the batch ended before.
    :param big_picture_id: the big picture's id; None for none.
    :param small_picture_id: the small picture's id; None for none.
    :param error_code: the code of what is wrong; None for nothing.
    :param error: what is wrong, in words; None for nothing.
    :param fault: what has to be mended; None for nothing.
    :param big_picture_url: where the big picture is, without the URL's query, which can be a signature; None for none,
        and where the row could not be read.
    :param small_picture_url: where the small picture is, likewise.
    """

    line: int
    name: str
    state: RowState
    big_picture_id: str | None = None
    small_picture_id: str | None = None
    error_code: str | None = None
    error: str | None = None
    fault: Fault | None = None
    big_picture_url: str | None = None
    small_picture_url: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-serialisable data."""
        return asdict(self)


COLUMNS: Final = tuple(field.name for field in fields(RowResult))

row_values: Final = attrgetter(*COLUMNS)
"""Returns a row's values, in the order of the columns."""


def build_result(
    line: int,
    name: str,
    ids: tuple[str | None, str | None],
    failures: Sequence[Failure],
    *,
    urls: tuple[str | None, str | None],
    missing: bool,
) -> RowResult:
    """Put together what became of a row's pictures.

    :param line: the row's line.
    :param name: the row's name.
    :param ids: the ids of its big and of its small picture, None for each that there is not.
    :param failures: what is wrong, the big picture's first.
    :param urls: the URLs of its big and of its small picture, None for each that there is not.
    :param missing: whether one of its pictures has no id.
    """
    big_id, small_id = ids
    big_url, small_url = (url and strip_query(url) for url in urls)
    row = RowResult(
        line,
        name,
        "not tried" if missing else "uploaded",
        big_id,
        small_id,
        big_picture_url=big_url,
        small_picture_url=small_url,
    )
    if not failures:
        return row
    message = "; ".join(failure.message for failure in failures)
    return replace(row, state="failed", error_code=failures[0].code, error=message, fault=failures[0].fault)


def check_format(place: StoragePath) -> None:
    """Return if results can be written to a place.

    :param place: where to.
    :raises ConfigurationError: if its suffix tells no format.
    """
    if place.suffix.lower() not in RESULT_FORMATS:
        raise ConfigurationError(
            f"Results cannot be written to {place}: its name must end in {', '.join(RESULT_FORMATS)}."
        )


def write_results(place: StoragePath, results: Iterable[RowResult]) -> None:
    """Write results, whole or not at all.

    :param place: where to; its suffix tells the format.
    :param results: the rows.
    :raises StorageError: if they cannot be written.
    """
    with storage_errors(f"Writing {place}"), atomic_write(place) as file:
        (_write_csv if place.suffix.lower() == ".csv" else _write_json)(file, results)


def read_results(place: StoragePath) -> Iterator[RowResult]:
    """Read results back; those of an earlier version have no URLs.

    :param place: where `write_results` wrote them.
    :raises StorageError: if they cannot be read.
    """
    with storage_errors(f"Reading {place}"), open_read(place) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        rows = csv.DictReader(text) if place.suffix.lower() == ".csv" else map(json.loads, text)
        for row in rows:
            known = {column: row.get(column) or None for column in COLUMNS}
            yield RowResult(**known | {"line": int(row["line"]), "name": row["name"]})


def _write_csv(file: IO[bytes], results: Iterable[RowResult]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(row_values, results))
    text.detach()


def _write_json(file: IO[bytes], results: Iterable[RowResult]) -> None:
    for result in results:
        file.write(json.dumps(result.to_dict(), ensure_ascii=False).encode() + b"\n")
