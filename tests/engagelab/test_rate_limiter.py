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
    """Send as fast as the rate allows for some seconds; return the times of the requests."""
    sent, end = [], now + seconds
    while (now := now + rate.delay(now)) < end:
        rate.record(now)
        sent.append(now)
    return sent


def busiest_second(sent: list[float]) -> int:
    most, first = 0, 0
    for last, now in enumerate(sent):
        while sent[first] <= now - 1 + 1e-9:  # rounding of floats
            first += 1
        most = max(most, last - first + 1)
    return most


class RateMachine(RuleBasedStateMachine):
    """Requests in time or a little late, refusals and pauses, in any order."""

    @initialize(max_rate=st.floats(1, 60))
    def create(self, max_rate: float) -> None:
        self.rate = AdaptiveRate(max_rate)
        self.now = 100.0
        self.sent: list[float] = []
        self.refusals: list[float] = []

    @rule(late=st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.015, 0.3]))
    def request(self, late: float) -> None:
        delay = self.rate.delay(self.now)
        assert 0 <= delay <= max(1.0, 1 / (MIN_FRACTION * self.rate.max_rate)) + 1e-9
        self.now += delay
        assert self.rate.delay(self.now) == pytest.approx(0, abs=1e-9)
        self.now += late
        self.rate.record(self.now)
        self.sent.append(self.now)

    @rule(seconds=st.floats(0, 3))
    def pause(self, seconds: float) -> None:
        before = self.rate.current_rate(self.now)
        self.now += seconds
        grown = self.rate.current_rate(self.now) - before
        assert grown == pytest.approx(
            min(self.rate.max_rate - before, INCREASE_PER_SECOND * self.rate.max_rate * seconds), abs=1e-6
        )

    @precondition(lambda self: self.sent)
    @rule()
    def refusal(self) -> None:
        before = self.rate.current_rate(self.now)
        self.rate.on_rate_limited(self.now)
        after = self.rate.current_rate(self.now)
        if self.refusals and self.now < self.refusals[-1] + 1:
            assert after == before
            return
        self.refusals.append(self.now)
        assert after <= max(DECREASE_FACTOR * before, MIN_FRACTION * self.rate.max_rate) + 1e-9

    @invariant()
    def rate_is_within_bounds(self) -> None:
        assert MIN_FRACTION * self.rate.max_rate <= self.rate.current_rate(self.now) <= self.rate.max_rate

    @invariant()
    def no_second_exceeds_the_maximum(self) -> None:
        recent = [when for when in self.sent if when > self.now - 1 + 1e-9]
        assert len(recent) <= self.rate.max_rate


TestRateMachine = RateMachine.TestCase


@pytest.mark.parametrize("max_rate", [1, 1.9, 2.5, 450, 495])
def test_rate_is_reached_and_not_exceeded(max_rate: float) -> None:
    sent = send(AdaptiveRate(max_rate), seconds=20)
    assert busiest_second(sent) <= max_rate
    assert len(sent) >= 20 * math.floor(max_rate) - math.ceil(INCREASE_PER_SECOND * max_rate)


def test_rate_starts_below_maximum() -> None:
    arrived = [when + 0.02 * max(0.0, 1 - at / 64) for at, when in enumerate(send(AdaptiveRate(495), seconds=3))]
    assert busiest_second(sorted(arrived)) <= 500


def test_requests_are_evenly_spaced() -> None:
    sent = [when for when in send(AdaptiveRate(100), seconds=3) if when > 1]
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert (min(gaps), max(gaps)) == pytest.approx((0.01, 0.01))


def test_late_requests_are_caught_up() -> None:
    rate, now, sent = AdaptiveRate(100), 0.0, 0
    while now < 10:
        now += rate.delay(now) + 0.002
        rate.record(now)
        sent += 1
    assert sent >= 990


def test_pause_causes_no_burst() -> None:
    rate = AdaptiveRate(100)
    send(rate, seconds=1)
    sent = send(rate, seconds=0.1, now=60)
    assert len(sent) <= 100 * (0.1 + MAX_CATCH_UP_S) + 1 <= 14


def test_rate_decreases_and_recovers() -> None:
    rate = AdaptiveRate(100)
    send(rate, seconds=2)
    rate.on_rate_limited(2)
    assert rate.current_rate(2) == pytest.approx(100 * DECREASE_FACTOR, abs=3)
    assert rate.current_rate(3) == pytest.approx(100 * (DECREASE_FACTOR + INCREASE_PER_SECOND), abs=3)
    assert rate.current_rate(60) == 100


