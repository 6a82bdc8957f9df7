import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.sandbox.options import SANDBOX_APP_KEY, SANDBOX_MASTER_SECRET, SandboxOptions
from airflow_provider_oppo_image.sandbox.responses import RefusedError
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from airflow_provider_oppo_image.sandbox.service import SandboxService
from airflow_provider_oppo_image.sandbox.state import SlidingWindowCounter
from tests.sandbox.conftest import ApiCaller, error_of, message

AUTHORIZATION = "Basic " + base64.b64encode(f"{SANDBOX_APP_KEY}:{SANDBOX_MASTER_SECRET}".encode()).decode()


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def admitted(service, requests):
    """Send requests and return how many are admitted; the others are refused with 23008."""
    codes = []
    for _ in range(requests):
        try:
            service.admit(AUTHORIZATION, 23001)
        except RefusedError as refused:
            codes.append(refused.code)
    assert set(codes) <= {23008}
    return requests - len(codes)


def test_admit_accepts_500_requests_per_second(clock):
    service = SandboxService(SandboxOptions(), clock)
    assert admitted(service, 700) == 500


def test_admit_uses_a_sliding_window(clock):
    service = SandboxService(SandboxOptions(requests_per_second=10), clock)
    admitted(service, 4)
    clock.now += 0.6
    admitted(service, 6)
    clock.now += 0.39
    assert admitted(service, 10) == 0
    clock.now += 0.02
    assert admitted(service, 10) == 4


def test_admit_forgets_requests_after_one_second(clock):
    service = SandboxService(SandboxOptions(requests_per_second=1), clock)
    admitted(service, 1)
    clock.now += 1.0
    assert admitted(service, 1) == 1


def test_admit_does_not_count_refused_requests(clock):
    service = SandboxService(SandboxOptions(requests_per_second=10), clock)
    for _ in range(5):
        clock.now += 1.01
        assert admitted(service, 100) == 10


def test_admit_does_not_count_wrong_credentials(clock):
    service = SandboxService(SandboxOptions(requests_per_second=1), clock)
    with pytest.raises(RefusedError):
        service.admit("Basic wrong", 23001)
    assert admitted(service, 1) == 1


@pytest.mark.parametrize("limit", [0, None])
def test_admit_without_a_limit(clock, limit):
    assert admitted(SandboxService(SandboxOptions(requests_per_second=limit), clock), 2000) == 2000


@given(st.lists(st.floats(0, 3), max_size=60).map(sorted))
def test_sliding_window_counter_finds_the_peak(times):
    window = SlidingWindowCounter()
    for time in times:
        window.add(time)
    expected = max((sum(end - 1.0 < time <= end for time in times) for end in times), default=0)
    assert window.peak == expected


def test_uploads_and_pushes_share_the_rate_limit(host):
    with SandboxServer(SandboxOptions(requests_per_second=2)) as sandbox:
        caller = ApiCaller(sandbox.url, host)
        errors = [error_of(response) for response in (caller.upload({}), caller.push({}), caller.push({}))]
        peak = sandbox.received()["peak_per_second"]
    assert errors == [(400, 23002), (400, 21002), (400, 23008)]
    assert peak == 3


def test_push_is_sent_again_after_the_lifetime_of_its_cid(clock):
    service = SandboxService(SandboxOptions(), clock)
    raw = json.dumps(message(cid="again")).encode()

    def push():
        return service.push(raw).body["msg_id"]

    first = push()
    clock.now += 3_599
    assert push() == first
    clock.now += 1
    second = push()
    assert second != first
    clock.now += 3_599
    assert push() == second


COUNTS = {"targets": 1, "sent": 1, "delivered": 1, "impressions": 0, "clicks": 0}
ANDROID_CHANNELS = ["engageLab_android", "xiaomi", "huawei", "honor", "meizu", "oppo", "vivo", "fcm"]


def push_and_ask(service, clock, push, age=0):
    msg_id = service.push(json.dumps(push).encode()).body["msg_id"]
    clock.now += age
    return service.status(f"{msg_id},0").body.get(msg_id)


@pytest.mark.parametrize("singular", [False, True])
@pytest.mark.parametrize("delivery", [False, True])
def test_statistics_have_the_documented_shape(clock, singular, delivery):
    service = SandboxService(SandboxOptions(singular_counts=singular, oppo_reports_delivery=delivery), clock)
    totals = push_and_ask(service, clock, message())
    counts = COUNTS | {"delivered": int(delivery)}
    sub = totals.pop("sub")
    assert totals == {**counts, "plan_id": "", "pushContent": {}}
    kind = sub.pop("notification")
    assert sub == {"message": {}, "live_activity": {}, "voip": {}, "inapp_message": {}}
    android = kind.pop("sub_android")
    assert list(android) == ANDROID_CHANNELS
    assert {name: numbers for name, numbers in android.items() if numbers["sent"]} == {"oppo": counts}
    assert (kind.pop("sub_ios"), kind.pop("sub_hmos")) == (
        {"engageLab_ios": {}, "apns": {}},
        {"engageLab_hmos": {}, "harmonyos": {}},
    )
    names = ("target", "click") if singular else ("targets", "clicks")
    assert kind == {names[0]: 1, "sent": 1, "delivered": int(delivery), "impressions": 0, names[1]: 0}


@pytest.mark.parametrize(
    ("value", "channel"),
    [(None, "oppo"), ("pns_mtpush", "oppo")]
    + [(value, "engageLab_android") for value in ("mtpush_pns", "mtpush", "fcm_mtpush", "mtpush_fcm")],
)
def test_statistics_follow_the_distribution(clock, value, channel):
    push = message()
    if value:
        push["body"]["options"]["third_party_channel"]["distribution_new"] = value
    android = push_and_ask(SandboxService(SandboxOptions(), clock), clock, push)["sub"]["notification"]["sub_android"]
    assert [name for name, numbers in android.items() if numbers["sent"]] == [channel]


@pytest.mark.parametrize(("age", "known"), [(59, False), (60, True), (30 * 86_400, True), (30 * 86_400 + 1, False)])
def test_statistics_appear_after_delay_and_are_kept_for_month(clock, age, known):
    service = SandboxService(SandboxOptions(statistics_delay=60), clock)
    assert (push_and_ask(service, clock, message(), age) is not None) is known


@pytest.mark.parametrize(("ages", "codes"), [([86_400, 0], [None, 21003]), ([86_401], [21003])])
def test_withdraw_works_once_within_one_day(clock, ages, codes):
    service = SandboxService(SandboxOptions(), clock)
    msg_id = service.push(json.dumps(message()).encode()).body["msg_id"]
    found = []
    for age in ages:
        clock.now += age
        try:
            assert service.withdraw(msg_id).body == {"request_id": "", "msg_id": msg_id}
            found.append(None)
        except RefusedError as refused:
            found.append(refused.code)
    assert found == codes
