"""Message bodies and what becomes of them: taken, warned about or refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from airflow_provider_oppo_image.engagelab.push_body import compose_push
from airflow_provider_oppo_image.errors import ConfigurationError

BIG: dict[str, Any] = {"big_picture_id": "3653918_0a1b"}
SMALL: dict[str, Any] = {"small_picture_id": "3653918_0a1c"}
ALL_PHONES: dict[str, Any] = {}


def push(
    *, to: Any = "all", body: Any = None, android: Any = None, channels: Any = None, oppo: Any = None, **options: Any
) -> dict[str, Any]:
    """Return a message with these parts."""
    content = {"platform": ["android"], "notification": {"android": {"alert": "Blooming.", "title": "Spring"}}}
    content = copy.deepcopy(content) | (body or {})
    if android is not None:
        content["notification"] = {"android": {"alert": "Blooming.", **android}}
    third_party = {**(channels or {}), **({"oppo": oppo} if oppo is not None else {})}
    if third_party:
        options["third_party_channel"] = third_party
    return {"to": to, "body": {**content, "options": options}}


def languages(**texts: str) -> dict[str, Any]:
    return push(multi_language={"de": texts})


def notification_of(length: int) -> dict[str, Any]:
    """Return a message with a notification of this length in bytes."""
    rest = len(json.dumps(push(android={"extras": {"a": ""}})["body"]["notification"], separators=(",", ":")))
    return push(android={"extras": {"a": "x" * (length - rest)}})


CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # what becomes of it, description, message, picture ids
    ("taken", "text to everybody", push(), ALL_PHONES),
    ("taken", "big picture to everybody", push(), BIG),
    ("taken", "small picture to everybody", push(), SMALL),
    ("taken", "both pictures to tags", push(to={"tag": ["a", "b"]}), BIG | SMALL),
    ("taken", "big picture to a segment", push(to={"seg": {"id": "7"}}), BIG),
    ("taken", "big picture, platform all", push(body={"platform": "all"}), BIG),
    ("taken", "big picture, platforms android and ios", push(body={"platform": ["ios", "android"]}), BIG),
    ("refused", "big picture, platform ios only", push(body={"platform": ["ios"]}), BIG),
    ("refused", "big picture, platform hmos as text", push(body={"platform": "hmos"}), BIG),
    ("taken", "text, platform ios only", push(body={"platform": ["ios"]}), ALL_PHONES),
    # Distribution.
    ("taken", "distribution_new pns_mtpush", push(channels={"distribution_new": "pns_mtpush"}), BIG),
    ("warned", "distribution_new mtpush_pns", push(channels={"distribution_new": "mtpush_pns"}), BIG),
    ("refused", "distribution_new mtpush", push(channels={"distribution_new": "mtpush"}), BIG),
    ("refused", "distribution_new fcm_mtpush", push(channels={"distribution_new": "fcm_mtpush"}), BIG),
    ("refused", "distribution_new mtpush_fcm", push(channels={"distribution_new": "mtpush_fcm"}), SMALL),
    ("refused", "distribution_new unknown", push(channels={"distribution_new": "secondary_push"}), BIG),
    ("taken", "oppo.distribution_new pns_mtpush", push(oppo={"distribution_new": "pns_mtpush"}), BIG),
    ("warned", "oppo.distribution_new mtpush_pns", push(oppo={"distribution_new": "mtpush_pns"}), BIG),
    ("refused", "oppo.distribution_new mtpush", push(oppo={"distribution_new": "mtpush"}), BIG),
    ("refused", "oppo.distribution_new unknown", push(oppo={"distribution_new": "nonsense"}), BIG),
    (
        "refused",
        "distribution_new differs at both levels",
        push(channels={"distribution_new": "pns_mtpush"}, oppo={"distribution_new": "mtpush"}),
        BIG,
    ),
    ("taken", "distribution_new mtpush without pictures", push(channels={"distribution_new": "mtpush"}), ALL_PHONES),
    ("refused", "older distribution jpush", push(oppo={"distribution": "jpush"}), BIG),
    ("refused", "older distribution mtpush", push(oppo={"distribution": "mtpush"}), BIG),
    ("warned", "older distribution ospush", push(oppo={"distribution": "ospush"}), BIG),
    ("warned", "older distribution secondary_push", push(oppo={"distribution": "secondary_push"}), BIG),
    ("refused", "distribution_new empty", push(channels={"distribution_new": ""}), BIG),
    ("refused", "older distribution beside oppo", push(channels={"distribution": "jpush"}), BIG),
    # Place of the options, kinds of content.
    ("refused", "third_party_channel in body", push(body={"third_party_channel": {"oppo": {}}}), BIG),
    ("refused", "notification as text", push(body={"notification": "x"}), ALL_PHONES),
    ("refused", "oppo as a list", push(channels={"oppo": []}), ALL_PHONES),
    ("refused", "picture with a live activity only", {"to": "all", "body": {"live_activity": {"ios": {}}}}, BIG),
    ("refused", "picture with a notification for ios", push(body={"notification": {"ios": {"alert": "x"}}}), BIG),
    ("refused", "picture with an empty alert", push(android={"alert": ""}), BIG),
    ("warned", "notification and voip together", push(body={"voip": {"a": 1}}), ALL_PHONES),
    ("refused", "options beside body", {**push(), "options": {"time_to_live": 60}}, ALL_PHONES),
    ("refused", "picture without a notification", {"to": "all", "body": {"platform": ["android"]}}, BIG),
    (
        "refused",
        "picture with a custom message only",
        {"to": "all", "body": {"platform": ["android"], "message": {"msg_content": "x"}}},
        BIG,
    ),
    (
        "taken",
        "custom message only, no picture",
        {"to": "all", "body": {"platform": ["android"], "message": {"msg_content": "x"}}},
        ALL_PHONES,
    ),
    ("warned", "notification and message together", push(body={"message": {"msg_content": "x"}}), BIG),
    ("warned", "time_to_live 0", push(time_to_live=0), BIG),
    ("warned", "time_to_live 0 as text", push(time_to_live=" 0"), ALL_PHONES),
    ("taken", "time_to_live 43200", push(time_to_live=43_200), BIG),
    ("taken", "time_to_live of 15 days", push(time_to_live=15 * 86_400), BIG),
    ("warned", "time_to_live above 15 days", push(time_to_live="1296001"), ALL_PHONES),
    ("taken", "big_push_duration 1440", push(big_push_duration=1_440), ALL_PHONES),
    ("refused", "big_push_duration 1441", push(big_push_duration=1_441), ALL_PHONES),
    ("taken", "custom_args of 128 characters", {**push(), "custom_args": "x" * 128}, ALL_PHONES),
    ("warned", "custom_args of 129 characters", {**push(), "custom_args": "x" * 129}, ALL_PHONES),
    ("warned", "custom_args as a long object", {**push(), "custom_args": {"x": "y" * 128}}, ALL_PHONES),
    ("warned", "notify_level without category", push(oppo={"notify_level": 16}), ALL_PHONES),
    ("warned", "notify_level and category with a picture", push(oppo={"notify_level": 2, "category": "X"}), BIG),
    ("taken", "notify_level and category, text", push(oppo={"notify_level": 2, "category": "X"}), ALL_PHONES),
    ("refused", "big_push_duration with a big picture", push(big_push_duration=10), BIG),
    ("taken", "big_push_duration without pictures", push(big_push_duration=10), ALL_PHONES),
    # Style.
    ("taken", "style 3 as text", push(oppo={"style": "3"}), BIG),
    ("refused", "style 1 with a big picture", push(oppo={"style": 1}), BIG),
    ("refused", "style 2 with a big picture", push(oppo={"style": "2"}), BIG),
    ("refused", "style that is not a number", push(oppo={"style": "big"}), BIG),
    ("refused", "style 3 without a big picture", push(oppo={"style": 3}), SMALL),
    # Texts.
    ("taken", "alert of 50 characters", push(android={"alert": "x" * 50}), BIG),
    ("refused", "alert of 51 characters", push(android={"alert": "x" * 51}), BIG),
    ("taken", "alert of 50 emoji", push(android={"alert": "\N{CHERRY BLOSSOM}" * 50}), BIG),
    (
        "taken",
        "alert of 50 emoji of several code points",
        push(android={"alert": "\u2764\ufe0f\U0001f1e9\U0001f1ea" * 25}),
        BIG,
    ),
    ("refused", "alert of 51 families", push(android={"alert": "\U0001f468\u200d\U0001f469" * 51}), BIG),
    ("warned", "alert of 60 characters, auto_truncation", push(android={"alert": "x" * 60}, auto_truncation=True), BIG),
    ("refused", "notification.alert of 60 characters", push(body={"notification": {"alert": "x" * 60}}), BIG),
    ("refused", "alert as an object of 200 characters", push(android={"alert": {"body": "x" * 200}}), BIG),
    ("refused", "alert with a nested object", push(android={"alert": {"a": {"b": "x" * 51}}}), BIG),
    ("refused", "alert object with a number as title", push(android={"alert": {"body": "x", "title": 5}}), ALL_PHONES),
    ("refused", "alert that is 0", push(body={"notification": {"android": {"alert": 0}}}), ALL_PHONES),
    ("refused", "multi_language as texts", push(multi_language={"de": "x" * 51}), BIG),
    ("refused", "alert object with a long text", push(android={"alert": {"a": "x" * 51}}), BIG),
    ("taken", "alert object with a number", push(android={"alert": {"body": "x", "badge": 5}}), BIG),
    ("taken", "alert as an object", push(android={"alert": {"body": "x", "title": "y"}}), BIG),
    ("refused", "title of 51 characters", push(android={"title": "x" * 51}), BIG),
    ("taken", "title of 50 characters", push(android={"title": "x" * 50}), SMALL),
    ("refused", "sub title of 11 characters", push(oppo={"sub_title": "x" * 11}), BIG),
    ("taken", "sub title of 10 characters", push(oppo={"sub_title": "x" * 10}), BIG),
    ("refused", "multi_language content of 51 characters", languages(content="x" * 51), BIG),
    ("refused", "multi_language title of 51 characters", languages(title="x" * 51), BIG),
    ("taken", "multi_language of 50 characters", languages(content="x" * 50, title="y" * 50), BIG),
    ("taken", "style 1, 200 characters", push(android={"alert": "x" * 200}, oppo={"style": 1}), ALL_PHONES),
    ("refused", "style 1, 201 characters", push(android={"alert": "x" * 201}, oppo={"style": 1}), ALL_PHONES),
    ("refused", "style 2, 129 characters", push(android={"alert": "x" * 129}, oppo={"style": 2}), ALL_PHONES),
    ("taken", "style 2, 128 characters", push(android={"alert": "x" * 128}, oppo={"style": 2}), ALL_PHONES),
    ("refused", "small picture, 201 characters", push(android={"alert": "x" * 201}), SMALL),
    ("warned", "no OPPO options, 201 characters", push(android={"alert": "x" * 201}), ALL_PHONES),
    ("refused", "title that is a number", push(android={"title": 5}), ALL_PHONES),
    ("refused", "alert that is a list", push(android={"alert": ["x"]}), ALL_PHONES),
    # Recipients and size.
    ("refused", "picture to one registration id", push(to={"registration_id": ["1"]}), BIG),
    ("refused", "picture to one alias, as text", push(to={"alias": "a"}), BIG),
    ("refused", "picture to the same id twice", push(to={"registration_id": ["1", "1"]}), BIG),
    ("refused", "picture to one id with two aliases", push(to={"registration_id": "1", "alias": ["a", "b"]}), BIG),
    ("refused", "to that is a list", push(to=["a"]), ALL_PHONES),
    ("warned", "picture to 300 registration ids", push(to={"registration_id": [str(n) for n in range(300)]}), BIG),
    ("warned", "picture to two aliases", push(to={"alias": ["a", "b"]}), BIG),
    (
        "taken",
        "text to 1000 registration ids",
        push(to={"registration_id": [str(n) for n in range(1_000)]}),
        ALL_PHONES,
    ),
    ("refused", "text to 1001 aliases", push(to={"alias": [str(n) for n in range(1_001)]}), ALL_PHONES),
    ("taken", "notification of 4000 bytes", notification_of(4_000), ALL_PHONES),
    ("refused", "notification of 4001 bytes", notification_of(4_001), ALL_PHONES),
    ("taken", "many tags, body above 4000 bytes", push(to={"tag": [f"{n:0100}" for n in range(50)]}), BIG),
    # Required parts and identifiers.
    ("refused", "no to", {"body": push()["body"]}, ALL_PHONES),
    ("refused", "no body", {"to": "all"}, ALL_PHONES),
    ("refused", "cid with a space", push(cid="a b"), ALL_PHONES),
    ("refused", "cid of 65 characters", push(cid="x" * 65), ALL_PHONES),
    ("refused", "cid that is a list", push(cid=["x"]), ALL_PHONES),
    ("taken", "cid that is a number", push(cid=20261128), ALL_PHONES),
    ("refused", "picture id that is a number", push(oppo={"big_picture_id": 5}), ALL_PHONES),
    ("refused", "NaN", push(time_to_live=float("nan")), ALL_PHONES),
    ("refused", "lone surrogate", push(android={"alert": "\ud800"}), ALL_PHONES),
]


@pytest.mark.parametrize(
    ("expected", "message", "ids"), [(case[0], *case[2:]) for case in CASES], ids=[c[1] for c in CASES]
)
def test_push_is_taken_warned_about_or_refused(expected: str, message: dict[str, Any], ids: dict[str, Any]) -> None:
    before = copy.deepcopy(message)
    try:
        found = "warned" if compose_push(message, **ids).warnings else "taken"
    except ConfigurationError:
        found = "refused"
    assert found == expected
    assert repr(message) == repr(before)
