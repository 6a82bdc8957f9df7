"""Picture reports: the result of a check, with problem codes, as data and as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import PictureAbsentError, PictureError, PictureWrongError

AbsentCode: TypeAlias = Literal[
    "access_denied",  # HTTP status 401 or 403, which many hosts send for a missing file
    "connection_failed",  # no connection, or it was closed early
    "empty",  # zero bytes
    "host_busy",  # HTTP status 408, 425, 429 or 5xx
    "not_found",  # HTTP status 404 or 410, or no such file
    "timed_out",  # any of the timeouts
    "truncated",  # the first part of a picture, as during an upload
    "unknown_host",  # the host name does not resolve
]
WrongCode: TypeAlias = Literal[
    "address_refused",  # the host is at an address that may not be connected to
    "animated",  # an animated PNG
    "bad_url",  # not an http or https URL, also of a redirect
    "broken",  # cannot be decoded
    "cmyk",  # a CMYK JPEG
    "credentials_in_url",
    "encoded_body",  # sent with a Content-Encoding
    "exif_rotated",  # its EXIF orientation is not 1
    "insecure_redirect",  # from https to http
    "invisible",  # completely transparent
    "too_heavy",  # more bytes than allowed
    "too_many_redirects",
    "tls_unverified",
    "unexpected_status",  # any other HTTP status
    "unreadable_file",
    "unusual_coding",  # a JPEG that phones cannot decode
    "wrong_dimensions",
    "wrong_format",  # neither PNG nor JPEG
]
WarningCode: TypeAlias = Literal[
    "long_url",  # longer than OPPO is known to accept
    "nearly_too_heavy",  # between the two readings of the documented limit
]
Code: TypeAlias = AbsentCode | WrongCode | WarningCode

ABSENT_CODES: Final[tuple[AbsentCode, ...]] = get_args(AbsentCode)
"""Problems that may disappear without a change by a person."""

WRONG_CODES: Final[tuple[WrongCode, ...]] = get_args(WrongCode)
"""Problems that a person must fix."""

WARNING_CODES: Final[tuple[WarningCode, ...]] = get_args(WarningCode)
"""Problems that the service may accept."""

State: TypeAlias = Literal["ready", "absent", "wrong"]

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Problem:
    """A problem of a picture.

    :param code: the stable code, such as ``wrong_dimensions``.
    :param found: what was found, as a noun phrase.
    :param expected: what is required, as a noun phrase.
    :param advice: what to do now, in sentences.
    """

    code: Code
    found: str
    expected: str
    advice: str

    def __str__(self) -> str:
        return f"{self.found}; expected: {self.expected}. {self.advice}"


@dataclass(frozen=True)
class PictureReport:
    """The result of the check of a picture.

    :param kind: "big" or "small".
    :param url: the redacted URL of the picture, or the path of its file.
    :param state: "ready"; "absent", it may still appear; "wrong", OPPO will not show it.
    :param problems: why the picture is not ready, the most important first; empty for a ready picture.
    :param warnings: problems that the service may accept.
    :param format: the format of the content, such as "PNG"; None if unknown.
    :param width: in pixels; None if unknown.
    :param height: in pixels; None if unknown.
    :param size_bytes: the size of the file in bytes; None if unknown.
    :param sha256: the SHA-256 of the file, 64 hex characters; None unless the complete file was read.
    :param retry_after: seconds after which the host accepts the next request; None if it did not say.
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
        """Return the report as JSON-serialisable data for `from_dict`."""
        return dataclasses.asdict(self) | {
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
            "warnings": [dataclasses.asdict(warning) for warning in self.warnings],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PictureReport:
        """Return the report that `to_dict` was called on.

        :param data: the mapping; unknown keys are ignored.
        """
        known = {field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data}
        for key in ("problems", "warnings"):
            known[key] = tuple(Problem(**problem) for problem in known.get(key, ()))
        return cls(**known)

    def __str__(self) -> str:
        """Return a line with the state, and a line for each problem and warning."""
        details = [f"{self.width} x {self.height} px" if self.width else "", self.format or ""]
        details.append(f"{self.size_bytes:,} bytes" if self.size_bytes is not None else "")
        known = ", ".join(detail for detail in details if detail)
        line = f"{self.kind} picture {self.url} is {self.state}" + (f" ({known})" if known else "")
        return line + "".join(f"\n  {problem.code}: {problem}" for problem in (*self.problems, *self.warnings))


def overall_state(reports: Iterable[PictureReport]) -> State:
    """Return "wrong" if any picture is wrong, else "absent" if any is absent, else "ready"."""
    states = {report.state for report in reports}
    for state in ("wrong", "absent"):
        if state in states:
            return state
    return "ready"


def state_of(problems: Sequence[Problem]) -> State:
    """Return the state of a picture with these problems."""
    if not problems:
        return "ready"
    return "absent" if all(problem.code in ABSENT_CODES for problem in problems) else "wrong"


def error_for(reports: Sequence[PictureReport]) -> PictureError | None:
    """Return the error to raise for pictures that are needed together; None if all are ready."""
    state = overall_state(reports)
    if state == "ready":
        return None
    message = "\n".join(str(report) for report in reports if report.state != "ready")
    waits = [report.retry_after for report in reports if report.retry_after is not None]
    error_class = PictureWrongError if state == "wrong" else PictureAbsentError
    return error_class(
        message,
        reports=[report.to_dict() for report in reports],
        retry_after=max(waits) if waits and state == "absent" else None,
    )


def as_table(report: PictureReport, *, here: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a report as text, with a table for each problem and warning.

    :param report: the report.
    :param here: additional advice for the reader of this text, by the problem's code.
    """
    rows: list[tuple[str, str]] = []
    for name, problems in (("problem", report.problems), ("warning", report.warnings)):
        for problem in problems:
            rows += [(name, problem.code), ("found", problem.found), ("expected", problem.expected)]
            rows += [("what to do", problem.advice), ("here", here.get(problem.code, ""))]
    headline = str(report).partition("\n")[0]
    table = format_rows((name, text) for name, text in rows if text)
    return f"{headline}\n{table}" if table else headline


def format_rows(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of two columns as aligned and indented lines."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)
