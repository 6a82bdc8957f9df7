"""Rows of a batch of pushes: the results of an upload, joined with the columns of the manifest.

Like the plan of an upload, it is a temporary SQLite file without a name: memory use does not grow with the rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.plan import TemporaryDatabase, temporary_disk_errors
from airflow_provider_oppo_image.batch.push_result import PushOutcome, PushResult, build_push_result
from airflow_provider_oppo_image.batch.push_template import MessageTemplate
from airflow_provider_oppo_image.batch.row_result import Origin, RowResult
from airflow_provider_oppo_image.contract import PICTURE_RULES
from airflow_provider_oppo_image.engagelab.push_once import StoredPush, digest_of
from airflow_provider_oppo_image.errors import ConfigurationError, Failure, failure_from
from airflow_provider_oppo_image.net.redaction import strip_query

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE manifest (name TEXT PRIMARY KEY, pictures TEXT, columns TEXT) WITHOUT ROWID;
CREATE TABLE outcomes (name TEXT PRIMARY KEY, record TEXT, failure TEXT, valid INTEGER) WITHOUT ROWID;
CREATE TABLE rows (
    number INTEGER PRIMARY KEY, line INTEGER, name TEXT, pictures TEXT, columns TEXT, account TEXT, problem TEXT,
    audience TEXT
);
CREATE UNIQUE INDEX names ON rows (name) WHERE problem IS NULL;
"""

_FETCH_SIZE: Final = 250


@dataclass(frozen=True)
class PlannedPush:
    """A row to push.

    :param name: the row's name.
    :param pictures: the ids and the time of the upload, as the result of one upload has them.
    :param columns: the columns for the message.
    :param account: the AppKey and the service of its ids; None if unknown.
    :param record: the record of earlier requests; None for the first request.
    """

    name: str
    pictures: Mapping[str, Any]
    columns: Mapping[str, Any]
    account: str | None
    record: StoredPush | None


