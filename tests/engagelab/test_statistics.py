from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.engagelab.statistics import (
    DeliveryCounts,
    Observation,
    PushStatistics,
    ends_observation,
    oppo_share,
    read_statistics,
)
from airflow_provider_oppo_image.errors import ConfigurationError, NotSentError, OppoImageError, RequestRefusedError
from tests.engagelab.test_client import client_for
from tests.support.fault_server import FaultServer, answer


def documented(msg_id: str, *, plural: bool = True, oppo_sent: int = 400) -> dict[str, Any]:
    """Return an answer in the documented shape, with every channel and one kind filled."""
    targets, clicks = ("targets", "clicks") if plural else ("target", "click")

    def numbers(sent: int) -> dict[str, int]:
        return {"targets": sent, "sent": sent, "delivered": 0, "impressions": 0, "clicks": 0}

    channels = ("engageLab_android", "xiaomi", "huawei", "honor", "meizu", "vivo", "fcm")
    android = {**{name: numbers(0) for name in channels}, "engageLab_android": numbers(100), "oppo": numbers(oppo_sent)}
    kind = {
        targets: 900,
        "sent": 860,
        "delivered": 300,
        "impressions": 210,
        clicks: 12,
        "sub_android": android,
        "sub_ios": {"engageLab_ios": numbers(0), "apns": numbers(360)},
        "sub_hmos": {"engageLab_hmos": {}, "harmonyos": {}},
    }
    totals = {"targets": 900, "sent": 860, "delivered": 300, "impressions": 210, "clicks": 12}
    sub = {"notification": kind, "message": {}, "live_activity": {}, "voip": {}, "inapp_message": {}}
    return {msg_id: {**totals, "plan_id": "", "pushContent": {}, "sub": sub}}


def read_one(value: Any) -> PushStatistics:
    return read_statistics(["1"], {"1": value})["1"]


@pytest.mark.parametrize("plural", [True, False])
def test_both_spellings_are_read(plural: bool) -> None:
    value = documented("1", plural=plural)["1"]
    for statistics in (read_one(value), read_one({"sub": value["sub"]})):
        assert (statistics.targets, statistics.sent, statistics.clicks) == (900, 860, 12)
    assert read_one({"target": 3, "click": 0}) == PushStatistics(targets=3, clicks=0)


def test_oppo_zeros_are_unknown_only_where_something_was_sent() -> None:
    sent = read_one(documented("1")["1"])
    assert sent.oppo == DeliveryCounts(targets=400, sent=400)
    assert sent.channels["engageLab_android"].delivered == 0
    assert read_one(documented("1", oppo_sent=0)["1"]).oppo == DeliveryCounts(0, 0, 0, 0, 0)
    assert oppo_share([sent]) == 0.8


@pytest.mark.parametrize(
    ("value", "oppo_sent"),
    [
        ({}, None),
        ({"sub": {}}, None),
        ({"sent": 5, "sub": None}, None),
        ({"sent": 0}, 0),
        ({"sent": 5, "sub": {"notification": {"sent": 5, "sub_android": {}}}}, 0),
        ({"sub": {"notification": {"sub_android": {"oppo": {}}}, "message": {}}}, None),
        ({"sub": {kind: {"sub_android": {"oppo": {"sent": 2}}} for kind in ("notification", "message")}}, 4),
        ({"sent": "5", "sub": {"notification": {"sub_android": {"oppo": {"sent": "2", "clicks": ""}}}}}, 2),
    ],
)
def test_absent_parts_and_empty_objects(value: Any, oppo_sent: int | None) -> None:
    statistics = read_one(value)
    assert statistics.oppo.sent == oppo_sent
    assert PushStatistics.from_dict(json.loads(json.dumps(statistics.to_dict()))) == statistics


def test_statistics_of_requested_ids_only() -> None:
    assert list(read_statistics(["2", "3", "4"], {"1": {}, "2": {}, "3": None})) == ["2"]
    assert oppo_share([]) is oppo_share([PushStatistics(sent=0)]) is None


@pytest.mark.parametrize("value", ["-1", "1.5", "一", "²", "1" * 16, True, "many", [1], {"a": 1}])
def test_other_values_are_not_numbers_of_phones(value: Any) -> None:
    with pytest.raises(ValueError, match=r"1\.sent is not a number of phones"):
        read_one({"sent": value})
    assert read_one({"sent": "9" * 15}).sent == 10**15 - 1


def test_oppo_share_counts_channels_without_oppo() -> None:
    other = PushStatistics(channels={"fcm": DeliveryCounts(sent=3)}, by_channel=True)
    assert oppo_share([other, PushStatistics(channels={"oppo": DeliveryCounts(sent=1)})]) == 0.25


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (ConfigurationError("no connection", permanent=False), True),
        (RequestRefusedError("refused", code=21003, http_status=400), True),
        (NotSentError("not sent"), False),
    ],
)
def test_permanent_and_configuration_errors_end_an_observation(error: OppoImageError, ends: bool) -> None:
    assert ends_observation(error) is ends


KEYS = st.sampled_from(["sub", "sent", "click", "sub_android", "oppo"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.recursive(SCALARS, lambda inner: st.dictionaries(KEYS, inner)))
def test_any_value_is_read_or_refused(value: Any) -> None:
    try:
        statistics = read_statistics(["1"], {"1": value})
    except ValueError:
        return
    assert all(push.sent is None or push.sent >= 0 for push in statistics.values())


def test_100_ids_of_the_documented_shape_are_read() -> None:
    ids = [str(1_180_000 + number) for number in range(100)]
    content = {key: value for msg_id in ids for key, value in documented(msg_id).items()}
    assert 120_000 < len(json.dumps(content)) < 200_000
    with FaultServer(answer(200, content)) as server, client_for(server) as client:
        statistics = client.push_status(ids)
    assert list(statistics) == ids
    assert {push.oppo.sent for push in statistics.values()} == {400}


def observe(*answers: dict[str, int]) -> bool:
    seen = Observation()
    for sent in answers:
        seen = seen.add(["1", "2"], {msg_id: PushStatistics(sent=count) for msg_id, count in sent.items()})
    return seen.settled


@pytest.mark.parametrize(
    ("answers", "settled"),
    [
        ([{"1": 5, "2": 0}] * 3, True),
        ([{"1": 5, "2": 0}] * 2, False),
        ([{"1": 1, "2": 0}] * 4, True),
        ([{"1": 6, "2": 0}, {"1": 5, "2": 0}, {"1": 4, "2": 0}, {"1": 4, "2": 0}], False),
        ([{"1": 5, "2": 0}, {"1": 0, "2": 5}, {"1": 3, "2": 2}], True),
        ([{"1": 5, "2": 0}, {"1": 5, "2": 0}, {"1": 6, "2": 0}, {"1": 6, "2": 0}], False),
        ([{"1": 0, "2": 0}] * 9, False),
        ([{"1": 5}] * 9, False),
        ([{"1": 5, "2": 1}, {"1": 5}, {"1": 5, "2": 1}, {"1": 5, "2": 1}], False),
    ],
)
def test_three_equal_sums_settle(answers: list[dict[str, int]], settled: bool) -> None:
    assert observe(*answers) is settled
