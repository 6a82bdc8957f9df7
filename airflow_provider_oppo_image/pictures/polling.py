"""Polling for pictures: arguments, poll results and poll timing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.pictures.report import STATES, PictureReport, State, overall_state
from airflow_provider_oppo_image.template_values import is_blank

_ENTRY_KEYS = ("name", *(PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS))


@dataclass(frozen=True)
class ExpectedPicture:
    """A picture that is waited for.

    :param kind: "big" or "small".
    :param url: the picture's URL, with its query.
    :param name: what the caller calls it, such as a campaign's name; None for nothing.
    """

    kind: PictureKind
    url: str
    name: str | None = None

    def to_entry(self) -> dict[str, str]:
        """Return the picture as an entry that `parse_pictures` reads."""
        entry = {PICTURE_RULES[self.kind].url_key: self.url}
        return entry if self.name is None else {"name": self.name, **entry}


def parse_pictures(
    big_picture_url: object = None, small_picture_url: object = None, pictures: object = None
) -> list[ExpectedPicture]:
    """Read the arguments that sensors and triggers share, after templates are rendered.

    :param big_picture_url: a big picture's URL; None, "" and what a template makes of None mean none.
    :param small_picture_url: a small picture's URL, likewise.
    :param pictures: more pictures, as a list of mappings with ``big_picture_url``, ``small_picture_url`` or both, and
        ``name`` where one is wanted.
    :return: the pictures, at least one, in the order in which they were given.
    :raises ConfigurationError: if there is none, or an entry is none.
    """
    found = _of_entry({"big_picture_url": big_picture_url, "small_picture_url": small_picture_url}, "this task")
    if not is_blank(pictures):
        if isinstance(pictures, str | bytes | Mapping) or not isinstance(pictures, Iterable):
            raise ConfigurationError(
                f"`pictures` is of type {type(pictures).__name__}; it must be a list of entries. Where a template "
                "makes it, set render_template_as_native_obj=True on the DAG, or hand over a task's output."
            )
        for number, entry in enumerate(pictures, start=1):
            found += _of_list(entry, f"entry {number} of `pictures`")
    if not found:
        raise ConfigurationError(
            "There is no picture to wait for. Give big_picture_url, small_picture_url or pictures; if they come from a "
            "template, look at the rendered values of this task."
        )
    return found


def _of_list(entry: object, place: str) -> list[ExpectedPicture]:
    expected = "a mapping with " + ", ".join(_ENTRY_KEYS)
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{place} is of type {type(entry).__name__}; it must be {expected}.")
    if unknown := sorted(str(key) for key in entry.keys() - set(_ENTRY_KEYS)):
        raise ConfigurationError(f"{place} has keys that mean nothing here: {', '.join(unknown)}. Give {expected}.")
    pictures = _of_entry(entry, place)
    if not pictures:
        raise ConfigurationError(f"{place} has no URL. Give big_picture_url or small_picture_url, or leave it out.")
    return pictures


def _of_entry(entry: Mapping[str, Any], place: str) -> list[ExpectedPicture]:
    name = None if is_blank(entry.get("name")) else str(entry["name"])
    pictures = []
    for kind in PICTURE_KINDS:
        key = PICTURE_RULES[kind].url_key
        url = entry.get(key)
        if is_blank(url):
            continue
        if not isinstance(url, str):
            raise ConfigurationError(f"{key} of {place} is of type {type(url).__name__}; it must be a URL as text.")
        pictures.append(ExpectedPicture(kind, url, name))
    return pictures


OnWrong: TypeAlias = Literal["fail", "wait"]

Decision: TypeAlias = Literal["ready", "wait", "wrong"]

MAX_FULL_REPORTS: Final = 50
"""Up to so many pictures, inclusive, a result holds every report: it goes through Airflow's database."""

MAX_PROBLEM_REPORTS: Final = 20
"""Above that, it holds the reports of so many pictures that something is the matter with."""

MAX_LOGGED_PROBLEMS: Final = 3
"""So many pictures that are not ready are named in a look's line in the log."""

MIN_POLL_INTERVAL_S: Final = 0.1
"""Seconds between two looks at least, so that a poke interval of 0 is no tight loop."""

# The states in the order in which a person wants to hear of them.
_WORST_FIRST: Final[tuple[State, ...]] = STATES[::-1]


