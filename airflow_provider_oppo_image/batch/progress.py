"""Progress and summary of a batch: the progress line, the counts, and the failures grouped by cause."""

from __future__ import annotations

import datetime
import textwrap
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol, Self, TypeVar

from airflow_provider_oppo_image.batch import OnError
from airflow_provider_oppo_image.errors import BatchError, Failure, Fault

MAX_CAUSES: Final = 50
"""Maximum number of causes in a summary, the most frequent first. Our own limit, because a summary is an XCom."""

OTHER_CAUSE: Final = "other"
"""The code of the causes that are grouped together; no row has it."""

_MAX_DISTINCT_CAUSES: Final = 1_000
"""At most this many distinct causes are counted; the rest are grouped as "other", to bound memory."""

_RATE_WINDOW_S: Final = 10.0


@dataclass
class Progress:
    """Progress of a batch; times are in seconds of a monotonic clock.

    :param total: the number of pictures to upload, or of pushes to send, in this run.
    :param started_at: the time of the start.
    :param unit: what is counted.
    :param verb: what happened to those that did not fail.
    """

    total: int
    started_at: float
    unit: str = "pictures"
    verb: str = "uploaded"
    uploaded: int = 0
    failed: int = 0
    _samples: list[tuple[float, int]] = field(default_factory=list)

    def record(self, failure: Failure | None) -> None:
        """Count an outcome.

        :param failure: why it failed; None if it did not.
        """
        if failure:
            self.failed += 1
        else:
            self.uploaded += 1

    @property
    def done(self) -> int:
        """The number of items that succeeded or failed."""
        return self.uploaded + self.failed

    def rate(self, now: float) -> float:
        """Return items per second, over the last ten seconds or since the call before.

        :param now: seconds.
        """
        self._samples = [sample for sample in self._samples if sample[0] >= now - _RATE_WINDOW_S] or self._samples[-1:]
        since, done = self._samples[0] if self._samples else (self.started_at, 0)
        self._samples.append((now, self.done))
        return (self.done - done) / (now - since) if now > since else 0.0

    def describe(self, now: float) -> str:
        """Return the progress as one line of text.

        :param now: seconds.
        """
        rate = self.rate(now)
        percent = 100 * self.done // self.total if self.total else 100
        text = f"{self.done:,} of {self.total:,} {self.unit} ({percent} %)"
        text += f": {self.uploaded:,} {self.verb}, {self.failed:,} failed"
        if not rate or self.done >= self.total:
            return text
        remaining = datetime.timedelta(seconds=round((self.total - self.done) / rate))
        return f"{text}; {rate:,.0f} a second, {remaining} left"


@dataclass(frozen=True)
class Cause:
    """Failed rows that have the same fault and error code.

    :param fault: what must be corrected.
    :param code: the error code.
    :param rows: the number of rows.
    :param line: the line of the first of them.
    :param error: the error message of the first of them.
    """

    fault: Fault
    code: str
    rows: int
    line: int
    error: str


