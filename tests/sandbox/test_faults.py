import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_oppo_image.contract import IMAGE_PATH
from airflow_provider_oppo_image.sandbox.faults import Fault, FaultQueue
from tests.sandbox.conftest import CREDENTIALS, message
from tests.sandbox.test_uploads import refusal
from tests.support import artwork


def test_a_fault_without_more_is_one_23100_for_any_call(sandbox, caller):
    sandbox.fail()

    assert refusal(caller.upload({})) == (500, 23100)
    assert refusal(caller.upload({})) == (400, 23002)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ({"code": 23008}, (400, 23008)),
        ({"code": 51}, (200, 51)),
        ({"code": 27000, "status": 503}, (503, 27000)),
        ({"code": 99999}, (500, 99999)),
        ({"message": "words"}, (500, 23100)),
    ],
)
def test_a_fault_answers_with_its_code_in_its_status_or_that_of_the_table(sandbox, caller, fault, answer):
    sandbox.fail(**fault)

    assert refusal(caller.push(message())) == answer


def test_a_fault_can_have_any_words_body_and_headers(sandbox):
    sandbox.fail(code=23008, message="slow down", headers={"Retry-After": "7"})
    sandbox.fail(status=200, body="<html>", headers={"Content-Type": "text/html"})
    sandbox.fail(status=429)

    answers = [requests.post(sandbox.url + IMAGE_PATH, json={}, auth=CREDENTIALS, timeout=10) for _ in range(3)]

    assert answers[0].json() == {"error": {"code": 23008, "message": "slow down"}}
    assert answers[0].headers["Retry-After"] == "7"
    assert (answers[1].status_code, answers[1].text) == (200, "<html>")
    assert answers[1].headers["Content-Type"] == "text/html"
    assert (answers[2].status_code, answers[2].content) == (429, b"")


def test_faults_strike_in_the_order_of_their_ordering_and_as_often_as_ordered():
    queue = FaultQueue()
    queue.order(Fault(call="push", code=1, times=2))
    queue.order(Fault(call="any", code=2))
    queue.order(Fault(call="upload", code=3, times=None))

    struck = [queue.take(call) for call in ("push", "upload_big", "push", "upload_small", "push", "upload", "withdraw")]

    assert [fault and fault.code for fault in struck] == [1, 2, 1, 3, None, 3, None]


@pytest.mark.parametrize(
    ("ordered", "calls"),
    [
        ("upload_big", ["upload_big"]),
        ("upload_small", ["upload_small"]),
        ("upload", ["upload", "upload_big", "upload_small"]),
        ("push", ["push"]),
        ("any", ["upload", "upload_big", "upload_small", "push", "validate", "withdraw", "status"]),
    ],
)
def test_a_fault_strikes_the_calls_that_it_names(ordered, calls):
    every = ["upload", "upload_big", "upload_small", "push", "validate", "withdraw", "status"]

    assert [call for call in every if Fault(call=ordered).strikes(call)] == calls


def test_a_fault_strikes_the_upload_of_the_kind_that_it_names(sandbox, caller, host):
    sandbox.fail(call="upload_small", code=27000)
    big, small = host.serve("/b", artwork.good("big")), host.serve("/s", artwork.good("small"))

    first, second = caller.upload({"big_picture_url": big}), caller.upload({"small_picture_url": small})

    assert first[0] == 200
    assert refusal(second) == (500, 27000)
    assert host.requests == ["/b"]


def test_a_fault_before_the_work_leaves_nothing_behind(sandbox, caller):
    sandbox.fail(call="push", code=23100)

    caller.push(message(cid="c"))

    assert sandbox.received()["pushes"] == []


def test_a_fault_after_the_work_loses_only_the_answer(sandbox, caller):
    sandbox.fail(call="push", code=23100, after=True)

    lost, repeated = caller.push(message(cid="c")), caller.push(message(cid="c"))

    [sent] = sandbox.received()["pushes"]
    assert refusal(lost) == (500, 23100)
    assert repeated[1]["msg_id"] == sent["msg_id"]
    assert sent["repeats"] == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_dropped_connection_is_closed_without_a_byte(sandbox, after):
    sandbox.fail(call="push", drop=True, after=after)
    body = b'{"to": "all", "body": {"notification": {"alert": "x"}}}'
    head = f"POST /v4/push HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nAuthorization: "
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        basic = requests.auth._basic_auth_str(*CREDENTIALS)
        connection.sendall(head.encode() + basic.encode() + b"\r\n\r\n" + body)

        assert connection.recv(1) == b""

    received = sandbox.received()
    assert received["requests"] == {"push": {"dropped": 1}}
    assert len(received["pushes"]) == (1 if after else 0)


def test_a_dropped_connection_leaves_the_others_open(sandbox, caller):
    with requests.Session() as session:
        session.post(sandbox.url + IMAGE_PATH, json={}, auth=CREDENTIALS, timeout=10)
        sandbox.fail(call="push", drop=True)
        with pytest.raises(requests.ConnectionError):
            caller.push(message())
        session.post(sandbox.url + IMAGE_PATH, json={}, auth=CREDENTIALS, timeout=10)

    assert sandbox.received()["requests"]["upload"] == {"400": 2}


def test_a_delay_alone_only_delays(sandbox, caller):
    sandbox.fail(call="push", delay=0.2)
    start = time.monotonic()

    status, _ = caller.push(message())

    assert status == 200
    assert time.monotonic() - start >= 0.2


def test_a_delay_after_the_work_keeps_its_answer_and_does_it_once(sandbox, caller):
    sandbox.fail(call="push", delay=0.2, after=True)
    start = time.monotonic()

    status, answer = caller.push(message(cid="c"))

    [sent] = sandbox.received()["pushes"]
    assert (status, answer["msg_id"]) == (200, sent["msg_id"])
    assert sent["repeats"] == 0
    assert time.monotonic() - start >= 0.2


def test_a_caller_that_does_not_wait_for_a_delayed_answer_still_has_its_work_done(sandbox, caller):
    sandbox.fail(call="push", delay=2, after=True)
    with pytest.raises(requests.ReadTimeout):
        requests.post(sandbox.url + "/v4/push", json=message(), auth=CREDENTIALS, timeout=(10, 0.5))

    assert len(sandbox.received()["pushes"]) == 1


def test_faults_can_be_taken_back(sandbox, caller):
    sandbox.fail(times=None)
    first = caller.upload({})
    sandbox.recover()

    assert refusal(first) == (500, 23100)
    assert refusal(caller.upload({})) == (400, 23002)


@pytest.mark.parametrize(
    "fault", [{"cal": "push"}, {"call": "pull"}, {"times": 0}, {"status": 42}, {"delay": -1}, {"code": "x"}]
)
def test_a_fault_that_cannot_be_is_refused_with_the_reason(sandbox, fault):
    with pytest.raises(ValueError, match=next(iter(fault))):
        sandbox.fail(**fault)


def test_faults_need_no_credentials_and_strike_before_them(sandbox, caller):
    sandbox.fail(code=23009)

    assert refusal(caller.upload({}, auth=None)) == (400, 23009)
