from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from airflow_provider_oppo_image.contract import MAX_REQUESTS_PER_SECOND
from airflow_provider_oppo_image.engagelab.rate_limiter import (
    DECREASE_FACTOR,
    DEFAULT_RATE,
    INCREASE_PER_SECOND,
    MAX_CATCH_UP_S,
    MIN_FRACTION,
    AdaptiveRate,
    RateLimiter,
)
from airflow_provider_oppo_image.errors import ConfigurationError, NotSentError


def send(rate: AdaptiveRate, seconds: float, now: float = 0.0) -> list[float]:
    """Send as fast as the rate allows for so long, and return when each request left."""
    left, end = [], now + seconds
    while (now := now + rate.wait(now)) < end:
        rate.leave(now)
        left.append(now)
    return left


def busiest_second(left: list[float]) -> int:
    most, first = 0, 0
    for last, now in enumerate(left):
        while left[first] <= now - 1 + 1e-9:  # two floats may differ by less than a second does
            first += 1
        most = max(most, last - first + 1)
    return most


class RateMachine(RuleBasedStateMachine):
    """Requests that leave when they may or a little late, refusals and pauses, in any order."""

    @initialize(most=st.floats(1, 60))
    def begin(self, most: float) -> None:
        self.rate = AdaptiveRate(most)
        self.now = 100.0
        self.left: list[float] = []
        self.refusals: list[float] = []

    @rule(late=st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.015, 0.3]))
    def a_request_leaves(self, late: float) -> None:
        wait = self.rate.wait(self.now)
        assert 0 <= wait <= max(1.0, 1 / (MIN_FRACTION * self.rate.most)) + 1e-9, "nobody waits without an end"
        self.now += wait
        assert self.rate.wait(self.now) == pytest.approx(0, abs=1e-9), "who has waited may leave"
        self.now += late
        self.rate.leave(self.now)
        self.left.append(self.now)

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        before = self.rate.pace(self.now)
        self.now += seconds
        grown = self.rate.pace(self.now) - before
        assert grown == pytest.approx(
            min(self.rate.most - before, INCREASE_PER_SECOND * self.rate.most * seconds), abs=1e-6
        )

    @precondition(lambda self: self.left)
    @rule()
    def a_request_is_refused(self) -> None:
        before = self.rate.pace(self.now)
        self.rate.refused(self.now)
        after = self.rate.pace(self.now)
        if self.refusals and self.now < self.refusals[-1] + 1:
            assert after == before, "the refusals of a second count once"
            return
        self.refusals.append(self.now)
        assert after <= max(DECREASE_FACTOR * before, MIN_FRACTION * self.rate.most) + 1e-9

    @invariant()
    def the_pace_is_between_its_bounds(self) -> None:
        assert MIN_FRACTION * self.rate.most <= self.rate.pace(self.now) <= self.rate.most

    @invariant()
    def no_second_has_more_than_the_most(self) -> None:
        recent = [when for when in self.left if when > self.now - 1 + 1e-9]
        assert len(recent) <= self.rate.most


TestRateMachine = RateMachine.TestCase


@pytest.mark.parametrize("most", [1, 1.9, 2.5, 450, 495])
def test_the_rate_is_held_and_never_passed(most: float) -> None:
    left = send(AdaptiveRate(most), seconds=20)
    assert busiest_second(left) <= most
    assert len(left) >= 20 * math.floor(most) - math.ceil(INCREASE_PER_SECOND * most)


def test_it_begins_a_little_slower_since_the_first_requests_arrive_late() -> None:
    arrived = [when + 0.02 * max(0.0, 1 - at / 64) for at, when in enumerate(send(AdaptiveRate(495), seconds=3))]
    assert busiest_second(sorted(arrived)) <= 500


def test_requests_are_spread_over_the_second() -> None:
    left = [when for when in send(AdaptiveRate(100), seconds=3) if when > 1]
    gaps = [later - earlier for earlier, later in itertools.pairwise(left)]
    assert (min(gaps), max(gaps)) == pytest.approx((0.01, 0.01))


def test_what_a_late_request_missed_is_made_up_for() -> None:
    rate, now, left = AdaptiveRate(100), 0.0, 0
    while now < 10:
        now += rate.wait(now) + 0.002
        rate.leave(now)
        left += 1
    assert left >= 990


def test_a_long_pause_is_not_made_up_for_by_a_burst() -> None:
    rate = AdaptiveRate(100)
    send(rate, seconds=1)
    left = send(rate, seconds=0.1, now=60)
    assert len(left) <= 100 * (0.1 + MAX_CATCH_UP_S) + 1 <= 14


def test_a_refusal_slows_down_and_time_makes_faster_again() -> None:
    rate = AdaptiveRate(100)
    send(rate, seconds=2)
    rate.refused(2)
    assert rate.pace(2) == pytest.approx(100 * DECREASE_FACTOR, abs=3)
    assert rate.pace(3) == pytest.approx(100 * (DECREASE_FACTOR + INCREASE_PER_SECOND), abs=3)
    assert rate.pace(60) == 100


