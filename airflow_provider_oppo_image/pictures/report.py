"""Picture reports: the result of a check, with problem codes, as data and as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import PictureAbsentError, PictureError, PictureWrongError

AbsentCode: TypeAlias = Literal[
    "access_denied",  # HTTP status 401 or 403: many hosts answer so for what is not there
    "connection_failed",  # no connection, or it broke
    "empty",  # zero bytes
    "host_busy",  # HTTP status 202, 408, 420, 423, 425, 429 or 5xx, or a Retry-After
    "not_found",  # HTTP status 404 or 410, or no such file
    "timed_out",  # too slow, in any part
    "truncated",  # the beginning of a picture: an upload in progress looks like that
    "unknown_host",  # the host's name does not resolve
]
WrongCode: TypeAlias = Literal[
    "address_refused",  # the host is at an address that may not be connected to
    "animated",  # a PNG that moves
    "bad_url",  # not a picture's http or https URL, or a redirect to none
    "broken",  # cannot be decoded
    "cmyk",  # a JPEG in printing colours
    "credentials_in_url",
    "encoded_body",  # sent with a Content-Encoding
    "exif_rotated",  # its EXIF asks for a turn or a mirror
    "insecure_redirect",  # from https to http
    "invisible",  # all of it is transparent
    "too_heavy",  # more bytes than allowed
    "too_many_redirects",
    "tls_unverified",
    "unexpected_status",  # any other HTTP status
    "unreadable_file",  # a file that cannot be read
    "unusual_coding",  # a JPEG that phones cannot decode
    "wrong_dimensions",
    "wrong_format",  # neither PNG nor JPEG
]
WarningCode: TypeAlias = Literal[
    "long_url",  # longer than OPPO is known to take
    "nearly_too_heavy",  # between the two readings of the limit
]
Code: TypeAlias = AbsentCode | WrongCode | WarningCode

ABSENT_CODES: Final[tuple[AbsentCode, ...]] = get_args(AbsentCode)
"""Problems that time may mend."""

WRONG_CODES: Final[tuple[WrongCode, ...]] = get_args(WrongCode)
"""Problems that a person must mend."""

WARNING_CODES: Final[tuple[WarningCode, ...]] = get_args(WarningCode)
"""What the service may accept and a careful person would mend."""


State: TypeAlias = Literal["ready", "absent", "wrong"]

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    :param code: a stable name, such as ``wrong_dimensions``: `pictures.codes` lists them all.
    :param found: what was seen, in words.
    :param expected: what is asked for, in words.
    :param advice: what to do now.
    """

    code: Code
    found: str
    expected: str
    advice: str

    def __str__(self) -> str:
        return f"{self.found}; asked for: {self.expected}. {self.advice}"


@dataclass(frozen=True)
class PictureReport:
    """What was found at a picture's URL.

    :param kind: "big" or "small".
    :param url: where the picture was looked for, fit to be shown: without its query.
    :param state: "ready"; "absent", it may yet come; "wrong", what is there will not be shown.
    :param problems: why the picture is not ready, the first to mend first; empty when it is ready.
    :param warnings: what the service may accept and a careful person would mend.
    :param format: what the content is, such as "PNG"; None where it was not found out.
    :param width: pixels; None where it was not found out.
    :param height: pixels; None where it was not found out.
    :param size_bytes: the file's size in bytes; None where it was not found out.
    :param sha256: of the whole file, 64 hex characters; None unless the whole file was read.
    :param retry_after: seconds until the host wants to be asked again, where it said so.
    """

    kind: PictureKind
    url: str
    state: State
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    format: str | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    retry_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serialisable data; `from_dict` reads it back."""
        return dataclasses.asdict(self) | {
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
            "warnings": [dataclasses.asdict(warning) for warning in self.warnings],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PictureReport:
        """Read a report back from what `to_dict` made.

        :param data: the mapping; keys that this version does not know are passed over.
        """
        known = {field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data}
        for key in ("problems", "warnings"):
            known[key] = tuple(Problem(**problem) for problem in known.get(key, ()))
        return cls(**known)

    def __str__(self) -> str:
        """Say in a line what was found."""
        facts = [f"{self.width} x {self.height} px" if self.width else "", self.format or ""]
        facts.append(f"{self.size_bytes:,} bytes" if self.size_bytes is not None else "")
        seen = ", ".join(fact for fact in facts if fact)
        line = f"{self.kind} picture {self.url} is {self.state}" + (f" ({seen})" if seen else "")
        return line + "".join(f"\n  {problem.code}: {problem}" for problem in (*self.problems, *self.warnings))


def overall_state(reports: Iterable[PictureReport]) -> State:
    """Return "wrong" if any picture is, else "absent" if any is, else "ready"."""
    states = {report.state for report in reports}
    for state in ("wrong", "absent"):
        if state in states:
            return state
    return "ready"


def error_for(reports: Sequence[PictureReport]) -> PictureError | None:
    """Return the error to raise because of these reports; None when all pictures are ready.

    :param reports: the reports of the pictures that are needed together.
    """
    state = overall_state(reports)
    if state == "ready":
        return None
    words = "\n".join(str(report) for report in reports if report.state != "ready")
    waits = [report.retry_after for report in reports if report.retry_after is not None]
    error_class = PictureWrongError if state == "wrong" else PictureAbsentError
    return error_class(
        words,
        reports=[report.to_dict() for report in reports],
        retry_after=max(waits) if waits and state == "absent" else None,
    )


def as_table(report: PictureReport, *, here: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a report in lines.

    :param report: what the check found.
    :param here: what else can be done by whoever reads it here, by the problem's code.
    """
    headline, *_ = str(report).splitlines()
    named = [("problem", problem) for problem in report.problems]
    named += [("warning", warning) for warning in report.warnings]
    rows = [row for name, problem in named for row in _rows(name, problem, here)]
    return "\n".join([headline, *([format_rows(rows)] if rows else [])])


def format_rows(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of two columns as aligned and indented lines."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)


def _rows(name: str, problem: Problem, here: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield name, problem.code
    yield "found", problem.found
    yield "asked for", problem.expected
    yield "what to do", problem.advice
    if problem.code in here:
        yield "here", here[problem.code]
