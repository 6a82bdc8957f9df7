"""What a fault is, and what has to come of it: the words that the tables of faults are written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from airflow_provider_oppo_image.contract import Scope
from airflow_provider_oppo_image.errors import (
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    UnreadableAnswerError,
)
from airflow_provider_oppo_image.pictures.report import Code, State
from tests.support.fault_server import Reply, Step
from tests.trust.calls import Call

Outcome: TypeAlias = Literal["done", "refused", "not sent", "unknown"]
"""What the client concludes about its request: done, not done, never sent, or nobody knows."""

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
    """What a call to the service must come to.

    :param outcome: what it concludes about its request.
    :param error: the exact type that it raises; None for a result.
    :param permanent: the error's attribute, and so are all below.
    :param scope: what is broken.
    :param code: the service's code.
    :param http_status: the HTTP status.
    :param wait: `retry_after`.
    :param any_result: whether the result may be another than the good answer's.
    """

    outcome: Outcome
    error: type[OppoImageError] | None = None
    permanent: bool = False
    scope: Scope = "request"
    code: int | None = None
    http_status: int | None = None
    wait: float | None = None
    any_result: bool = False


DONE: Final = ExpectedResult("done")
NOT_SENT: Final = ExpectedResult("not sent", NotSentError)
NOT_VERIFIED: Final = ExpectedResult("not sent", NotSentError, permanent=True)
UNKNOWN: Final = ExpectedResult("unknown", OutcomeUnknownError)


def unreadable(http_status: int) -> ExpectedResult:
    """It answered, and nobody can echo_reply what."""
    return ExpectedResult("unknown", UnreadableAnswerError, http_status=http_status)


@dataclass(frozen=True)
class ExpectedReport:
    """What a check must report.

    :param state: the report's state.
    :param code: the code of its first problem; None for none.
    :param wait: its `retry_after`.
    """

    state: State
    code: Code | None = None
    wait: float | None = None


READY: Final = ExpectedReport("ready")
NO_PICTURE: Final = ExpectedReport("wrong", "wrong_format")
BROKEN_OFF: Final = ExpectedReport("absent", "connection_failed")
TOO_SLOW: Final = ExpectedReport("absent", "timed_out")


def report_by_status(http_status: int, wait: float | None = None) -> ExpectedReport:
    """What a check makes of an answer that is no picture, whatever the service would mean by it."""
    if http_status == 200:
        return NO_PICTURE
    if http_status in (401, 403):
        return ExpectedReport("absent", "access_denied", wait)
    if http_status in (404, 410):
        return ExpectedReport("absent", "not_found", wait)
    if http_status in (408, 425, 429) or http_status >= 500:
        return ExpectedReport("absent", "host_busy", wait)
    return ExpectedReport("wrong", "unexpected_status", wait)


@dataclass(frozen=True)
class FaultContext:
    """What a fault can make use of.

    :param call: the call that it meets.
    :param elsewhere: the URL of another host, which gives good answers.
    """

    call: Call
    elsewhere: str


@dataclass(frozen=True)
class FaultCase:
    """One thing that goes wrong.

    :param name: what it is called in the names of tests.
    :param reply: how the server answers.
    :param result: what a call to the service must come to.
    :param report: what a check must report.
    :param except_for: the calls, by name, that must come to something else.
    :param setups: how the server is reached: the fault is tried on each.
    :param greeting: what the server does with each new connection, before it reads and before TLS.
    :param received: how many requests the server gets of one try.
    :param wait_s: seconds that the client has to wait; with any, its timeouts are `HURRIED`, else `UNHURRIED`.
    :param hangs_up: whether the server ends the connection after a whole answer.
    :param heavy: whether it comes with more bytes than anybody wants in memory.
    """

    name: str
    reply: Callable[[FaultContext], Reply]
    result: ExpectedResult
    report: ExpectedReport
    except_for: Mapping[str, ExpectedResult] = field(default_factory=dict)
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
        """Whether it meets every try, and not the first one alone."""
        return self.greeting is not None or not set(self.setups) <= {"http", "https"}

    def result_for(self, call: Call) -> ExpectedResult:
        """What this call must come to."""
        return self.except_for.get(call.name, self.result)


def always(reply: Reply) -> Callable[[FaultContext], Reply]:
    """The same answer to every call."""
    return lambda _: reply


def good(context: FaultContext) -> Reply:
    """The answer that the call hopes for."""
    return context.call.good
