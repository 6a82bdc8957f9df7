import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import PUSH_PATH, STATUS_PATH, VALIDATE_PATH, WITHDRAW_PATH
from airflow_provider_oppo_image.sandbox.answers import RefusedError
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.push_rules import read_push
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.sandbox.conftest import Caller, message
from tests.sandbox.test_uploads import refusal

PICTURES = {("big", "B"), ("small", "S")}


def read(push):
    raw = push if isinstance(push, bytes) else json.dumps(push).encode()
    return read_push(raw, lambda kind, picture_id: (kind, picture_id) in PICTURES)


def changed(*path, to):
    """A good push with a big picture, and one value of it changed; `to` None removes it."""
    push = message(style=3, big_picture_id="B", small_picture_id="S")
    *parents, last = path
    place = push
    for key in parents:
        place = place[key]
    if to is None:
        del place[last]
    else:
        place[last] = to
    return push


OPPO = ("body", "options", "third_party_channel", "oppo")
ANDROID = ("body", "notification", "android")


def test_a_push_with_pictures_that_exist_is_accepted():
    push = message(style=3, big_picture_id="B", small_picture_id="S", distribution_new="pns_mtpush")

    assert read(push) == push


@pytest.mark.parametrize("cid", ["a", "A-z_09", "x" * 64])
def test_a_cid_of_letters_digits_underscore_and_dash_is_accepted(cid):
    assert read(message(cid=cid))


@pytest.mark.parametrize(
    "to", ["all", {"tag": ["a"]}, {"registration_id": ["r"]}, {"alias": ["a"]}, {"seg": {"id": "s"}}]
)
def test_every_kind_of_target_is_accepted_for_text(to):
    assert read(message() | {"to": to})


@pytest.mark.parametrize(
    ("push", "code"),
    [
        (b"", 21016),
        (b"{", 21016),
        (b"[]", 21016),
        (b"\xff", 21016),
        (b"[" * 3000, 21016),
        (json.dumps(message() | {"custom_args": {"a": "x" * 4000}}).encode(), 21005),
        (changed("to", to=None), 21002),
        (changed("body", to=None), 21002),
        (changed("body", "notification", to=None), 21002),
        (changed("body", to="text"), 21003),
        (changed("body", "notification", to="text"), 21009),
        (changed("body", "message", to={"msg_content": "x"}), 21306),
        (changed("to", to="everybody"), 21003),
        (changed("to", to=["all"]), 21003),
        (changed("to", to={}), 21011),
        (changed("to", to={"alias": []}), 21011),
        (changed("to", to={"registration_id": ["r"]}), 28),
        (changed("body", "options", "cid", to=""), 21003),
        (changed("body", "options", "cid", to="a b"), 21003),
        (changed("body", "options", "cid", to="x" * 65), 21003),
        (changed("body", "options", "cid", to="ok\n"), 21003),
        (changed("body", "options", "cid", to=5), 21003),
        (changed(*OPPO, "big_picture_id", to=None), 21003),
        (changed(*OPPO, "big_picture_id", to=""), 21003),
        (changed(*OPPO, "big_picture_id", to="None"), 21003),
        (changed(*OPPO, "big_picture_id", to="S"), 21003),
        (changed(*OPPO, "small_picture_id", to="B"), 21003),
        (changed(*OPPO, "small_picture_id", to=["S"]), 21003),
        (changed(*OPPO, "distribution_new", to="ospush"), 27009),
        (changed(*OPPO, "distribution_new", to=["mtpush"]), 27009),
        (changed(*ANDROID, "alert", to="x" * 51), 21003),
        (changed(*ANDROID, "title", to="x" * 51), 21003),
        (changed("body", "options", "big_push_duration", to=10), 21003),
    ],
)
def test_each_wrong_push_is_refused_with_the_code_for_its_cause(push, code):
    with pytest.raises(RefusedError) as refused:
        read(push)

    assert refused.value.code == code


def test_a_distribution_without_an_alert_is_27008():
    push = message(distribution="ospush")
    push["body"]["notification"]["android"]["alert"] = ""

    with pytest.raises(RefusedError) as refused:
        read(push)

    assert refused.value.code == 27008


def test_a_push_of_exactly_4000_bytes_is_accepted():
    push = message() | {"custom_args": {"a": ""}}
    push["custom_args"]["a"] = "x" * (4000 - len(json.dumps(push)))

    assert read(push) == push


@pytest.mark.parametrize("key", ["title", "alert"])
def test_style_3_takes_exactly_50_characters(key):
    assert read(changed(*ANDROID, key, to="字" * 50))


@pytest.mark.parametrize("length", [50, 51])
def test_the_limits_of_style_3_do_not_bind_plain_text(length):
    push = message()
    push["body"]["notification"]["android"].update(title="t" * length, alert="a" * length)
    push["body"]["options"]["big_push_duration"] = 10

    assert read(push)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = st.sampled_from(
    [
        ("to",),
        ("body",),
        ("body", "notification"),
        ANDROID,
        (*ANDROID, "alert"),
        ("body", "options"),
        ("body", "options", "cid"),
        OPPO[:-1],
        OPPO,
        (*OPPO, "style"),
        (*OPPO, "big_picture_id"),
    ]
)


@settings(deadline=None)
@given(PATHS, JSON)
def test_whatever_stands_anywhere_in_a_push_it_is_accepted_or_refused(path, value):
    push = message(style=3, big_picture_id="B")
    place = push
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        accepted = read(push)
    except RefusedError:
        return

    assert accepted == json.loads(json.dumps(push))


@settings(deadline=None)
@given(st.binary(max_size=50))
def test_any_bytes_are_accepted_or_refused(raw):
    with pytest.raises(RefusedError):
        read(raw)


