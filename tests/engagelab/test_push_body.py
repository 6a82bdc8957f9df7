from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import ERROR_CODES
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
    own = {"big_picture_id": "mine", "style": 1, "channel_id": "c"}
    given = message(own, cid="my-cid")
    push = compose_push(given, big_picture_id="b", small_picture_id="s", cid="c")
    assert push.body == message({**own, "small_picture_id": "s"}, cid="my-cid")
    assert push.with_cid("other") is push
    assert given == message(own, cid="my-cid")


@pytest.mark.parametrize("style", [None, "", "None"])
def test_compose_sets_style_for_id_in_message(style: Any) -> None:
    assert oppo(message({"big_picture_id": "mine", "style": style}))["style"] == 3
    assert oppo(message({"big_picture_id": "mine"}))["style"] == 3


@pytest.mark.parametrize("nothing", [None, "", "None"])
def test_blank_cid_is_replaced(nothing: Any) -> None:
    bare = message(cid=nothing)
    assert compose(bare, cid="c") == PushBody(bare).with_cid("c").body == message(cid="c")
    assert PushBody(bare).cid == PushBody({}).cid == ""
    assert PushBody({}).with_cid("c").cid == "c"


def test_compose_creates_missing_options() -> None:
    body = compose({"to": "all", "body": {"platform": "all"}}, small_picture_id="s", cid="c")
    assert body["body"]["options"] == {"third_party_channel": {"oppo": {"small_picture_id": "s"}}, "cid": "c"}


@pytest.mark.parametrize(
    ("notification", "displayed"),
    [
        ({"android": {"alert": "a", "title": "t"}, "alert": "b"}, ("t", "a")),
        ({"alert": "b"}, ("", "b")),
        ({"android": {"alert": ["a"], "title": 5}}, ("", "")),
        (None, ("", "")),
    ],
)
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
def test_any_message_is_composed_or_refused_and_never_changed(given: Any, big: Any, small: Any, cid: Any) -> None:
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
def test_a_message_that_is_no_object_is_refused(given: Any) -> None:
    assert "it must be an object" in problem(given)


@pytest.mark.parametrize("missing", ["to", "body"])
def test_a_message_without_its_main_parts_is_refused(missing: str) -> None:
    whole = message()
    del whole[missing]
    assert f"no `{missing}`" in problem(whole)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"to": "all", "body": "x"}, "body"),
        ({"to": "all", "body": {"options": []}}, "body.options"),
        ({"to": "all", "body": {"options": {"third_party_channel": "oppo"}}}, "body.options.third_party_channel"),
        (message("style 3"), "body.options.third_party_channel.oppo"),
    ],
)
def test_what_should_be_an_object_on_the_way_is_named(given: Any, path: str) -> None:
    assert f"The message's {path} is of type" in problem(given, big_picture_id="b")


@pytest.mark.parametrize("cid", ["a b", "x" * 65, "é", 5])
def test_a_cid_that_the_service_would_not_take_is_refused(cid: Any) -> None:
    assert "`cid` must be" in problem(message(cid=cid))


@pytest.mark.parametrize("cid", ["a b", "x" * 65])
def test_a_given_cid_that_the_service_would_not_take_is_refused(cid: str) -> None:
    assert "`cid` must be" in problem(message(), cid=cid)


def test_a_push_may_be_4000_bytes_long() -> None:
    def long(characters: int) -> dict[str, Any]:
        return {"to": "all", "body": {"a": "é" * characters}}

    fits = (4_000 - len(to_json(long(0)))) // 2
    assert len(to_json(long(fits))) in (3_999, 4_000)
    compose_push(long(fits))
    assert "the service takes 4,000" in problem(long(fits + 1))
    exactly = {"to": "all", "body": {"a": "x" * (4_000 - len(to_json({"to": "all", "body": {"a": ""}})))}}
    assert len(to_json(compose(exactly))) == 4_000


