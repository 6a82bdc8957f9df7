"""Comparison of an observed call with the fault tables."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from airflow_provider_oppo_image.errors import OppoImageError
from tests.trust.calls import APP_KEY, CHECK, SECRET, TEST_CONNECTION
from tests.trust.fault_matrix import Combination, Observation
from tests.trust.fault_types import ExpectedReport, ExpectedResult

TIME_TOLERANCE_S: Final = 1.0
MAX_TRAFFIC: Final = 20_000_000
"""Bytes that the network's buffers can accept of 60 MB that nobody reads."""
MAX_MEMORY: Final = 8_000_000

_SECRETS: Final = (SECRET, base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode())


def differences(at: Combination, observed: Observation) -> list[str]:
    """Return the differences of a call with a single attempt from the tables."""
    return [
        *_outcome(at, observed),
        *_requests(at.fault.received, observed),
        *_traffic(at, observed),
        *_duration(at, observed, at.fault.wait_s),
    ]


def differences_with_retries(budget: float, at: Combination, observed: Observation) -> list[str]:
    """Return the differences of a call with a retry budget from the tables.

    :param budget: seconds, more than any short wait in the tables.
    """
    if not is_retried(at, budget):
        return [*differences(at, observed), *_attempts(range(1, 2), observed)]
    if at.fault.lasts:
        return [
            *_outcome(at, observed),
            *_requests(at.fault.received, observed),
            *_attempts(range(2, 100), observed),
            *_duration(at, observed, 0.0, budget),
        ]
    wait = at.fault.result_for(at.call).retry_after or 0.0
    return [
        *_success(at, observed),
        *_requests(2, observed),
        *_traffic(at, observed),
        *_duration(at, observed, at.fault.wait_s + wait, wait),
    ]


def is_retried(at: Combination, budget: float) -> bool:
    """Return whether a client with a budget must retry."""
    expected = at.fault.result_for(at.call)
    transient = expected.error is not None and not expected.permanent
    return at.call.retried and transient and (expected.retry_after or 0.0) < budget


def _outcome(at: Combination, observed: Observation) -> Iterator[str]:
    expected = at.fault.result_for(at.call)
    if at.call is CHECK:
        yield from _report(at.fault.report, observed)
    elif at.call is TEST_CONNECTION:
        yield from _connection_test(expected, observed)
    elif expected.error is not None:
        yield from _error(expected, observed)
    elif not expected.any_value or observed.error is not None:
        yield from _success(at, observed)


def _success(at: Combination, observed: Observation) -> Iterator[str]:
    if observed.error is not None or not at.call.succeeded(observed.value):
        yield f"the call returned {observed.value!r} and raised {observed.error!r}, instead of the good response"


def _error(expected: ExpectedResult, observed: Observation) -> Iterator[str]:
    error = observed.error
    if not isinstance(error, OppoImageError) or type(error) is not expected.error:
        yield f"the call returned {observed.value!r} and raised {error!r}, instead of {expected.error}"
        return
    for attribute, value in (
        ("permanent", expected.permanent),
        ("may_have_taken_effect", expected.outcome == "unknown"),
        ("scope", expected.scope),
        ("code", expected.code),
        ("http_status", expected.http_status),
        ("retry_after", expected.retry_after),
    ):
        if getattr(error, attribute) != value:
            yield f"{attribute} is {getattr(error, attribute)!r}, must be {value!r}"
    yield from _message(expected, str(error))


def _connection_test(expected: ExpectedResult, observed: Observation) -> Iterator[str]:
    if observed.error is not None:
        yield f"the connection test raised {observed.error!r}, must return a message"
        return
    success, message = observed.value
    if success is not (expected.error is None):
        yield f"the connection test returned {success}: {message}"
    elif not success:
        yield from _message(expected, message)


def _message(expected: ExpectedResult, message: str) -> Iterator[str]:
    needed = ["nothing was sent"] if expected.outcome == "not sent" else []
    needed += [f"code {expected.code}"] if expected.code is not None else []
    needed += [f"HTTP {expected.http_status}"] if expected.http_status is not None else ["127.0.0.1"]
    for part in needed:
        if part not in message:
            yield f"the message must contain {part!r}: {message}"
    if any(secret in message for secret in _SECRETS):
        yield "the message contains the master secret"


def _report(expected: ExpectedReport, observed: Observation) -> Iterator[str]:
    if observed.error is not None:
        yield f"the check raised {observed.error!r}, must return a report"
        return
    report = observed.value
    found = ExpectedReport(report.state, report.problems[0].code if report.problems else None, report.retry_after)
    if found != expected:
        yield f"the report is {found}, must be {expected}"


def _requests(expected: int, observed: Observation) -> Iterator[str]:
    if observed.received != expected:
        yield f"the server received {observed.received} requests, must be {expected}"


def _attempts(expected: range, observed: Observation) -> Iterator[str]:
    if isinstance(observed.error, OppoImageError) and observed.error.attempts not in expected:
        yield f"the client made {observed.error.attempts} attempts"


def _traffic(at: Combination, observed: Observation) -> Iterator[str]:
    if any(observed.elsewhere):
        yield "another host received the credentials"
    if observed.elsewhere and at.call is not CHECK:
        yield "another host received a request"
    if at.fault.heavy and observed.sent > MAX_TRAFFIC:
        yield f"the server sent {observed.sent:,} bytes"
    if observed.memory > MAX_MEMORY:
        yield f"the process grew by {observed.memory:,} bytes"


def _duration(at: Combination, observed: Observation, minimum: float, waits: float = 0.0) -> Iterator[str]:
    maximum = at.timeouts.total_timeout + waits + (TIME_TOLERANCE_S if at.fault.wait_s else 0.0)
    if not minimum - 0.01 <= observed.seconds < maximum:
        yield f"the call took {observed.seconds:.2f} s, must be {minimum} to {maximum} s"
