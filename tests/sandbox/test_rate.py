import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.sandbox.answers import RefusedError
from airflow_provider_oppo_image.sandbox.options import SANDBOX_APP_KEY, SANDBOX_MASTER_SECRET, SandboxOptions
from airflow_provider_oppo_image.sandbox.rate import SlidingWindowCounter
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from airflow_provider_oppo_image.sandbox.service import Service
from tests.sandbox.conftest import Caller
from tests.sandbox.test_uploads import refusal

GOOD = "Basic " + base64.b64encode(f"{SANDBOX_APP_KEY}:{SANDBOX_MASTER_SECRET}".encode()).decode()


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def admitted(service, requests):
    """Return how many of some requests are let in; the others are refused as too many."""
    codes = []
    for _ in range(requests):
        try:
            service.admit(GOOD, 23001)
        except RefusedError as refused:
            codes.append(refused.code)
    assert set(codes) <= {23008}
    return requests - len(codes)


def test_500_requests_a_second_are_let_in_and_not_one_more(clock):
    service = Service(SandboxOptions(), clock)

    assert admitted(service, 700) == 500


def test_the_second_slides(clock):
    service = Service(SandboxOptions(requests_per_second=10), clock)
    admitted(service, 4)
    clock.now += 0.6
    admitted(service, 6)

    clock.now += 0.39
    assert admitted(service, 10) == 0
    clock.now += 0.02
    assert admitted(service, 10) == 4


def test_a_request_has_left_the_second_when_a_whole_one_has_passed(clock):
    service = Service(SandboxOptions(requests_per_second=1), clock)
    admitted(service, 1)
    clock.now += 1.0

    assert admitted(service, 1) == 1


def test_refused_requests_take_no_place_in_the_second(clock):
    service = Service(SandboxOptions(requests_per_second=10), clock)
    for _ in range(5):
        clock.now += 1.01
        assert admitted(service, 100) == 10


def test_wrong_credentials_take_no_place_in_the_second(clock):
    service = Service(SandboxOptions(requests_per_second=1), clock)
    with pytest.raises(RefusedError):
        service.admit("Basic wrong", 23001)

    assert admitted(service, 1) == 1


@pytest.mark.parametrize("off", [0, None])
def test_the_limit_can_be_turned_off(clock, off):
    assert admitted(Service(SandboxOptions(requests_per_second=off), clock), 2000) == 2000


@settings(deadline=None)
@given(st.lists(st.floats(0, 3), max_size=60).map(sorted))
def test_the_peak_is_the_fullest_second(times):
    window = SlidingWindowCounter()
    for time in times:
        window.add(time)

    fullest = max((sum(end - 1.0 < time <= end for time in times) for end in times), default=0)
    assert window.peak == fullest


def test_uploads_and_pushes_share_the_limit(host):
    with SandboxServer(SandboxOptions(requests_per_second=2)) as sandbox:
        caller = Caller(sandbox.url, host)
        answers = [refusal(answer) for answer in (caller.upload({}), caller.push({}), caller.push({}))]
        peak = sandbox.received()["peak_per_second"]

    assert answers == [(400, 23002), (400, 21002), (400, 23008)]
    assert peak == 3