# Over the wire.


def test_a_push_goes_out_once_and_is_shown(sandbox, caller):
    picture_id = caller.picture("big")
    push = message(cid="c1", style=3, big_picture_id=picture_id) | {"request_id": "r1"}

    status, body = caller.push(push)

    assert status == 200
    assert body["request_id"] == "r1"
    sent = sandbox.received()["pushes"][0]
    assert sent.pop("when")
    assert sent == {
        "body": push,
        "cid": "c1",
        "msg_id": body["msg_id"],
        "deliveries": 1,
        "repeats": 0,
        "withdrawn": False,
    }


def test_a_small_picture_is_no_big_one(caller):
    push = message(style=3, big_picture_id=caller.picture("small"))

    assert refusal(caller.push(push)) == (400, 21003)


def test_pushes_without_a_cid_all_go_out(sandbox, caller):
    ids = [caller.push(message())[1]["msg_id"] for _ in range(3)]

    assert [push["msg_id"] for push in sandbox.received()["pushes"]] == ids
    assert len(set(ids)) == 3


def test_a_repeated_cid_gets_the_first_answer_and_pushes_nothing(sandbox, caller):
    first = caller.push(message(cid="again") | {"request_id": "r1"})
    other = copy.deepcopy(message(cid="again"))
    other["body"]["notification"]["android"]["alert"] = "Something else"

    second = caller.push(other)

    assert second == first
    [sent] = sandbox.received()["pushes"]
    assert (sent["deliveries"], sent["repeats"]) == (1, 1)
    assert sent["body"]["request_id"] == "r1"


def test_a_repeated_cid_is_an_error_that_names_it_where_the_option_says_so(host):
    with SandboxServer(SandboxOptions(cid_repeat="error")) as sandbox:
        caller = Caller(sandbox.url, host)
        first, second = caller.push(message(cid="again")), caller.push(message(cid="again"))
        pushes = sandbox.received()["pushes"]

    assert first[0] == 200
    assert refusal(second) == (400, 21003)
    assert "again" in second[1]["error"]["message"]
    assert len(pushes) == 1


def test_a_refused_push_does_not_use_up_its_cid(caller):
    refused = caller.push(message(cid="c", style=3))
    accepted = caller.push(message(cid="c"))

    assert (refused[0], accepted[0]) == (400, 200)


def test_validate_answers_like_a_push_and_sends_nothing(sandbox, caller):
    good, bad = caller.push(message(cid="c"), VALIDATE_PATH), caller.push(message(style=3), VALIDATE_PATH)
    caller.push(message(cid="c"))

    received = sandbox.received()
    assert good[0] == 200
    assert refusal(bad) == (400, 21003)
    assert [validation["body"] for validation in received["validations"]] == [message(cid="c")]
    assert [push["repeats"] for push in received["pushes"]] == [0]
    assert good[1]["msg_id"] != received["pushes"][0]["msg_id"]


def test_a_push_can_be_withdrawn_once(sandbox, caller):
    msg_id = caller.push(message())[1]["msg_id"]

    first = caller.call("DELETE", f"{WITHDRAW_PATH}/{msg_id}")
    second = caller.call("DELETE", f"{WITHDRAW_PATH}/{msg_id}")

    assert first == (200, {"request_id": "", "msg_id": msg_id})
    assert refusal(second) == (400, 21003)
    assert sandbox.received()["pushes"][0]["withdrawn"]


def test_an_unknown_push_cannot_be_withdrawn(caller):
    assert refusal(caller.call("DELETE", f"{WITHDRAW_PATH}/1")) == (400, 21003)


def test_the_status_tells_of_the_pushes_that_exist(caller):
    ids = [caller.push(message())[1]["msg_id"] for _ in range(2)]

    status, body = caller.call("GET", STATUS_PATH, params={"message_ids": ",".join([*ids, "1"])})

    assert status == 200
    assert set(body) == set(ids)
    assert set(body[ids[0]]) == {"targets", "sent", "delivered", "impressions", "clicks", "sub"}


@pytest.mark.parametrize(
    ("ids", "answer"),
    [([], (400, 21002)), (["1"] * 101, (400, 21003))],
)
def test_the_status_takes_1_to_100_ids(caller, ids, answer):
    assert refusal(caller.call("GET", STATUS_PATH, params={"message_ids": ",".join(ids)})) == answer
    assert caller.call("GET", STATUS_PATH, params={"message_ids": ",".join(["1"] * 100)}) == (200, {})


def test_the_account_is_paid_for(caller):
    status, body = caller.call("GET", "/v4/app/vip/status")

    assert (status, body["vip_status"]) == (200, 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PUSH_PATH),
        ("POST", VALIDATE_PATH),
        ("DELETE", WITHDRAW_PATH + "/1"),
        ("GET", STATUS_PATH),
        ("GET", "/v4/app/vip/status"),
    ],
)
def test_wrong_credentials_are_21004_on_every_push_path(caller, method, path):
    assert refusal(caller.call(method, path, auth=("sandbox-app-key", "wrong"))) == (401, 21004)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PUSH_PATH, 405),
        ("PUT", VALIDATE_PATH, 405),
        ("GET", WITHDRAW_PATH + "/1", 405),
        ("POST", "/v4/push/nothing", 404),
        ("POST", STATUS_PATH, 404),
    ],
)
def test_a_wrong_method_on_push_is_21001_in_a_405(caller, method, path, status):
    assert refusal(caller.call(method, path)) == (status, 21001)


def test_a_push_that_is_too_long_is_refused_over_the_wire(caller):
    assert refusal(caller.call("POST", PUSH_PATH, data=b"x" * 300_000)) == (400, 21005)