class PushPlan(TemporaryDatabase):
    """The rows of a batch of pushes.

    :param results: the results of an upload.
    :param manifest: the rows of its manifest; None without its columns.
    :param message: the message.
    :param without_picture: whether rows that have not all their picture ids are pushed, too.
    :raises ConfigurationError: if a row has not all columns of the message.
    :raises StorageError: if the temporary disk is full.
    """

    def __init__(
        self,
        results: Iterable[RowResult],
        manifest: Iterable[Row] | None,
        message: MessageTemplate,
        *,
        without_picture: bool = False,
    ) -> None:
        super().__init__(_TABLES)
        self._message = message
        self._without_picture = without_picture
        digest = hashlib.sha256()
        with temporary_disk_errors("The plan of the batch"):
            for row in manifest or ():
                self._add_manifest_row(row)
            for result in results:
                digest.update(self._add(result, has_manifest=manifest is not None))
        self.fingerprint = digest.hexdigest()
        """SHA-256 of the rows, as 64 hex characters; rows with other ids or columns have another fingerprint."""

    @property
    def row_count(self) -> int:
        """The number of rows."""
        return int(self._value("SELECT count(*) FROM rows"))

    @property
    def push_count(self) -> int:
        """The number of rows that can be pushed."""
        return int(self._value("SELECT count(*) FROM rows WHERE problem IS NULL"))

    @property
    def audience_count(self) -> int:
        """The number of different audiences of the rows that can be pushed."""
        return int(self._value("SELECT count(DISTINCT audience) FROM rows WHERE problem IS NULL"))

    @property
    def transient_failures(self) -> int:
        """The number of rows that failed for a transient reason."""
        return int(self._value("SELECT count(*) FROM outcomes WHERE json_extract(failure, '$.transient')"))

    def _add_manifest_row(self, row: Row) -> None:
        if row.problem is None:
            pictures = {PICTURE_RULES[kind].url_key: strip_query(url) for kind, url in row.pictures.items()}
            columns = {str(name): value for name, value in row.columns.items()}
            values = (row.name, _dump(pictures), _dump(columns))
            self._db.execute("INSERT OR IGNORE INTO manifest VALUES (?, ?, ?)", values)

    def _add(self, result: RowResult, *, has_manifest: bool) -> bytes:
        columns, audience = result.to_dict(), None
        problem = self._picture_problem(result) or self._name_problem(result)
        if problem is None and has_manifest:
            found = self._manifest_columns(result)
            columns |= found or {}
            problem = _NOT_IN_MANIFEST if found is None else None
        if problem is None:
            self._message.check_columns(result.line, columns)
            try:
                audience = digest_of({"to": self._message.fill(columns).get("to")})
            except ConfigurationError as error:
                problem = failure_from(error)
        pictures = {key: getattr(result, key) for key in _PICTURE_KEYS}
        values = (result.line, result.name, _dump(pictures), _dump(columns), result.account)
        self._db.execute(
            "INSERT INTO rows (line, name, pictures, columns, account, problem, audience) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, _dump_optional(problem), audience),
        )
        return _dump(values).encode()

    def _picture_problem(self, result: RowResult) -> Failure | None:
        if result.state == "uploaded" or self._without_picture:
            return None
        reason = result.error or "its pictures were not uploaded"
        message = f"The row has not all its picture ids, so it was not pushed: {reason}"
        return Failure(result.error_code or _CONFIGURATION, message, result.fault or "manifest")

    def _name_problem(self, result: RowResult) -> Failure | None:
        if not result.name:
            return Failure("row_missing_name", "The row has no name, so it was not pushed.", "manifest")
        query = "SELECT line FROM rows WHERE name = ? AND problem IS NULL"
        for (line,) in self._db.execute(query, (result.name,)):
            message = f"Line {line} has the same name; only that line is pushed."
            return Failure("row_duplicate_name", message, "manifest")
        return None

    def _manifest_columns(self, result: RowResult) -> dict[str, Any] | None:
        """Return the columns of the manifest's row with the same name and pictures; None if it has no such row."""
        query = "SELECT pictures, columns FROM manifest WHERE name = ?"
        for pictures, columns in self._db.execute(query, (result.name,)):
            urls = {rule.url_key: getattr(result, rule.url_key) for rule in PICTURE_RULES.values()}
            if json.loads(pictures) == {key: url for key, url in urls.items() if url is not None}:
                found: dict[str, Any] = json.loads(columns)
                return found
        return None

    def pushes(self) -> Iterator[PlannedPush]:
        """Yield the rows that can be pushed, in their order."""
        last = 0
        query = (
            "SELECT rows.*, record FROM rows LEFT JOIN outcomes USING (name) "
            "WHERE number > ? AND problem IS NULL ORDER BY number LIMIT ?"
        )
        while found := self._db.execute(query, (last, _FETCH_SIZE)).fetchall():
            for row in found:
                pictures, columns = json.loads(row["pictures"]), json.loads(row["columns"])
                yield PlannedPush(row["name"], pictures, columns, row["account"], _load_record(row["record"]))
            last = found[-1]["number"]

    def record(self, outcome: PushOutcome) -> None:
        """Store the outcome of a row.

        :param outcome: the outcome.
        """
        self._db.execute(
            "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?)",
            (outcome.name, _dump_optional(outcome.record), _dump_optional(outcome.failure), outcome.valid),
        )

    def results(self, origin: Origin) -> Iterator[PushResult]:
        """Yield the result of each row, in their order.

        :param origin: the origin of the results.
        """
        query = (
            "SELECT line, name, problem, record, failure, valid FROM rows "
            "LEFT JOIN outcomes USING (name) ORDER BY number"
        )
        for line, name, problem, record, failure, valid in self._db.execute(query):
            if problem is None:
                outcome = PushOutcome(name, _load_record(record), _load_failure(failure), bool(valid))
            else:
                outcome = PushOutcome(name, failure=_load_failure(problem))
            yield build_push_result(line, outcome, origin)


_PICTURE_KEYS: Final = (*(rule.id_key for rule in PICTURE_RULES.values()), "uploaded_at")
_CONFIGURATION: Final = "configuration"
_NOT_IN_MANIFEST: Final = Failure(
    _CONFIGURATION,
    "The manifest has no row with this name and these picture URLs, so this row was not pushed. Give the manifest that "
    "was uploaded.",
    "manifest",
)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, default=str)


def _dump_optional(value: Failure | StoredPush | None) -> str | None:
    return None if value is None else _dump(vars(value))


def _load_record(text: str | None) -> StoredPush | None:
    return None if text is None else StoredPush(**json.loads(text))


def _load_failure(text: str | None) -> Failure | None:
    return None if text is None else Failure(**json.loads(text))
