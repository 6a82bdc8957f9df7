from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.engagelab.messages import to_json
from airflow_provider_oppo_image.engagelab.push_body import PushBody, compose_push
from airflow_provider_oppo_image.errors import ConfigurationError


def message(
    oppo: Any = None, *, to: Any = "all", android: Any = None, platform: Any = "all", **options: Any
) -> dict[str, Any]:
    """Return a push with these parts."""
    if oppo is not None:
        options["third_party_channel"] = {"oppo": oppo}
    notification = {"android": {"alert": "Spring sale", "title": "Shop"} if android is None else android}
    return {"to": to, "body": {"platform": platform, "notification": notification, "options": options}}


def compose(given: Any, **arguments: Any) -> Any:
    """Return the body of a push."""
    return compose_push(given, **arguments).body


def oppo(given: Any, **arguments: Any) -> Any:
    """Return OPPO's options in a push."""
    return compose(given, **arguments)["body"]["options"]["third_party_channel"]["oppo"]


def problem(given: Any, **ids: Any) -> str:
    """Return why a push is refused."""
    with pytest.raises(ConfigurationError) as caught:
        compose_push(given, **ids)
    assert caught.value.permanent
    return str(caught.value)


def test_compose_puts_ids_into_oppo_options() -> None:
    push = compose_push(message(), big_picture_id="b", small_picture_id="s", cid="c")
    assert push.body == message({"style": 3, "big_picture_id": "b", "small_picture_id": "s"}, cid="c")
    assert (push.picture_ids, push.cid, push.title, push.text) == (
        {"big": "b", "small": "s"},
        "c",
        "Shop",
        "Spring sale",
    )


def test_compose_sets_no_style_for_small_picture() -> None:
    assert oppo(message(), small_picture_id="s") == {"small_picture_id": "s"}


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "null"])
def test_compose_removes_blank_ids(nothing: Any) -> None:
    assert compose(message(), big_picture_id=nothing, small_picture_id=nothing) == message()
    written = {"big_picture_id": nothing, "small_picture_id": "s"}
    assert oppo(message(written)) == {"small_picture_id": "s"}
    assert oppo(message(written), big_picture_id="b")["big_picture_id"] == "b"


def test_compose_prefers_values_of_message() -> None:
    own = {"big_picture_id": "mine", "style": "3", "channel_id": "c"}
    given = message(own, cid="my-cid")
    push = compose_push(given, big_picture_id="b", small_picture_id="s", cid="c")
    assert push.body == message({**own, "small_picture_id": "s"}, cid="my-cid")
    assert push.with_cid("other").cid == "other"
    assert push.with_cid("other").digest == push.digest
    assert given == message(own, cid="my-cid")


@pytest.mark.parametrize("style", [None, "", "None"])
def test_compose_sets_style_for_id_in_message(style: Any) -> None:
    assert oppo(message({"big_picture_id": "mine", "style": style}))["style"] == 3
    assert oppo(message({"big_picture_id": "mine"}))["style"] == 3


@pytest.mark.parametrize("nothing", [None, "", "None"])
def test_blank_cid_is_replaced(nothing: Any) -> None:
    bare = message(cid=nothing)
    assert compose(bare, cid="c") == message(cid="c")
    sent = PushBody(bare).with_cid("c").body
    assert sent == message(cid="c") | {"request_id": sent["request_id"]}
    assert PushBody(bare).cid == PushBody({}).cid == ""
    assert PushBody({}).with_cid("c").cid == "c"


def test_compose_creates_missing_options() -> None:
    bare = {"to": "all", "body": {"platform": "all", "notification": {"alert": "a"}}}
    body = compose(bare, small_picture_id="s", cid="c")
    assert body["body"]["options"] == {"third_party_channel": {"oppo": {"small_picture_id": "s"}}, "cid": "c"}


@pytest.mark.parametrize(
    ("notification", "displayed"),
    [({"android": {"alert": "a", "title": "t"}, "alert": "b"}, ("t", "a")), ({"alert": "b"}, ("", "b")),
     ({"android": {"alert": ["a"], "title": 5}}, ("", "")), (None, ("", ""))],
)  # fmt: skip
def test_title_and_text_are_those_of_android(notification: Any, displayed: tuple[str, str]) -> None:
    push = PushBody({"body": {"notification": notification}})
    assert (push.title, push.text) == displayed


