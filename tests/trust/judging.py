"""What came of a call, compared with what the tables want."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from airflow_provider_oppo_image.errors import CidAlreadyUsedError, OppoImageError
from tests.trust.calls import APP_KEY, CHECK, SECRET, TEST_CONNECTION
from tests.trust.faults import Seen, Verdict
from tests.trust.matrix import Came, Combination

SLACK: Final = 1.0
"""Seconds that a busy machine may be late."""
FEW_BYTES: Final = 20_000_000
"""What a network takes of 60 MB that nobody reads: its buffers."""
LITTLE_MEMORY: Final = 8_000_000

_SECRETS: Final = (SECRET, base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode())


def differences(at: Combination, came: Came) -> list[str]:
    """Say in what a call in one attempt came to something else than the tables want; nothing when it did not."""
    return [*_outcome_differs(at, came), *_requests_differ(at.fault.received, came), *_traffic_differs(at, came),
            *_time_differs(at, came, at.fault.patience)]  # fmt: skip


def differences_with(budget: float, at: Combination, came: Came) -> list[str]:
    """Say in what a call with a budget for more attempts came to something else than the tables want.

    :param budget: seconds, more than any wait that the tables call short.
    """
    if not is_tried_again(at, budget):
        return [*differences(at, came), *_attempts_differ(range(1, 2), came)]
    if at.fault.lasts:
        return [*_outcome_differs(at, came), *_requests_differ(at.fault.received, came),
                *_attempts_differ(range(2, 100), came), *_time_differs(at, came, 0.0, budget)]  # fmt: skip
    wait = at.fault.verdict_for(at.call).wait or 0.0
    return [*_success_differs(at, came), *_requests_differ(2, came), *_traffic_differs(at, came),
            *_time_differs(at, came, at.fault.patience + wait, wait)]  # fmt: skip


def differences_in_doubt(at: Combination, came: Came) -> list[str]:
    """Say in what a push, whose second request was told that its `cid` was used, did not conclude what it must."""
    error = came.error
    if at.fault.verdict_for(at.call).outcome == "unknown":
        right = error is None and came.result is None
    else:
        right = isinstance(error, CidAlreadyUsedError) and error.permanent and error.attempts == 2
    found = [] if right else [f"after the first request it came to {came.result!r} and {error!r}"]
    return [*found, *_requests_differ(2, came)]


def is_tried_again(at: Combination, budget: float) -> bool:
    """Tell whether a client with a budget has to ask again."""
    wanted = at.fault.verdict_for(at.call)
    failed = wanted.error is not None and not wanted.permanent
    return at.call.tried_again and failed and (wanted.wait or 0.0) < budget


def _outcome_differs(at: Combination, came: Came) -> Iterator[str]:
    wanted = at.fault.verdict_for(at.call)
    if at.call is CHECK:
        yield from _check_differs(at.fault.seen, came)
    elif at.call is TEST_CONNECTION:
        yield from _test_differs(wanted, came)
    elif wanted.error is not None:
        yield from _error_differs(wanted, came)
    elif not wanted.any_result or came.error is not None:
        yield from _success_differs(at, came)


def _success_differs(at: Combination, came: Came) -> Iterator[str]:
    if came.error is not None or not at.call.succeeded(came.result):
        yield f"it came to {came.result!r} and {came.error!r} instead of the good answer"


def _error_differs(wanted: Verdict, came: Came) -> Iterator[str]:
    error = came.error
    if not isinstance(error, OppoImageError) or type(error) is not wanted.error:
        yield f"it came to {came.result!r} and {error!r} instead of {wanted.error}"
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


def _test_differs(wanted: Verdict, came: Came) -> Iterator[str]:
    if came.error is not None:
        yield f"it raised {came.error!r}, and has to return words"
        return
    good, words = came.result
    if good is not (wanted.error is None):
        yield f"it says {good}: {words}"
    elif not good:
        yield from _words_differ(wanted, words)


def _words_differ(wanted: Verdict, words: str) -> Iterator[str]:
    needed = ["nothing was sent"] if wanted.outcome == "not sent" else []
    needed += [f"code {wanted.code}"] if wanted.code is not None else []
    needed += [f"HTTP {wanted.http_status}"] if wanted.http_status is not None else ["127.0.0.1"]
    for part in needed:
        if part not in words:
            yield f"its words do not say {part!r}: {words}"
    if any(secret in words for secret in _SECRETS):
        yield "its words hold the master secret"


def _check_differs(wanted: Seen, came: Came) -> Iterator[str]:
    if came.error is not None:
        yield f"it raised {came.error!r}, and has to report"
        return
    report = came.result
    found = Seen(report.state, report.problems[0].code if report.problems else None, report.retry_after)
    if found != wanted:
        yield f"it reports {found} instead of {wanted}"


def _requests_differ(wanted: int, came: Came) -> Iterator[str]:
    if came.received != wanted:
        yield f"the server got {came.received} requests instead of {wanted}"


def _attempts_differ(wanted: range, came: Came) -> Iterator[str]:
    if isinstance(came.error, OppoImageError) and came.error.attempts not in wanted:
        yield f"{came.error.attempts} attempts were made"


def _traffic_differs(at: Combination, came: Came) -> Iterator[str]:
    if any(came.elsewhere):
        yield "another host got the credentials"
    if came.elsewhere and at.call is not CHECK:
        yield "another host got a request"
    if at.fault.heavy and came.taken > FEW_BYTES:
        yield f"{came.taken:,} bytes were taken from the server"
    if came.memory > LITTLE_MEMORY:
        yield f"the process grew by {came.memory:,} bytes"


def _time_differs(at: Combination, came: Came, earliest: float, waits: float = 0.0) -> Iterator[str]:
    latest = at.timeouts.total_timeout + waits + (SLACK if at.fault.patience else 0.0)
    if not earliest - 0.01 <= came.seconds < latest:
        yield f"it took {came.seconds:.2f} s instead of {earliest} to {latest} s"
