"""Polling for pictures: arguments, poll results and poll timing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.report import STATES, PictureReport, State, overall_state
from airflow_provider_oppo_image.template_values import is_blank

_KEYS: Final = ("name", *(PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS))


@dataclass(frozen=True)
class ExpectedPicture:
    """A picture that a sensor or a trigger waits for.

    :param kind: "big" or "small".
    :param url: the picture's URL.
    :param name: the caller's name for it, such as a campaign; None for no name.
    """

    kind: PictureKind
    url: PictureUrl
    name: str | None = None

    def to_dict(self) -> dict[str, str]:
        """Return the picture as an entry for `parse_pictures`."""
        entry = {PICTURE_RULES[self.kind].url_key: self.url.full}
        return entry if self.name is None else {"name": self.name, **entry}


def parse_pictures(
    big_picture_url: object = None, small_picture_url: object = None, pictures: object = None
) -> list[ExpectedPicture]:
    """Parse the arguments that sensors and triggers share, after templates were rendered.

    :param big_picture_url: a big picture's URL; None, "" and a template's rendered None are ignored.
    :param small_picture_url: a small picture's URL, likewise.
    :param pictures: more pictures, as a list of mappings with ``big_picture_url``, ``small_picture_url`` or both, and
        optionally ``name``.
    :return: the pictures, at least one, in the given order.
    :raises ConfigurationError: if there is no picture, or an entry is not valid.
    """
    found = _from_entry({"big_picture_url": big_picture_url, "small_picture_url": small_picture_url}, "this task")
    if not is_blank(pictures):
        if isinstance(pictures, str | bytes | Mapping) or not isinstance(pictures, Iterable):
            raise ConfigurationError(
                f"`pictures` must be a list of entries, not a value of type {type(pictures).__name__}. If a template "
                "makes it, set render_template_as_native_obj=True on the DAG, or pass a task's output."
            )
        for number, entry in enumerate(pictures, start=1):
            found += _from_list_entry(entry, f"entry {number} of `pictures`")
    if not found:
        raise ConfigurationError(
            "There is no picture to wait for. Give big_picture_url, small_picture_url or pictures. If they come from a "
            "template, look at the rendered values of this task."
        )
    return found


def _from_list_entry(entry: object, source: str) -> list[ExpectedPicture]:
    expected = "a mapping with " + ", ".join(_KEYS)
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{source} must be {expected}, not a value of type {type(entry).__name__}.")
    if unknown := sorted(str(key) for key in entry.keys() - set(_KEYS)):
        raise ConfigurationError(f"{source} has unknown keys: {', '.join(unknown)}. Give {expected}.")
    pictures = _from_entry(entry, source)
    if not pictures:
        raise ConfigurationError(f"{source} has no URL. Give big_picture_url or small_picture_url, or omit the entry.")
    return pictures


def _from_entry(entry: Mapping[str, Any], source: str) -> list[ExpectedPicture]:
    name = None if is_blank(entry.get("name")) else str(entry["name"])
    pictures = []
    for kind in PICTURE_KINDS:
        key = PICTURE_RULES[kind].url_key
        url = entry.get(key)
        if is_blank(url):
            continue
        if not isinstance(url, str):
            raise ConfigurationError(
                f"{key} of {source} must be a URL as text, not a value of type {type(url).__name__}."
            )
        pictures.append(ExpectedPicture(kind, PictureUrl.parse(url), name))
    return pictures


OnWrong: TypeAlias = Literal["fail", "wait"]

Decision: TypeAlias = Literal["ready", "wait", "wrong"]

MAX_FULL_REPORTS: Final = 50
"""For up to this many pictures, inclusive, an XCom has every report: XComs are stored in Airflow's database."""

MAX_PROBLEM_REPORTS: Final = 20
"""For more pictures, an XCom has this many reports, of pictures with problems or warnings."""

MAX_LOGGED_PROBLEMS: Final = 3
"""The log line of a poll names at most this many pictures that are not ready."""

MIN_POLL_INTERVAL_S: Final = 0.1
"""Minimum of seconds between two polls, also with a poke interval of 0."""

# The states in the order in which reports are shown.
_WORST_FIRST: Final[tuple[State, ...]] = STATES[::-1]


