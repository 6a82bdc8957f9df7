from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.engagelab.client import INITIAL_BACKOFF_S, MAX_BACKOFF_S, next_delay
from airflow_provider_oppo_image.errors import AccountError, RateLimitedError, RequestRefusedError

TRANSIENT = RateLimitedError("x")

jitters = st.floats(0, 1)
seconds = st.floats(0, 1e6)
attempts = st.integers(1, 10_000)


@given(jitters, seconds, seconds, attempts)
def test_next_delay_is_none_for_permanent_error(jitter: float, elapsed: float, budget: float, attempts: int) -> None:
    error = RequestRefusedError("x", retry_after=0.0)
    assert next_delay(error, attempts=attempts, elapsed=elapsed, budget=budget, jitter=jitter) is None


@given(jitters, seconds, seconds, attempts, st.none() | seconds)
def test_next_delay_is_within_budget_and_bounds(
    jitter: float, elapsed: float, budget: float, attempts: int, retry_after: float | None
) -> None:
    error = RateLimitedError("x", retry_after=retry_after)
    delay = next_delay(error, attempts=attempts, elapsed=elapsed, budget=budget, jitter=jitter)
    if delay is not None:
        assert elapsed + delay < budget
        assert (retry_after or 0) <= delay <= (retry_after or 0) + MAX_BACKOFF_S


@given(jitters, attempts)
def test_next_delay_is_none_without_budget(jitter: float, attempts: int) -> None:
    assert next_delay(TRANSIENT, attempts=attempts, elapsed=0.0, budget=0.0, jitter=jitter) is None


@pytest.mark.parametrize(
    ("attempts", "max_backoff"),
    [
        (1, INITIAL_BACKOFF_S),
        (2, 1.0),
        (3, 2.0),
        (6, 16.0),
        (7, 20.0),
        (8, MAX_BACKOFF_S),
        (5000, MAX_BACKOFF_S),
    ],
)
def test_backoff_doubles_up_to_maximum(attempts: int, max_backoff: float) -> None:
    for jitter in (0.0, 0.5, 1.0):
        assert next_delay(TRANSIENT, attempts=attempts, elapsed=5, budget=1e9, jitter=jitter) == jitter * max_backoff


def test_retry_after_is_added() -> None:
    error = RateLimitedError("x", retry_after=7.0)
    assert next_delay(error, attempts=2, elapsed=0, budget=60, jitter=0.0) == 7.0
    assert next_delay(error, attempts=2, elapsed=0, budget=60, jitter=1.0) == 8.0


def test_delay_must_end_before_budget() -> None:
    error = RateLimitedError("x", retry_after=10.0)
    assert next_delay(error, attempts=1, elapsed=5, budget=15.0, jitter=0.0) is None
    assert next_delay(error, attempts=1, elapsed=5, budget=15.1, jitter=0.0) == 10.0


def test_daily_limit_exceeds_maximum_budget() -> None:
    error = AccountError("x", permanent=False, retry_after=3600.0)
    assert next_delay(error, attempts=1, elapsed=0.001, budget=3600.0, jitter=0.0) is None