class Counts(ABC):
    """Base class of the summaries of uploads and of pushes, which are dataclasses."""

    rows: int
    failed: int
    causes: tuple[Cause, ...]
    results: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-serialisable data."""
        data: dict[str, Any] = asdict(self)  # type: ignore[call-overload]  # the subclasses are dataclasses
        return data | {"causes": list(data["causes"])}

    def failed_rows_error(self, on_error: OnError, effect: str, *, permanent: bool) -> BatchError | None:
        """Return the error for failed rows; None if no row failed, or failed rows are no error.

        :param on_error: the option of the batch.
        :param effect: what another run does, as a clause.
        :param permanent: whether another run fails again.
        """
        if not self.failed or on_error == "keep_going":
            return None
        cause = self.causes[0]
        location = f" The file {self.results} has the results." if self.results else ""
        return BatchError(
            f"{self.failed:,} of {self.rows:,} rows failed, {cause.rows:,} of them with {cause.code}.{location} "
            f"Correct the causes in the table, then run the batch again: {effect}.\n{self}",
            permanent=permanent,
            summary=self.to_dict(),
        )

    def _describe(self, *counts: tuple[int, str]) -> str:
        text = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "nothing to do"
        return f"{self.rows:,} row{'' if self.rows == 1 else 's'}: {text}"

    @property
    @abstractmethod
    def headline(self) -> str:
        """The counts as one line of text."""

    def __str__(self) -> str:
        """Return the headline, with a table of the causes, each on one line."""
        return self.describe()

    def describe(self, width: int | None = None) -> str:
        """Return the headline, with a table of the causes.

        :param width: the maximum length of a line, except for a longer URL; None for each cause on one line.
        """
        lines = [self.headline]
        if self.causes:
            lines.append(f"{'rows':>9}  {'whose fault':<11}  {'code':<20}{'  first' if width is None else ''}".rstrip())
        for cause in self.causes:
            start, first = f"{cause.rows:>9,}  {cause.fault:<11}  {cause.code:<20}", f"line {cause.line}: {cause.error}"
            lines += [f"{start}  {first}"] if width is None else [start.rstrip(), *_wrap(first, width)]
        return "\n".join(lines)


def _wrap(text: str, width: int) -> list[str]:
    indent = " " * 11
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


@dataclass(frozen=True)
class Summary(Counts):
    """Summary of a batch.

    :param rows: the number of rows.
    :param uploaded: rows that have all their ids.
    :param failed: rows that have an error.
    :param not_tried: rows that were not tried.
    :param causes: the causes of failed rows, the most frequent first.
    :param results: the path of the results; None if there is no file.
    :param renewed: pictures that were uploaded again, because their ids of an earlier run were too old.
    """

    rows: int
    uploaded: int
    failed: int
    not_tried: int
    causes: tuple[Cause, ...] = ()
    results: str | None = None
    renewed: int = 0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build a summary from the data that `to_dict` returned.

        :param data: the mapping.
        :raises KeyError, TypeError, ValueError: if it is not such a mapping.
        """
        summary = cls(**data | {"causes": tuple(Cause(**cause) for cause in data["causes"])})
        if not all(type(count) is int for count in (summary.rows, summary.uploaded, summary.failed, summary.not_tried)):
            raise ValueError("a count of the summary is not an integer")
        return summary

    @property
    def headline(self) -> str:
        """The counts as one line of text."""
        text = self._describe((self.uploaded, "uploaded"), (self.failed, "failed"), (self.not_tried, "not tried"))
        return f"{text}; {self.renewed:,} pictures renewed, since their ids were too old" if self.renewed else text


class CountedRow(Protocol):
    """A row of results that can be counted."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def state(self) -> str:
        """The state."""

    @property
    def fault(self) -> Fault | None:
        """What must be corrected."""

    @property
    def error_code(self) -> str | None:
        """The error code."""

    @property
    def error(self) -> str | None:
        """The error message."""


RowT = TypeVar("RowT", bound=CountedRow)


class ResultCounter:
    """Counts results while they are iterated over."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        """The number of rows of each state."""
        self._causes: Counter[tuple[Fault, str]] = Counter()
        self._first: dict[tuple[Fault, str], CountedRow] = {}

    def count(self, results: Iterable[RowT]) -> Iterator[RowT]:
        """Count results, and yield them.

        :param results: the rows.
        """
        for result in results:
            self.states[result.state] += 1
            if result.fault is not None and result.error_code is not None:
                cause = (result.fault, result.error_code)
                if cause not in self._first and len(self._first) >= _MAX_DISTINCT_CAUSES:
                    cause = (result.fault, OTHER_CAUSE)
                self._causes[cause] += 1
                self._first.setdefault(cause, result)
            yield result

    @property
    def failed(self) -> int:
        """The number of rows that have an error."""
        return self._causes.total()

    def causes(self) -> tuple[Cause, ...]:
        """Return the causes of failures, the most frequent first."""
        return tuple(
            Cause(fault, code, rows, self._first[fault, code].line, self._first[fault, code].error or "")
            for (fault, code), rows in self._causes.most_common(MAX_CAUSES)
        )

    def summary(self, results: str | None, renewed: int = 0) -> Summary:
        """Return the summary of the results of uploads counted so far.

        :param results: the path of the results; None if there is no file.
        :param renewed: pictures whose ids were too old.
        """
        states = self.states
        return Summary(
            states.total(), states["uploaded"], states["failed"], states["not tried"], self.causes(), results, renewed
        )