@dataclass(frozen=True)
class PollResult:
    """The result of one poll of all pictures.

    :param pictures: the expected pictures.
    :param reports: a report for each picture, in the same order.
    """

    pictures: Sequence[ExpectedPicture]
    reports: Sequence[PictureReport]

    def decide(self, on_wrong: OnWrong) -> Decision:
        """Return "ready" if all pictures are, "wrong" if polling must end without them, else "wait".

        :param on_wrong: "fail" ends with a wrong picture; "wait" continues, because it may be replaced.
        """
        state = overall_state(self.reports)
        if state == "ready":
            return "ready"
        return "wrong" if state == "wrong" and on_wrong == "fail" else "wait"

    @property
    def retry_after(self) -> float:
        """The longest Retry-After of the pictures' hosts, in seconds; 0 if none sent one."""
        return max((report.retry_after or 0.0 for report in self.reports), default=0.0)

    def to_xcom(self) -> dict[str, Any]:
        """Return a sensor's return value: JSON-serialisable, and small for any number of pictures.

        ``{"counts": {"ready": 1, "absent": 1, "wrong": 0}, "reports": [...]}``: each report is `PictureReport.to_dict`
        with the picture's ``name``, which may be None. For up to `MAX_FULL_REPORTS` pictures there is a report for
        each, in their order. For more pictures there are the first `MAX_PROBLEM_REPORTS` reports with problems or
        warnings, wrong pictures first.
        """
        rows = list(zip(self.pictures, self.reports, strict=True))
        if len(rows) > MAX_FULL_REPORTS:
            rows = [row for row in rows if row[1].problems or row[1].warnings]
            rows = sorted(rows, key=lambda row: _WORST_FIRST.index(row[1].state))[:MAX_PROBLEM_REPORTS]
        return {
            "counts": self._counts(),
            "reports": [{"name": picture.name, **report.to_dict()} for picture, report in rows],
        }

    def __str__(self) -> str:
        """Return a summary in one line, for the log."""
        line = _format_counts(self._counts())
        not_ready = sorted(
            (report for report in self.reports if report.state != "ready"),
            key=lambda report: _WORST_FIRST.index(report.state),
        )
        for report in not_ready[:MAX_LOGGED_PROBLEMS]:
            line += f"; {report.kind} {report.url} ({', '.join(problem.code for problem in report.problems)})"
        more = len(not_ready) - MAX_LOGGED_PROBLEMS
        return line + (f"; and {more} more" if more > 0 else "")

    def _counts(self) -> dict[str, int]:
        counts = Counter(report.state for report in self.reports)
        return {state: counts[state] for state in STATES}


def describe(result: Mapping[str, Any]) -> str:
    """Return a poll result as text: the counts, and the reports of pictures that are not ready.

    :param result: the value from `PollResult.to_xcom`.
    """
    lines = [_format_counts(result["counts"])]
    for data in result["reports"]:
        report = PictureReport.from_dict(data)
        if report.state != "ready":
            lines.append(f"{data['name']}: {report}" if data.get("name") else str(report))
    return "\n".join(lines)


def _format_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state])


def should_continue_after(error: Exception, *, silent_fail: bool) -> bool:
    """Return True if polling continues after a poll that raised an exception.

    :param error: the exception.
    :param silent_fail: whether to ignore unexpected exceptions; a permanent error of this package is not ignored.
    """
    return silent_fail and not (isinstance(error, OppoImageError) and error.permanent)


def next_delay(interval: float, *, remaining: float, poll: PollResult | None = None, jitter: float = 0.0) -> float:
    """Return the seconds before the next poll: the interval, or a longer Retry-After with jitter.

    The delay never exceeds `remaining`, so the last poll is at the deadline.

    :param interval: seconds between polls.
    :param remaining: seconds until the deadline; negative after it.
    :param poll: the last poll; None before the first, or if it failed.
    :param jitter: a random number from 0 to 1: many callers with the same Retry-After return spread over an interval.
    """
    delay = max(interval, MIN_POLL_INTERVAL_S)
    if poll and poll.retry_after > delay:
        delay = poll.retry_after + jitter * delay
    return max(min(delay, remaining), 0.0)


def initial_delay(interval: float, *, remaining: float, jitter: float) -> float:
    """Return the seconds before a trigger's first poll: a random part of the interval.

    This spreads the polls of thousands of triggers that start at once. Later delays are complete intervals, so the
    polls stay spread.

    :param interval: seconds between polls.
    :param remaining: seconds until the deadline; negative after it.
    :param jitter: a random number from 0 to 1.
    """
    return max(min(interval * jitter, remaining), 0.0)


def exponential_interval(interval: float, *, polls: int, max_interval: float | None = None) -> float:
    """Return an interval that doubles with each poll.

    :param interval: seconds before the second poll.
    :param polls: the number of polls so far, at least 1.
    :param max_interval: the longest interval in seconds; None for no limit.
    """
    # The exponent is limited because 2.0 ** 1024 overflows.
    doubled = interval * 2.0 ** min(polls - 1, 32)
    return doubled if max_interval is None else min(doubled, max_interval)