def test_without_pictures_compose_can_fail_or_drop_style() -> None:
    with pytest.raises(ConfigurationError, match="no picture"):
        compose(message({"big_picture_id": "None"}), on_missing_picture="fail")
    assert compose(message({"style": "3", "a": 1}), on_missing_picture="text") == message({"a": 1})
    assert compose(message({"style": 1}), on_missing_picture="text") == message({"style": 1})
    for policy in ("fail", "text"):
        assert oppo(message({"style": 3}), big_picture_id="b", on_missing_picture=policy)["style"] == 3
        assert oppo(message({"small_picture_id": "s"}), on_missing_picture=policy) == {"small_picture_id": "s"}


scalars = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.sampled_from(["None", "3", 3, "all"])
)
keys = st.sampled_from(
    ["to", "body", "options", "third_party_channel", "oppo", "style", "cid", "platform", "big_picture_id",
     "notification", "android", "alert", "registration_id", "distribution_new"]
)  # fmt: skip
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5))


def nested(*path: str) -> st.SearchStrategy[Any]:
    """Return messages that are objects down a path, whatever else is in them."""
    if not path:
        return st.dictionaries(keys, anything, max_size=5)
    return st.builds(lambda rest, inner: {**rest, path[0]: inner}, nested(), nested(*path[1:]))


@given(
    anything | nested("body", "options", "third_party_channel", "oppo"),
    st.none() | st.text(max_size=3),
    st.none() | st.text(max_size=3),
    st.none() | st.text(max_size=3),
)
def test_compose_accepts_or_refuses_any_message(given: Any, big: Any, small: Any, cid: Any) -> None:
    before = copy.deepcopy(given)
    try:
        body = compose(given, big_picture_id=big, small_picture_id=small, cid=cid)
    except ConfigurationError:
        body = None
    assert given == before
    if body is not None:
        assert len(to_json(body)) <= 4_000
        assert compose(body, big_picture_id=big, small_picture_id=small, cid=cid) == body
        if cid is not None:
            assert PushBody(body).cid


@pytest.mark.parametrize("given", [None, "{}", [], 5, "{{ message }}"])
def test_push_must_be_object(given: Any) -> None:
    assert "it must be an object" in problem(given)


@pytest.mark.parametrize("missing", ["to", "body"])
def test_push_must_have_to_and_body(missing: str) -> None:
    given = message()
    del given[missing]
    assert f"has no `{missing}`" in problem(given)


@pytest.mark.parametrize(
    ("given", "path"),
    [({"to": "all", "body": "x"}, "body"), ({"to": "all", "body": {"options": []}}, "body.options"),
     ({"to": "all", "body": {"options": {"third_party_channel": "oppo"}}}, "body.options.third_party_channel"),
     (message("style 3"), "body.options.third_party_channel.oppo")],
)  # fmt: skip
def test_path_to_oppo_options_must_be_objects(given: Any, path: str) -> None:
    assert f"The message's {path} is of type" in problem(given, big_picture_id="b")


@pytest.mark.parametrize("cid", [17, "17"])
def test_cid_that_is_a_number_becomes_text(cid: Any) -> None:
    assert compose_push(message(cid=cid)).cid == compose_push(message(), cid=cid).cid == "17"


def test_distribution_is_moved_to_its_documented_place() -> None:
    channels = compose(message({"distribution_new": "pns_mtpush"}), big_picture_id="b")["body"]["options"]
    assert channels["third_party_channel"] == {
        "distribution_new": "pns_mtpush",
        "oppo": {"style": 3, "big_picture_id": "b"},
    }


def test_compose_names_all_problems_at_once() -> None:
    found = problem(message({"distribution_new": "mtpush"}, to={"alias": ["x"]}), big_picture_id="b", cid="!")
    for part in ("`cid`", "one device", "mtpush"):
        assert part in found


def test_compose_returns_warnings() -> None:
    assert compose_push(message(time_to_live=0)).warnings