@pytest.mark.parametrize("value", [float("nan"), {1}, "\ud800"])
def test_what_json_does_not_know_is_refused(value: Any) -> None:
    assert "cannot be written as JSON" in problem({"to": "all", "body": {"a": value}})


@pytest.mark.parametrize("value", [5, ["b"], {"id": "b"}, True])
def test_an_id_that_is_no_text_is_refused(value: Any) -> None:
    assert "an id is the text that an upload returned" in problem(message({"small_picture_id": value}))
    assert "an id is the text that an upload returned" in problem(message(), big_picture_id=value)


@pytest.mark.parametrize("target", ["registration_id", "alias"])
def test_pictures_to_single_devices_are_refused(target: str) -> None:
    to = {target: ["x"]}
    assert f"`to.{target}`" in problem(message(to=to), small_picture_id="s")
    compose_push(message(to=to))
    compose_push(message(to={"tag": ["x"], target: []}), small_picture_id="s")


@pytest.mark.parametrize("distribution", ["pns_mtpush", "mtpush_pns", None])
def test_pictures_go_only_by_oppos_channel(distribution: Any) -> None:
    compose_push(message({"distribution_new": distribution}), small_picture_id="s")
    compose_push(message({"distribution_new": "mtpush"}))
    assert "never takes OPPO's channel" in problem(message({"distribution_new": "mtpush"}), small_picture_id="s")
    advised = re.findall(r"\w*mtpush\w*", ERROR_CODES[27009].advice)
    assert advised == ["pns_mtpush", "mtpush_pns"], "what is refused is no advice"


@pytest.mark.parametrize("platform", ["all", "android", ["android"], ["ios", "android"], None])
def test_pictures_go_to_android(platform: Any) -> None:
    compose_push(message(platform=platform), small_picture_id="s")


def test_a_message_that_was_read_from_json_is_judged_as_one_that_stands_in_code() -> None:
    compose_push(json.loads(json.dumps(message())), small_picture_id="s")
    read = json.loads(json.dumps(message({"distribution_new": "mtpush"})))
    assert "never takes OPPO's channel" in problem(read, small_picture_id="s")


@pytest.mark.parametrize("platform", ["ios", ["ios"], ["hmos", "ios"]])
def test_pictures_to_other_platforms_alone_are_refused(platform: Any) -> None:
    assert "leaves out android" in problem(message(platform=platform), small_picture_id="s")
    compose_push(message(platform=platform))


@pytest.mark.parametrize("style", [3, "3"])
def test_the_big_style_needs_a_big_picture(style: Any) -> None:
    assert "style 3 and no big picture" in problem(message({"style": style}))
    assert "style 3 and no big picture" in problem(message({"style": style}), small_picture_id="s")
    compose_push(message({"style": style}), big_picture_id="b")


def test_a_big_picture_is_not_sent_at_a_fixed_speed() -> None:
    assert "`big_push_duration`" in problem(message(big_push_duration=10), big_picture_id="b")
    compose_push(message(big_push_duration=0), big_picture_id="b")
    compose_push(message(big_push_duration=10), small_picture_id="s")


@pytest.mark.parametrize("key", ["alert", "title"])
def test_with_a_big_picture_texts_have_up_to_50_characters(key: str) -> None:
    compose_push(message(android={key: "字" * 50}), big_picture_id="b")
    assert f"Its {key} has 51 characters" in problem(message(android={key: "字" * 51}), big_picture_id="b")
    compose_push(message(android={key: "字" * 51}), small_picture_id="s")


def test_all_that_is_wrong_is_named_at_once() -> None:
    words = problem({"to": {"alias": ["x"]}}, big_picture_id="b", cid="!")
    for part in ("`cid`", "to.alias"):
        assert part in words
    words = problem(message(platform=["ios"], to="", android={"alert": "x" * 51}), big_picture_id="b")
    for part in ("no `to`", "android", "51 characters"):
        assert part in words
