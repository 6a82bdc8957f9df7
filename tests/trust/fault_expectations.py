"""What observed of a call, compared with what the tables want."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from airflow_provider_oppo_image.errors import CidAlreadyUsedError, OppoImageError
from tests.trust.calls import APP_KEY, CHECK, SECRET, TEST_CONNECTION
from tests.trust.fault_matrix import Combination, Observation
from tests.trust.fault_types import ExpectedReport, ExpectedResult

SLACK: Final = 1.0
"""Seconds that a busy machine may be late."""
FEW_BYTES: Final = 20_000_000
"""What a network takes of 60 MB that nobody reads: its buffers."""
LITTLE_MEMORY: Final = 8_000_000

_SECRETS: Final = (SECRET, base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode())


def differences(at: Combination, observed: Observation) -> list[str]:
    """Say in what a call in one attempt observed to something else than the tables want; nothing when it did not."""
    return [*_outcome_differs(at, observed), *_requests_differ(at.fault.received, observed), *_traffic_differs(at, observed),
            *_time_differs(at, observed, at.fault.wait_s)]  # fmt: skip


def differences_with(budget: float, at: Combination, observed: Observation) -> list[str]:
    """Say in what a call with a budget for more attempts observed to something else than the tables want.

    :param budget: seconds, more than any wait that the tables call short.
    """
    if not is_tried_again(at, budget):
        return [*differences(at, observed), *_attempts_differ(range(1, 2), observed)]
    if at.fault.lasts:
        return [*_outcome_differs(at, observed), *_requests_differ(at.fault.received, observed),
                *_attempts_differ(range(2, 100), observed), *_time_differs(at, observed, 0.0, budget)]  # fmt: skip
    wait = at.fault.result_for(at.call).wait or 0.0
    return [*_success_differs(at, observed), *_requests_differ(2, observed), *_traffic_differs(at, observed),
            *_time_differs(at, observed, at.fault.wait_s + wait, wait)]  # fmt: skip


def differences_in_doubt(at: Combination, observed: Observation) -> list[str]:
    """Say in what a push, whose second request was told that its `cid` was used, did not conclude what it must."""
    error = observed.error
    if at.fault.result_for(at.call).outcome == "unknown":
        right = error is None and observed.result is None
    else:
        right = isinstance(error, CidAlreadyUsedError) and error.permanent and error.attempts == 2
    found = [] if right else [f"after the first request it observed to {observed.result!r} and {error!r}"]
    return [*found, *_requests_differ(2, observed)]


def is_tried_again(at: Combination, budget: float) -> bool:
    """Tell whether a client with a budget has to ask again."""
    wanted = at.fault.result_for(at.call)
    failed = wanted.error is not None and not wanted.permanent
    return at.call.tried_again and failed and (wanted.wait or 0.0) < budget


def _outcome_differs(at: Combination, observed: Observation) -> Iterator[str]:
    wanted = at.fault.result_for(at.call)
    if at.call is CHECK:
        yield from _check_differs(at.fault.report, observed)
    elif at.call is TEST_CONNECTION:
        yield from _test_differs(wanted, observed)
    elif wanted.error is not None:
        yield from _error_differs(wanted, observed)
    elif not wanted.any_result or observed.error is not None:
        yield from _success_differs(at, observed)


def _success_differs(at: Combination, observed: Observation) -> Iterator[str]:
    if observed.error is not None or not at.call.succeeded(observed.result):
        yield f"it observed to {observed.result!r} and {observed.error!r} instead of the good answer"


def _error_differs(wanted: ExpectedResult, observed: Observation) -> Iterator[str]:
    error = observed.error
    if not isinstance(error, OppoImageError) or type(error) is not wanted.error:
        yield f"it observed to {observed.result!r} and {error!r} instead of {wanted.error}"
        return
    for attribute, value in (
        ("permanent", wanted.permanent),
        ("may_have_taken_effect", wanted.outcome == "unknown"),
        ("scope", wanted.scope),
        ("code", wanted.code),
        ("http_status", wanted.http_status),
        ("retry_after", wanted.wait),
    ):
        if getattr(error, attribute) != value:
            yield f"{attribute} is {getattr(error, attribute)!r} instead of {value!r}"
    yield from _words_differ(wanted, str(error))


def _test_differs(wanted: ExpectedResult, observed: Observation) -> Iterator[str]:
    if observed.error is not None:
        yield f"it raised {observed.error!r}, and has to return words"
        return
    good, words = observed.result
    if good is not (wanted.error is None):
        yield f"it says {good}: {words}"
    elif not good:
        yield from _words_differ(wanted, words)


def _words_differ(wanted: ExpectedResult, words: str) -> Iterator[str]:
    needed = ["nothing was sent"] if wanted.outcome == "not sent" else []
    needed += [f"code {wanted.code}"] if wanted.code is not None else []
    needed += [f"HTTP {wanted.http_status}"] if wanted.http_status is not None else ["127.0.0.1"]
    for part in needed:
        if part not in words:
            yield f"its words do not say {part!r}: {words}"
    if any(secret in words for secret in _SECRETS):
        yield "its words hold the master secret"


def _check_differs(wanted: ExpectedReport, observed: Observation) -> Iterator[str]:
    if observed.error is not None:
        yield f"it raised {observed.error!r}, and has to report"
        return
    report = observed.result
    found = ExpectedReport(report.state, report.problems[0].code if report.problems else None, report.retry_after)
    if found != wanted:
        yield f"it reports {found} instead of {wanted}"


def _requests_differ(wanted: int, observed: Observation) -> Iterator[str]:
    if observed.received != wanted:
        yield f"the server got {observed.received} requests instead of {wanted}"


def _attempts_differ(wanted: range, observed: Observation) -> Iterator[str]:
    if isinstance(observed.error, OppoImageError) and observed.error.attempts not in wanted:
        yield f"{observed.error.attempts} attempts were made"


def _traffic_differs(at: Combination, observed: Observation) -> Iterator[str]:
    if any(observed.elsewhere):
        yield "another host got the credentials"
    if observed.elsewhere and at.call is not CHECK:
        yield "another host got a request"
    if at.fault.heavy and observed.taken > FEW_BYTES:
        yield f"{observed.taken:,} bytes were taken from the server"
    if observed.memory > LITTLE_MEMORY:
        yield f"the process grew by {observed.memory:,} bytes"


def _time_differs(at: Combination, observed: Observation, earliest: float, waits: float = 0.0) -> Iterator[str]:
    latest = at.timeouts.total + waits + (SLACK if at.fault.wait_s else 0.0)
    if not earliest - 0.01 <= observed.seconds < latest:
        yield f"it took {observed.seconds:.2f} s instead of {earliest} to {latest} s"
