from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.engagelab.client import INITIAL_BACKOFF_S, MAX_BACKOFF_S, next_delay
from airflow_provider_oppo_image.errors import AccountError, RateLimitedError, RequestRefusedError

PASSING = RateLimitedError("x")

chances = st.floats(0, 1)
seconds = st.floats(0, 1e6)
attempts = st.integers(1, 10_000)


@given(chances, seconds, seconds, attempts)
def test_a_permanent_error_is_never_tried_again(chance: float, elapsed: float, budget: float, attempts: int) -> None:
    error = RequestRefusedError("x", retry_after=0.0)
    assert next_delay(error, attempts=attempts, elapsed=elapsed, budget=budget, chance=chance) is None


@given(chances, seconds, seconds, attempts, st.none() | seconds)
def test_a_next_try_begins_within_the_budget_and_not_before_it_may(
    chance: float, elapsed: float, budget: float, attempts: int, retry_after: float | None
) -> None:
    error = RateLimitedError("x", retry_after=retry_after)
    wait = next_delay(error, attempts=attempts, elapsed=elapsed, budget=budget, chance=chance)
    if wait is not None:
        assert elapsed + wait < budget
        assert (retry_after or 0) <= wait <= (retry_after or 0) + MAX_BACKOFF_S


@given(chances, attempts)
def test_without_a_budget_nothing_is_tried_again(chance: float, attempts: int) -> None:
    assert next_delay(PASSING, attempts=attempts, elapsed=0.0, budget=0.0, chance=chance) is None


@pytest.mark.parametrize(
    ("attempts", "longest"),
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
def test_the_bound_of_a_wait_doubles_up_to_the_longest(attempts: int, longest: float) -> None:
    for chance in (0.0, 0.5, 1.0):
        assert next_delay(PASSING, attempts=attempts, elapsed=5, budget=1e9, chance=chance) == chance * longest


def test_what_the_service_asks_for_comes_on_top() -> None:
    error = RateLimitedError("x", retry_after=7.0)
    assert next_delay(error, attempts=2, elapsed=0, budget=60, chance=0.0) == 7.0
    assert next_delay(error, attempts=2, elapsed=0, budget=60, chance=1.0) == 8.0


def test_a_wait_that_ends_with_the_budget_is_too_long() -> None:
    error = RateLimitedError("x", retry_after=10.0)
    assert next_delay(error, attempts=1, elapsed=5, budget=15.0, chance=0.0) is None
    assert next_delay(error, attempts=1, elapsed=5, budget=15.1, chance=0.0) == 10.0


def test_a_daily_limit_is_tried_again_by_nobody_within_the_longest_budget() -> None:
    error = AccountError("x", permanent=False, retry_after=3600.0)
    assert next_delay(error, attempts=1, elapsed=0.001, budget=3600.0, chance=0.0) is None
