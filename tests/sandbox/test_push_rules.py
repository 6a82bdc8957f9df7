import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import DISTRIBUTIONS
from airflow_provider_oppo_image.sandbox.push_rules import read_push
from airflow_provider_oppo_image.sandbox.responses import RefusedError
from tests.sandbox.conftest import message

PICTURES = {("big", "B"), ("small", "S")}


def read(push):
    raw = push if isinstance(push, bytes) else json.dumps(push).encode()
    return read_push(raw, lambda kind, picture_id: (kind, picture_id) in PICTURES)


def changed(*path, to):
    """Return a valid push with pictures, with one value changed; `...` removes the value."""
    push = message(style=3, big_picture_id="B", small_picture_id="S")
    *parents, last = path
    parent = push
    for key in parents:
        parent = parent[key]
    parent[last] = to
    if to is ...:
        del parent[last]
    return push


def content_of(kind, size):
    """Return a push whose notification or message has that size in bytes of UTF-8."""
    push = message()
    del push["body"]["notification"]
    push["body"][kind] = {"extras": {"a": "字" * 1000}}
    push["body"][kind]["extras"]["a"] += "x" * (size - 3000 - len('{"extras":{"a":""}}'))
    return push


def without_alert(push):
    push["body"]["notification"]["android"]["alert"] = ""
    return push


OPPO = ("body", "options", "third_party_channel", "oppo")
ANDROID = ("body", "notification", "android")


@pytest.mark.parametrize(
    "push",
    [
        message(style=3, big_picture_id="B", small_picture_id="S", distribution_new="pns_mtpush"),
        *(message(cid=cid) for cid in ("a", "A-z_09", "x" * 64)),
        *(message() | {"to": to} for to in ("all", {"tag": ["a"]}, {"registration_id": ["r"]}, {"seg": {"id": "s"}})),
        *(changed(*ANDROID, key, to="字" * 50) for key in ("title", "alert")),
        *(content_of(kind, 4000) for kind in ("notification", "message")),
        changed("to", to={"registration_id": ["r"] * 1000}),
        message() | {"custom_args": {"a": "x" * 5000}},
        changed("to", to={"registration_id": ["r", "s"]}),
        *(changed(*OPPO, "distribution_new", to=value) for value in DISTRIBUTIONS),
        *(changed(*OPPO[:-1], "distribution_new", to=value) for value in DISTRIBUTIONS),
    ],
)
def test_read_push_accepts_valid_pushes(push):
    assert read(push) == push


@pytest.mark.parametrize(
    ("push", "code"),
    [
        (b"", 21016),
        (b"{", 21016),
        (b"[]", 21016),
        (b"\xff", 21016),
        (b"[" * 3000, 21016),
        *((content_of(kind, 4001), 21005) for kind in ("notification", "message")),
        (changed("to", to=...), 21002),
        (changed("body", to=...), 21002),
        (changed("body", "notification", to=...), 21002),
        (changed("body", to="text"), 21016),
        (changed("body", "notification", to="text"), 21016),
        (changed("body", "message", to={"msg_content": "x"}), 21306),
        (changed("to", to="everybody"), 21003),
        (changed("to", to=["all"]), 21016),
        (changed("to", to={"tag": "vip"}), 21016),
        *((changed("to", to={key: ["r"] * 1001}), 21016) for key in ("registration_id", "alias")),
        (changed("to", to={}), 21011),
        (changed("to", to={"alias": []}), 21011),
        *((changed("to", to={key: ["r"]}), 27) for key in ("registration_id", "alias")),
        (changed("body", "options", "cid", to=""), 23003),
        (changed("body", "options", "cid", to="a b"), 23003),
        (changed("body", "options", "cid", to="x" * 65), 23003),
        (changed("body", "options", "cid", to="ok\n"), 23003),
        (changed("body", "options", "cid", to=5), 23003),
        (changed(*OPPO, "big_picture_id", to=...), 21003),
        (changed(*OPPO, "big_picture_id", to=""), 21003),
        (changed(*OPPO, "big_picture_id", to="None"), 21003),
        (changed(*OPPO, "big_picture_id", to="S"), 21003),
        (changed(*OPPO, "small_picture_id", to="B"), 21003),
        (changed(*OPPO, "small_picture_id", to=["S"]), 21016),
        (changed(*OPPO, "distribution_new", to="ospush"), 27009),
        (changed(*OPPO, "distribution_new", to=["mtpush"]), 21016),
        *((changed(*level, "distribution_new", to=""), 27009) for level in (OPPO, OPPO[:-1])),
        (changed(*OPPO[:-1], "distribution_new", to="ospush"), 27009),
        (without_alert(message(distribution="ospush")), 27008),
        (changed(*ANDROID, "alert", to="x" * 51), 21003),
        (changed(*ANDROID, "title", to="x" * 51), 21003),
        (changed("body", "options", "big_push_duration", to=10), 21003),
    ],
)
def test_read_push_refuses_with_the_code(push, code):
    with pytest.raises(RefusedError) as refused:
        read(push)
    assert refused.value.code == code


def test_read_push_has_no_text_limit_without_style_3():
    push = message()
    push["body"]["notification"]["android"].update(title="t" * 51, alert="a" * 51)
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


@given(PATHS, JSON)
def test_read_push_accepts_or_refuses_any_value(path, value):
    push = changed(*path, to=value)
    try:
        accepted = read(push)
    except RefusedError:
        return
    assert accepted == json.loads(json.dumps(push))


@given(st.binary(max_size=50))
def test_read_push_refuses_any_bytes(raw):
    with pytest.raises(RefusedError):
        read(raw)
