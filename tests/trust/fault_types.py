"""Types of the fault tables: a fault, and the expected result of each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from airflow_provider_oppo_image.contract import Scope
from airflow_provider_oppo_image.errors import NotSentError, OppoImageError, OutcomeUnknownError, UnreadableAnswerError
from airflow_provider_oppo_image.pictures.report import Code, State
from tests.support.fault_server import Reply, Step
from tests.trust.calls import Call

Outcome: TypeAlias = Literal["done", "refused", "not sent", "unknown"]
"""The client's conclusion about its request."""

ServerSetup: TypeAlias = Literal[
    "http",
    "https",
    "https, the certificate of an unknown authority",
    "https, the certificate of another host",
    "https, an expired certificate",
    "https, to a server without TLS",
    "http, to a port where nothing listens",
]


@dataclass(frozen=True)
class ExpectedResult:
    """Expected result of a call to the service.

    :param outcome: the client's conclusion.
    :param error: the exact type of the error; None for a success.
    :param permanent: expected attribute of the error, as are `scope`, `code` and `http_status`.
    :param retry_after: expected attribute of the error, in seconds.
    :param any_value: whether a success may return any value.
    """

    outcome: Outcome
    error: type[OppoImageError] | None = None
    permanent: bool = False
    scope: Scope = "request"
    code: int | None = None
    http_status: int | None = None
    retry_after: float | None = None
    any_value: bool = False


DONE: Final = ExpectedResult("done")
NOT_SENT: Final = ExpectedResult("not sent", NotSentError)
NOT_VERIFIED: Final = ExpectedResult("not sent", NotSentError, permanent=True)
UNKNOWN: Final = ExpectedResult("unknown", OutcomeUnknownError)


def unreadable(http_status: int) -> ExpectedResult:
    """Return the expected result for a response that cannot be parsed."""
    return ExpectedResult("unknown", UnreadableAnswerError, http_status=http_status)


@dataclass(frozen=True)
class ExpectedReport:
    """Expected report of a check.

    :param state: the state.
    :param code: the code of the first problem; None if there is no problem.
    :param retry_after: in seconds.
    """

    state: State
    code: Code | None = None
    retry_after: float | None = None


READY: Final = ExpectedReport("ready")
NO_PICTURE: Final = ExpectedReport("wrong", "wrong_format")
CONNECTION_FAILED: Final = ExpectedReport("absent", "connection_failed")
TIMED_OUT: Final = ExpectedReport("absent", "timed_out")


def report_by_status(http_status: int, retry_after: float | None = None) -> ExpectedReport:
    """Return the expected report for a response that is not a picture."""
    if http_status == 200:
        return NO_PICTURE
    if http_status in (401, 403):
        return ExpectedReport("absent", "access_denied", retry_after)
    if http_status in (404, 410):
        return ExpectedReport("absent", "not_found", retry_after)
    if http_status in (408, 425, 429) or http_status >= 500:
        return ExpectedReport("absent", "host_busy", retry_after)
    return ExpectedReport("wrong", "unexpected_status", retry_after)


@dataclass(frozen=True)
class FaultContext:
    """Values that a fault can use.

    :param call: the call.
    :param elsewhere: the URL of another host, which sends good responses.
    """

    call: Call
    elsewhere: str


@dataclass(frozen=True)
class FaultCase:
    """One fault.

    :param name: its name in test ids.
    :param reply: the server's reply.
    :param result: the expected result of a call to the service.
    :param report: the expected report of a check.
    :param exceptions: expected results of calls that differ, by the call's name.
    :param setups: the server's setups; the fault is tried with each.
    :param greeting: a step for each new connection, before TLS and before anything is read.
    :param received: how many requests the server receives in one try.
    :param wait_s: seconds that the client must wait. If not 0, the client's timeouts are `SHORT_TIMEOUTS`.
    :param hangs_up: whether the server closes the connection after a complete response.
    :param heavy: whether it sends much data, so that the memory is measured.
    """

    name: str
    reply: Callable[[FaultContext], Reply]
    result: ExpectedResult
    report: ExpectedReport
    exceptions: Mapping[str, ExpectedResult] = field(default_factory=dict)
    setups: tuple[ServerSetup, ...] = ("http",)
    greeting: Step | None = None
    received: int = 1
    wait_s: float = 0.0
    hangs_up: bool = False
    heavy: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def lasts(self) -> bool:
        """Whether it affects every attempt, and not only the first one."""
        return self.greeting is not None or not set(self.setups) <= {"http", "https"}

    def result_for(self, call: Call) -> ExpectedResult:
        """Return the expected result of a call."""
        return self.exceptions.get(call.name, self.result)


def always(reply: Reply) -> Callable[[FaultContext], Reply]:
    """Return the same reply for every call."""
    return lambda _: reply


def good(context: FaultContext) -> Reply:
    """Return the good response of the call."""
    return context.call.good