@dataclass(frozen=True)
class PollResult:
    """What one look at all pictures found.

    :param pictures: the pictures that are waited for.
    :param reports: what was found, a report for each picture, in the same order.
    """

    pictures: Sequence[ExpectedPicture]
    reports: Sequence[PictureReport]

    def decide(self, on_wrong: OnWrong) -> Decision:
        """Decide what to do: "ready" when all pictures are, "wait" for another look, or give up as "wrong".

        :param on_wrong: "fail" gives up at a wrong picture; "wait" hopes that somebody replaces it.
        """
        state = overall_state(self.reports)
        if state == "ready":
            return "ready"
        return "wrong" if state == "wrong" and on_wrong == "fail" else "wait"

    @property
    def retry_after(self) -> float:
        """Seconds that the most patient of the pictures' hosts asked for before the next look; 0 where none did."""
        return max((report.retry_after or 0.0 for report in self.reports), default=0.0)

    def result(self) -> dict[str, Any]:
        """Return what a sensor returns, JSON-serialisable and small enough for a database, whatever was waited for.

        ``{"counts": {"ready": 1, "absent": 1, "wrong": 0}, "reports": [...]}``: each report is
        `PictureReport.to_dict` with the picture's ``name`` (None where it has none). For up to
        `MAX_FULL_REPORTS` pictures there is a report for each, in their order. For more pictures there are the first
        `MAX_PROBLEM_REPORTS` reports with problems or warnings, wrong pictures first.
        """
        rows = list(zip(self.pictures, self.reports, strict=True))
        if len(rows) > MAX_FULL_REPORTS:
            told = [row for row in rows if row[1].problems or row[1].warnings]
            rows = sorted(told, key=lambda row: _WORST_FIRST.index(row[1].state))[:MAX_PROBLEM_REPORTS]
        return {
            "counts": self._counts(),
            "reports": [{"name": picture.name, **report.to_dict()} for picture, report in rows],
        }

    def __str__(self) -> str:
        """Say in one line what matters."""
        line = _in_words(self._counts())
        late = sorted(
            (report for report in self.reports if report.state != "ready"),
            key=lambda report: _WORST_FIRST.index(report.state),
        )
        for report in late[:MAX_LOGGED_PROBLEMS]:
            line += f"; {report.kind} {report.url}: {', '.join(problem.code for problem in report.problems)}"
        return line + (f"; and {len(late) - MAX_LOGGED_PROBLEMS} more" if len(late) > MAX_LOGGED_PROBLEMS else "")

    def _counts(self) -> dict[str, int]:
        counts = Counter(report.state for report in self.reports)
        return {state: counts[state] for state in STATES}


def describe(result: Mapping[str, Any]) -> str:
    """Say what a look's result holds, for a person: the counts, and the reports of what is not ready.

    :param result: what `PollResult.result` made.
    """
    lines = [_in_words(result["counts"])]
    for data in result["reports"]:
        report = PictureReport.from_dict(data)
        if report.state != "ready":
            lines.append(f"{data['name']}: {report}" if data.get("name") else str(report))
    return "\n".join(lines)


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state])


def should_continue_after(error: Exception, *, silent_fail: bool) -> bool:
    """Tell whether waiting goes on after a look that failed.

    :param error: why it failed.
    :param silent_fail: whether unexpected faults are passed over; what is known to be permanent is no such fault.
    """
    return silent_fail and not (isinstance(error, OppoImageError) and error.permanent)


def next_delay(interval: float, *, left: float, look: PollResult | None = None, chance: float = 0.0) -> float:
    """Return how long to wait before the next look, in seconds.

    The interval, or what a host asked for if that is longer, but not beyond the end of the waiting: the last look is
    at that very moment. Many who were asked for the same patience come back within an interval, and not all at once.

    :param interval: seconds between looks.
    :param left: seconds until the waiting ends; below 0 when it has.
    :param look: the last look; None before the first, or when it failed.
    :param chance: a random number from 0 to 1.
    """
    asked_for = look.retry_after if look else 0.0
    wanted = max(interval, MIN_POLL_INTERVAL_S)
    if asked_for > wanted:
        wanted = asked_for + chance * wanted
    return max(min(wanted, left), 0.0)


def initial_delay(interval: float, *, left: float, chance: float) -> float:
    """Return how long the triggerer waits before its first look, in seconds: some part of an interval.

    So a thousand sensors that were deferred together, or whose triggerer starts again, look at a thousand moments; each
    keeps its own, since the pauses after that are whole.

    :param interval: seconds between looks.
    :param left: seconds until the waiting ends; below 0 when it has.
    :param chance: a random number from 0 to 1.
    """
    return max(min(interval * chance, left), 0.0)


def exponential_interval(interval: float, *, looks: int, longest: float | None = None) -> float:
    """Return an interval that has doubled with each look.

    :param interval: seconds before the second look.
    :param looks: how many looks were made, at least 1.
    :param longest: where the doubling ends, in seconds; None for nowhere.
    """
    # 2 ** 1000 would be too large for a float, and nobody waits that long.
    doubled = interval * 2.0 ** min(looks - 1, 32)
    return doubled if longest is None else min(doubled, longest)
