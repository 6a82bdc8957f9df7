"""Results of a batch of pushes: the outcome of a row, its checkpoint, the row in the results file, and the summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, TypeAlias

from airflow_provider_oppo_image.batch.checkpoint import BaseCheckpoint
from airflow_provider_oppo_image.batch.progress import Cause, Counts, ResultCounter
from airflow_provider_oppo_image.batch.row_result import Origin, is_valid_failure
from airflow_provider_oppo_image.engagelab.push_once import StoredPush
from airflow_provider_oppo_image.errors import ConfigurationError, Failure, Fault
from airflow_provider_oppo_image.storage import AnyPath, StoragePath, path_text

PushState: TypeAlias = Literal["sent", "refused", "unknown", "not tried", "valid"]

DUPLICATE: Final = "duplicate_push"


def default_pushes_path(results: AnyPath) -> str:
    """Return the default path of the pushes of a results file: ``night.results.pushes.csv`` for ``night.results.csv``.

    :param results: the path or URL of the results of an upload.
    """
    stem, dot, suffix = path_text(results).rpartition(".")
    return f"{stem}.pushes{dot}{suffix}"


@dataclass(frozen=True)
class PushOutcome:
    """The outcome of one row's push.

    :param name: the row's name.
    :param record: the record of its requests; None if nothing was sent.
    :param failure: why it was not pushed, or is not known to be; None if it was, or was not tried.
    :param valid: whether the service validated it; nothing was sent.
    """

    name: str
    record: StoredPush | None = None
    failure: Failure | None = None
    valid: bool = False

    @property
    def tried(self) -> bool:
        """Whether it was tried."""
        return self.state != "not tried" and (self.failure is not None or self.state != "unknown")

    @property
    def is_stored(self) -> bool:
        """Whether the outcome is written to the checkpoint: always, also that nothing was sent."""
        return True

    @property
    def state(self) -> PushState:
        """The state of the row."""
        outcome = self.record.outcome if self.record else "not_sent"
        if outcome in ("sent", "unknown"):
            return outcome
        if self.failure and self.failure.code == DUPLICATE:
            return "unknown"  # an earlier try without a record may have sent it
        if self.failure:
            return "refused"
        return "valid" if self.valid else "not tried"


class PushCheckpoint(BaseCheckpoint[PushOutcome]):
    """The checkpoint of a batch of pushes. What cannot be read could be a push that was sent: it is an error.

    :param results: the path of the results of the pushes.
    :param origin: the origin; the pushes of another task or run are other pushes.
    """

    other_batch = "belongs to another batch, which uploads pictures, or the file was changed."
    remedy = (
        "The record in {folder} says which pushes were sent: keep it. For other pushes, choose another path, such as "
        "one with the run's id."
    )

    def __init__(self, results: StoragePath, origin: Origin) -> None:
        super().__init__(results, origin)
        # Not the rows: pictures may be uploaded later for more of them, and each row's record has its own digest.
        self._origin = {"pushes": True, "account": origin.account, "task": origin.task}

    def _parse_outcome(self, entry: Any) -> PushOutcome | None:
        try:
            record, failure = entry["record"], entry["failure"]
            outcome = PushOutcome(
                entry["name"], record and StoredPush.from_dict(record), failure and Failure(**failure)
            )
        except (KeyError, TypeError, ConfigurationError):
            return None
        is_valid = isinstance(outcome.name, str) and (failure is None or is_valid_failure(outcome.failure))
        return outcome if is_valid else None

    def _reject_part(self, part: StoragePath) -> NoReturn:
        raise self._damaged(str(part))

    def _reject_line(self, part: StoragePath, number: int) -> NoReturn:
        raise self._damaged(f"Line {number} of {part}")

    def _damaged(self, place: str) -> ConfigurationError:
        return ConfigurationError(
            f"{place} is damaged, so it is not known which pushes were sent. Nothing was sent now. Look at the pushes "
            "in EngageLab's console. Restore the file, or push the rows that were not sent with another results file."
        )


@dataclass(frozen=True)
class PushResult:
    """The result of one row's push; each field is a column.

    :param line: the line number in the manifest, or the position in a list, from 1.
    :param name: the row's name.
    :param state: "sent"; "refused" if it is known that nothing was sent; "unknown" if a request may have sent it; "not
        tried" if the batch stopped before.
    :param msg_id: the message id; None unless it was sent.
    :param cid: the `cid` of its requests; None if nothing was sent.
    :param error_code: the error code; None if nothing is wrong.
    :param error: the error message; None if nothing is wrong.
    :param fault: what must be corrected; None if nothing is wrong.
    :param first_sent_at: the time before the first request that may have sent it, in ISO 8601 with the offset.
    :param manifest: SHA-256 of the rows that were to be pushed.
    :param account: the AppKey and the service, without the AppKey.
    :param task: the DAG, run, task and map index; None outside a task.
    """

    line: int
    name: str
    state: PushState
    msg_id: str | None = None
    cid: str | None = None
    error_code: str | None = None
    error: str | None = None
    fault: Fault | None = None
    first_sent_at: str | None = None
    manifest: str | None = None
    account: str | None = None
    task: str | None = None


def build_push_result(line: int, outcome: PushOutcome, origin: Origin) -> PushResult:
    """Build a row's result.

    :param line: the row's line.
    :param outcome: its outcome.
    :param origin: the origin of the results.
    """
    record = outcome.record
    values: dict[str, Any] = dict(vars(origin))
    if record:
        values["cid"] = record.cid
        values["msg_id"] = record.msg_id
        values["first_sent_at"] = record.first_sent_at if record.outcome in ("sent", "unknown") else None
    if failure := outcome.failure:
        values |= {"error_code": failure.code, "error": failure.message, "fault": failure.fault}
    return PushResult(line, outcome.name, outcome.state, **values)


@dataclass(frozen=True)
class PushSummary(Counts):
    """Summary of a batch of pushes.

    :param rows: the number of rows.
    :param sent: pushes that the service accepted, in this run or an earlier one.
    :param refused: rows of which it is known that nothing was sent.
    :param unknown: pushes that may have been sent.
    :param not_tried: rows that were not tried.
    :param valid: pushes that the service validated; they were not sent.
    :param audiences: the number of different audiences of the rows that have a message.
    :param causes: the causes of failures, the most frequent first.
    :param results: the path of the results; None if only validated.
    :param failed: rows that have an error, whatever their state.
    """

    rows: int
    sent: int
    refused: int
    unknown: int
    not_tried: int
    valid: int = 0
    audiences: int = 0
    causes: tuple[Cause, ...] = ()
    results: str | None = None
    failed: int = 0

    @classmethod
    def build(cls, counter: ResultCounter, audiences: int, results: str | None) -> PushSummary:
        """Build a summary.

        :param counter: has counted the results.
        :param audiences: the number of different audiences.
        :param results: the path of the results.
        """
        states, causes = counter.states, counter.causes()
        counts = (states["sent"], states["refused"], states["unknown"], states["not tried"], states["valid"])
        return cls(states.total(), *counts, audiences, causes, results, counter.failed)

    @property
    def headline(self) -> str:
        """The counts as one line of text."""
        return self._describe(
            (self.sent, "sent"),
            (self.valid, "valid"),
            (self.refused, "refused"),
            (self.unknown, "unknown"),
            (self.not_tried, "not tried"),
        )