@pytest.mark.parametrize("start", [-1_000.0, 0.0, 1_000.0])
def test_first_request_and_refusal_at_any_clock(start: float) -> None:
    rate = AdaptiveRate(100)
    assert rate.delay(start) == 0
    rate.record(start)
    before = rate.current_rate(start + 0.5)
    rate.on_rate_limited(start + 0.5)
    assert rate.current_rate(start + 0.5) == pytest.approx(before * DECREASE_FACTOR)


def test_decrease_in_first_second_is_from_rate() -> None:
    rate = AdaptiveRate(100)
    send(rate, seconds=0.5, now=1_000)
    before = rate.current_rate(1_000.5)
    rate.on_rate_limited(1_000.5)
    assert rate.current_rate(1_000.5) == pytest.approx(before * DECREASE_FACTOR)


def test_decrease_is_from_requests_of_last_second() -> None:
    rate = AdaptiveRate(100)
    for eighth in range(9):
        rate.record(1_000 + eighth / 8)
    rate.on_rate_limited(1_001.0)  # the first request is a second old
    assert rate.current_rate(1_001.0) == pytest.approx(8 * DECREASE_FACTOR)


def test_decrease_is_from_actual_rate() -> None:
    rate, now = AdaptiveRate(400), 0.0
    while now < 3:
        now += max(rate.delay(now), 0.1)  # only ten requests per second
        rate.record(now)
    rate.on_rate_limited(now)
    assert rate.current_rate(now) == pytest.approx(10 * DECREASE_FACTOR, abs=1)


def test_rate_has_a_minimum() -> None:
    rate = AdaptiveRate(450)
    for second in range(1_000):
        rate.on_rate_limited(float(second))
        assert rate.current_rate(float(second)) >= 450 * MIN_FRACTION


def share(limit: int, joins: list[float], *, seed: int, seconds: float) -> list[float]:
    """Simulate processes that share a limit; each starts at one of the times in `joins`.

    :return: accepted requests per second of each process, in the last 30 seconds.
    """
    jitter = random.Random(seed)  # noqa: S311 - the same each time
    rates, times = [AdaptiveRate(450) for _ in joins], list(joins)
    taken: deque[float] = deque()
    accepted = [0] * len(joins)
    while (now := min(times)) < seconds:
        who = times.index(now)
        if delay := rates[who].delay(now):
            times[who] += delay + jitter.expovariate(3_000)
            continue
        rates[who].record(now)
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) < limit:
            taken.append(now)
            accepted[who] += now > seconds - 30
        else:
            rates[who].on_rate_limited(now)
    return [count / 30 for count in accepted]


@pytest.mark.parametrize("joins", [[0.0, 0.0], [0.0, 10.0], [0.0, 5.0, 9.0]])
def test_processes_converge_to_equal_shares(joins: list[float]) -> None:
    shares = share(500, joins, seed=1, seconds=60)
    assert sum(shares) >= 0.9 * 500
    fair = sum(shares) / len(shares)
    assert all(0.7 * fair <= one <= 1.3 * fair for one in shares), shares


@pytest.mark.parametrize("max_rate", [0, 0.5, -3, float("inf"), math.nan])
def test_invalid_rate_is_refused(max_rate: float) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        AdaptiveRate(max_rate)


def test_default_rate_leaves_a_tenth_for_pushes() -> None:
    assert DEFAULT_RATE == 0.9 * MAX_REQUESTS_PER_SECOND


def test_threads_share_the_rate() -> None:
    rate_limiter, passed = RateLimiter(AdaptiveRate(200)), []

    def walk(_: int) -> None:
        rate_limiter.acquire()
        passed.append(time.monotonic())

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(walk, range(300)))
    assert len(passed) == 300
    assert max(passed) - min(passed) >= 1.4
    assert busiest_second(sorted(passed)) <= 205  # a thread may read the clock late


def test_close_wakes_and_refuses_threads() -> None:
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
    rate_limiter.close()
    assert rate_limiter.closed
    for thread in threads:
        thread.join()
    rate_limiter.sleep(30)
    assert time.monotonic() - start < 0.9
    assert len(refused) == 3
    assert not refused[0].permanent


def test_rate_limit_error_decreases_rate() -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100))
    assert rate_limiter.current_rate == pytest.approx(100 * (1 - INCREASE_PER_SECOND), rel=0.001)
    rate_limiter.on_rate_limited()
    assert rate_limiter.current_rate < 95
