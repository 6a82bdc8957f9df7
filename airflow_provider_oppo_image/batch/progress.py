"""How far a batch is, and how it ended: the line in the log, the summary, the table of failures by cause."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from airflow_provider_oppo_image.batch.results import Outcome, RowResult, RowState
from airflow_provider_oppo_image.errors import Fault

MAX_CAUSES: Final = 50
"""Up to so many causes a summary names, inclusive, the most frequent first: ours, since it goes through XCom."""

OTHER_CAUSE: Final = "other"
"""The code of the causes that are not told apart: no row has it."""

_MAX_DISTINCT_CAUSES: Final = 1_000
"""More causes than these are not told apart: memory does not grow with what a service makes up."""

_RECENT_S: Final = 10.0


@dataclass
class Progress:
    """How far a batch is; times are in seconds, from a clock that never goes back.

    :param total: how many pictures have to be uploaded in this run.
    :param begun_at: when it began.
    """

    total: int
    begun_at: float
    uploaded: int = 0
    failed: int = 0
    _marks: list[tuple[float, int]] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        """Count what became of a picture."""
        if outcome.picture_id is None:
            self.failed += 1
        else:
            self.uploaded += 1

    @property
    def done(self) -> int:
        """How many pictures were uploaded or failed."""
        return self.uploaded + self.failed

    def rate(self, now: float) -> float:
        """Return how many pictures a second were done in the last ten seconds or more.

        :param now: seconds.
        """
        self._marks = [mark for mark in self._marks if mark[0] >= now - _RECENT_S] or self._marks[-1:]
        since, done = self._marks[0] if self._marks else (self.begun_at, 0)
        self._marks.append((now, self.done))
        return (self.done - done) / (now - since) if now > since else 0.0

    def line(self, now: float) -> str:
        """Say in a line how far it is.

        :param now: seconds.
        """
        rate = self.rate(now)
        percent = 100 * self.done // self.total if self.total else 100
        line = f"{self.done:,} of {self.total:,} pictures ({percent} %)"
        line += f": {self.uploaded:,} uploaded, {self.failed:,} failed"
        if not rate or self.done >= self.total:
            return line
        left = datetime.timedelta(seconds=round((self.total - self.done) / rate))
        return f"{line}; {rate:,.0f} a second, {left} left"


@dataclass(frozen=True)
class Cause:
    """Why rows failed.

    :param fault: what has to be mended.
    :param code: the error code.
    :param rows: how many rows.
    :param line: the first one's line.
    :param error: the first one's words.
    """

    fault: Fault
    code: str
    rows: int
    line: int
    error: str


@dataclass(frozen=True)
class Summary:
    """How a batch ended.

    :param rows: how many rows it has.
    :param uploaded: how many have all their ids.
    :param failed: how many have an error.
    :param not_tried: how many were not tried.
    :param causes: why rows failed, the most frequent first.
    :param results: where the results are; None where there is no file of them.
    """

    rows: int
    uploaded: int
    failed: int
    not_tried: int
    causes: tuple[Cause, ...] = ()
    results: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-serialisable data; `from_dict` reads it back."""
        return asdict(self) | {"causes": [asdict(cause) for cause in self.causes]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read a summary back from what `to_dict` made.

        :param data: the mapping.
        """
        return cls(**data | {"causes": tuple(Cause(**cause) for cause in data["causes"])})

    @property
    def headline(self) -> str:
        """How it ended, in a line."""
        counts = [f"{self.uploaded:,} uploaded", f"{self.failed:,} failed", f"{self.not_tried:,} not tried"]
        told = ", ".join(count for count in counts if not count.startswith("0 ")) or "nothing to do"
        return f"{self.rows:,} row{'' if self.rows == 1 else 's'}: {told}"

    def __str__(self) -> str:
        """Say how it ended, with a table of the causes."""
        lines = [self.headline]
        if self.causes:
            lines.append(f"{'rows':>9}  {'whose fault':<11}  {'code':<20}  first")
        lines += [
            f"{cause.rows:>9,}  {cause.fault:<11}  {cause.code:<20}  line {cause.line}: {cause.error}"
            for cause in self.causes
        ]
        return "\n".join(lines)


class ResultCounter:
    """Counts results as they pass."""

    def __init__(self) -> None:
        self._states: Counter[RowState] = Counter()
        self._causes: Counter[tuple[Fault, str]] = Counter()
        self._first: dict[tuple[Fault, str], RowResult] = {}

    def count(self, results: Iterable[RowResult]) -> Iterator[RowResult]:
        """Yield results, counted.

        :param results: the rows.
        """
        for result in results:
            self._states[result.state] += 1
            if result.fault is not None and result.error_code is not None:
                cause = (result.fault, result.error_code)
                if cause not in self._first and len(self._first) >= _MAX_DISTINCT_CAUSES:
                    cause = (result.fault, OTHER_CAUSE)
                self._causes[cause] += 1
                self._first.setdefault(cause, result)
            yield result

    def summary(self, results: str | None) -> Summary:
        """Return what was counted.

        :param results: where the results are; None where there is no file of them.
        """
        causes = (
            Cause(fault, code, rows, self._first[fault, code].line, self._first[fault, code].error or "")
            for (fault, code), rows in self._causes.most_common(MAX_CAUSES)
        )
        states = self._states
        return Summary(
            states.total(), states["uploaded"], states["failed"], states["not tried"], tuple(causes), results
        )