@pytest.mark.parametrize("start", [-1_000.0, 0.0, 1_000.0])
def test_the_first_request_leaves_at_once_and_the_first_refusal_counts_whatever_the_clock_says(start: float) -> None:
    rate = AdaptiveRate(100)
    assert rate.wait(start) == 0
    rate.leave(start)
    before = rate.pace(start + 0.5)
    rate.refused(start + 0.5)
    assert rate.pace(start + 0.5) == pytest.approx(before * DECREASE_FACTOR)


def test_before_a_second_is_over_nobody_knows_how_many_it_has() -> None:
    rate = AdaptiveRate(100)
    send(rate, seconds=0.5, now=1_000)
    before = rate.pace(1_000.5)
    rate.refused(1_000.5)
    assert rate.pace(1_000.5) == pytest.approx(before * DECREASE_FACTOR)


def test_from_then_on_those_count_that_the_service_still_counts() -> None:
    rate = AdaptiveRate(100)
    for eighth in range(9):
        rate.leave(1_000 + eighth / 8)
    rate.refused(1_001.0)  # the first one is a second old
    assert rate.pace(1_001.0) == pytest.approx(8 * DECREASE_FACTOR)


def test_refusals_slow_down_from_the_pace_that_there_was() -> None:
    rate, now = AdaptiveRate(400), 0.0
    while now < 3:
        now += max(rate.wait(now), 0.1)  # ten a second are all that come
        rate.leave(now)
    rate.refused(now)
    assert rate.pace(now) == pytest.approx(10 * DECREASE_FACTOR, abs=1)


def test_refusals_without_end_leave_a_pace_that_is_not_nothing() -> None:
    rate = AdaptiveRate(450)
    for second in range(1_000):
        rate.refused(float(second))
        assert rate.pace(float(second)) >= 450 * MIN_FRACTION


def share(limit: int, joins: list[float], *, seed: int, seconds: float) -> list[float]:
    """Simulate a service that refuses who asks more than `limit` times in a second.

    :return: requests a second that each who shares it got, in the last 30 of the seconds.
    """
    chance = random.Random(seed)  # noqa: S311 - the same chance each time
    rates, times = [AdaptiveRate(450) for _ in joins], list(joins)
    taken: deque[float] = deque()
    sent = [0] * len(joins)
    while (now := min(times)) < seconds:
        who = times.index(now)
        if wait := rates[who].wait(now):
            times[who] += wait + chance.expovariate(3_000)
            continue
        rates[who].leave(now)
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) < limit:
            taken.append(now)
            sent[who] += now > seconds - 30
        else:
            rates[who].refused(now)
    return [count / 30 for count in sent]


@pytest.mark.parametrize("joins", [[0.0, 0.0], [0.0, 10.0], [0.0, 5.0, 9.0]])
def test_those_who_share_a_limit_come_to_equal_shares(joins: list[float]) -> None:
    shares = share(500, joins, seed=1, seconds=60)
    assert sum(shares) >= 0.9 * 500
    fair = sum(shares) / len(shares)
    assert all(0.7 * fair <= one <= 1.3 * fair for one in shares), shares


@pytest.mark.parametrize("most", [0, 0.5, -3, float("inf"), math.nan])
def test_a_rate_that_is_none_is_refused(most: float) -> None:
    with pytest.raises(ConfigurationError, match="1 or more"):
        AdaptiveRate(most)


def test_a_tenth_of_the_service_s_limit_is_left_to_pushes() -> None:
    assert DEFAULT_RATE == 0.9 * MAX_REQUESTS_PER_SECOND


def test_many_threads_pass_no_faster_than_the_rate() -> None:
    rate_limiter, passed = RateLimiter(AdaptiveRate(200)), []

    def walk(_: int) -> None:
        rate_limiter.acquire()
        passed.append(time.monotonic())

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(walk, range(300)))
    assert len(passed) == 300
    assert max(passed) - min(passed) >= 1.4
    assert busiest_second(sorted(passed)) <= 205  # a thread may look at the clock long after it has passed


def test_a_shut_turnstile_wakes_who_waits_and_lets_nobody_through() -> None:
    rate_limiter, refused = RateLimiter(AdaptiveRate(1)), []
    rate_limiter.acquire()

    def walk() -> None:
        try:
            rate_limiter.acquire()
        except NotSentError as error:
            refused.append(error)

    threads = [threading.Thread(target=walk) for _ in range(3)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    assert not rate_limiter.closed
    rate_limiter.shut()
    assert rate_limiter.closed
    for thread in threads:
        thread.join()
    rate_limiter.pause(30)
    assert time.monotonic() - start < 0.9
    assert len(refused) == 3
    assert not refused[0].permanent


def test_a_refusal_slows_the_turnstile_down() -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100))
    assert rate_limiter.pace == pytest.approx(100 * (1 - INCREASE_PER_SECOND), rel=0.001)
    rate_limiter.refused()
    assert rate_limiter.pace < 95
