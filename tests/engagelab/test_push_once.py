from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image.engagelab.push_once import (
    CLOCK_SKEW,
    SAFE_REPEAT,
    Decision,
    IntendedPush,
    OnUnknownOutcome,
    PushOutcome,
    Refuse,
    ReturnKnown,
    Send,
    StoredPush,
    account_of,
    decide,
    derive_cid,
    digest_of,
    send_once,
)
from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    DuplicatePushError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    RequestRefusedError,
)

NOW = datetime.datetime(2026, 11, 28, 20, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
SAFE_AGES = {"now": datetime.timedelta(0), "limit": SAFE_REPEAT, "skewed": -CLOCK_SKEW}
UNSAFE_AGES = {"after": SAFE_REPEAT + MINUTE, "clock behind": -CLOCK_SKEW - MINUTE}
PUSH = IntendedPush("cid", "digest", "account")


def record(outcome: PushOutcome = "unknown", age: datetime.timedelta = MINUTE, **changes: Any) -> StoredPush:
    msg_id = "42" if outcome == "sent" else None
    fields = {"cid": "cid", "digest": "digest", "account": "account", "first_sent_at": (NOW - age).isoformat()}
    return StoredPush(**{**fields, "outcome": outcome, "msg_id": msg_id, **changes})


def ending(decision: Decision) -> str:
    if isinstance(decision, Send):
        return "repeat" if decision.repeat else "send"
    return decision.reason if isinstance(decision, Refuse) else f"known {decision.msg_id}"


# For each outcome: the same push; another digest; another account. "*" is a repeat that depends on the age.
BY_OUTCOME: dict[PushOutcome, tuple[str, str, str]] = {
    "not_sent": ("send", "send", "send"),
    "refused": ("send", "send", "send"),
    "unknown": ("*", "other_message", "other_account"),
    "sent": ("known 42", "other_message", "other_account"),
}
CHANGES = ({}, {"digest": "other"}, {"account": "other"})
RECORDED = [
    (outcome, change, age, on_unknown, expected)
    for (outcome, row), (age, unsafe), on_unknown in itertools.product(
        BY_OUTCOME.items(),
        [(age, False) for age in SAFE_AGES.values()] + [(age, True) for age in UNSAFE_AGES.values()],
        ("fail", "send_again"),
    )
    for change, cell in zip(CHANGES, row, strict=True)
    for expected in [cell if cell != "*" else "unknown_outcome" if unsafe and on_unknown == "fail" else "repeat"]
]


@pytest.mark.parametrize("earlier_since", [None, NOW - datetime.timedelta(days=1)])
@pytest.mark.parametrize("cid", ["cid", "generated-otherwise"])
def test_decide_with_a_record(cid: str, earlier_since: datetime.datetime | None) -> None:
    for outcome, change, age, on_unknown, expected in RECORDED:
        push = IntendedPush(cid, **{"digest": "digest", "account": "account"} | change)
        decision = decide(push, record(outcome, age), earlier_since, NOW, on_unknown)
        assert ending(decision) == expected, (outcome, change, age, on_unknown)
        if isinstance(decision, Send):
            assert decision.record.cid == "cid"
            assert decision.record.outcome == "unknown"
            assert NOW <= decision.until <= NOW + SAFE_REPEAT + CLOCK_SKEW


@pytest.mark.parametrize("outcome", BY_OUTCOME)
@pytest.mark.parametrize("age", [*SAFE_AGES.values(), *UNSAFE_AGES.values()])
def test_decide_sends_with_another_given_cid(outcome: PushOutcome, age: datetime.timedelta) -> None:
    push = IntendedPush("other", "other", "other", cid_was_given=True)
    decision = decide(push, record(outcome, age), NOW - age, NOW)
    assert ending(decision) == "send"
    assert isinstance(decision, Send)
    assert decision.record.cid == "other"


def test_decide_keeps_the_same_given_cid() -> None:
    push = IntendedPush("cid", "digest", "account", cid_was_given=True)
    assert decide(push, record("sent"), None, NOW) == ReturnKnown("42")


@pytest.mark.parametrize("on_unknown", ["fail", "send_again"])
@pytest.mark.parametrize(
    ("age", "expected"),
    [(None, ("send", "send"))]
    + [(age, ("repeat", "repeat")) for age in SAFE_AGES.values()]
    + [(age, ("no_record", "repeat")) for age in UNSAFE_AGES.values()],
)
def test_decide_without_a_record(
    age: datetime.timedelta | None, expected: tuple[str, str], on_unknown: OnUnknownOutcome
) -> None:
    since = None if age is None else NOW - age
    decision = decide(PUSH, None, since, NOW, on_unknown)
    assert ending(decision) == expected[on_unknown == "send_again"]
    if isinstance(decision, Refuse):
        assert decision.since == since


@pytest.mark.parametrize("age", SAFE_AGES.values())
def test_decide_does_not_extend_the_time_of_a_repeat(age: datetime.timedelta) -> None:
    decision = decide(PUSH, record(age=age), None, NOW)
    assert isinstance(decision, Send)
    assert decision.until == NOW - age + SAFE_REPEAT
    assert decision.record.sent_since == NOW - age


class Store:
    """A store that keeps every record, and can fail from the n-th one."""

    def __init__(self, first: StoredPush | None = None, fails_at: int = 99) -> None:
        self.records = [first] if first else []
        self.fails_at = fails_at
        self.saved = 0

    def load(self) -> StoredPush | None:
        return self.records[-1] if self.records else None

    def save(self, record: StoredPush) -> None:
        self.saved += 1
        if self.saved >= self.fails_at:
            raise ConnectionError("the store is down")
        self.records.append(record)


def raising(error: Exception) -> Callable[[str, datetime.datetime], str]:
    def send(_cid: str, _until: datetime.datetime) -> str:
        raise error

    return send


def once(store: Any, send: Any, push: IntendedPush = PUSH, **options: Any) -> Any:
    return send_once(push, store, send, clock=lambda: NOW, **options)


def test_send_once_stores_record_then_outcome() -> None:
    store = Store()

    def send(cid: str, until: datetime.datetime) -> str:
        assert (cid, until) == ("cid", NOW + SAFE_REPEAT)
        assert [each.outcome for each in store.records] == ["unknown"]
        return "42"

    sent = once(store, send)
    assert (sent.msg_id, sent.sent_now) == ("42", True)
    assert [(each.outcome, each.msg_id) for each in store.records] == [("unknown", None), ("sent", "42")]


def test_send_once_returns_the_known_message_id() -> None:
    sent = once(Store(record("sent")), raising(AssertionError("sent again")))
    assert (sent.msg_id, sent.sent_now) == ("42", False)


def test_send_once_sends_nothing_if_storing_fails() -> None:
    with pytest.raises(NotSentError):
        once(Store(fails_at=1), raising(AssertionError("sent without a record")))


def test_send_once_succeeds_if_storing_the_outcome_fails(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(fails_at=2)
    assert once(store, lambda *_: "42").msg_id == "42"
    assert [each.outcome for each in store.records] == ["unknown"]
    assert "not stored" in caplog.text


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotSentError(""), "not_sent"),
        (RequestRefusedError("", code=21003, http_status=400), "refused"),
        (NotSentError("", earlier_attempt_ambiguous=True), "unknown"),
        (RequestRefusedError("", code=21003, http_status=400, earlier_attempt_ambiguous=True), "unknown"),
        (OutcomeUnknownError(""), "unknown"),
        (RuntimeError("a bug"), "unknown"),
    ],
)
def test_send_once_stores_the_outcome_of_a_failure(error: Exception, outcome: PushOutcome) -> None:
    store = Store()
    with pytest.raises(type(error)):
        once(store, raising(error))
    assert store.records[-1].outcome == outcome


@pytest.mark.parametrize("error", [NotSentError(""), RequestRefusedError("", code=21003, http_status=400)])
def test_send_once_keeps_unknown_after_a_later_refusal(error: OppoImageError) -> None:
    store = Store(record("unknown"))
    with pytest.raises(type(error)):
        once(store, raising(error))
    assert store.records[-1].outcome == "unknown"
    assert store.records[-1].sent_since == NOW - MINUTE


@pytest.mark.parametrize(
    ("stored", "earlier_since", "words"),
    [
        (record(age=SAFE_REPEAT + MINUTE), None, "cid cid, 2026-11-28 19:09 UTC.*answer was lost"),
        (record(digest="other"), None, "cid cid .*2026-11-28 19:59 UTC.*different"),
        (record(account="other"), None, "2026-11-28 19:59 UTC with another AppKey"),
        (None, NOW - SAFE_REPEAT - MINUTE, "not before 2026-11-28 19:09 UTC.*no record"),
    ],
)
def test_send_once_refuses_a_possible_duplicate(
    stored: StoredPush | None, earlier_since: datetime.datetime | None, words: str
) -> None:
    store = Store(stored)
    with pytest.raises(DuplicatePushError, match=words) as caught:
        once(store, raising(AssertionError("sent again")), earlier_since=earlier_since)
    assert caught.value.permanent
    assert not caught.value.may_have_taken_effect
    assert store.saved == 0


def test_send_once_without_a_store_sends() -> None:
    assert once(None, lambda *_: "42").sent_now


@pytest.mark.parametrize("outcome", BY_OUTCOME)
def test_stored_push_survives_json(outcome: PushOutcome) -> None:
    assert StoredPush.from_dict(record(outcome).to_dict()) == record(outcome)


@pytest.mark.parametrize(
    "changes",
    [
        {"cid": 5},
        {"digest": None},
        {"account": []},
        {"first_sent_at": "2026-11-28T20:00:00"},
        {"first_sent_at": "yesterday"},
        {"first_sent_at": 5},
        {"outcome": "perhaps"},
        {"outcome": ["sent"]},
        {"outcome": "sent"},
        {"outcome": "sent", "msg_id": 42},
        {"msg_id": "42"},
        {"more": "1"},
    ],
)
def test_stored_push_refuses_wrong_values(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        StoredPush.from_dict(record().to_dict() | changes)


@pytest.mark.parametrize("data", [[], None, {}, "text", 5, {"cid": "c"}, {1: 2}])
def test_stored_push_refuses_other_data(data: object) -> None:
    with pytest.raises(ConfigurationError):
        StoredPush.from_dict(data)


def test_margins_are_as_documented() -> None:
    assert (SAFE_REPEAT, CLOCK_SKEW) == (50 * MINUTE, 5 * MINUTE)


def test_derived_cid_depends_on_each_part() -> None:
    assert derive_cid("shop", "dag") == "44b988e664a567b80567c07f6b8cf78bc9c11c7d"
    assert derive_cid("shop", "dag") != derive_cid("shop", "other")


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": "字\ud800"}) == digest_of({"b": "字\ud800", "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_account_hides_the_app_key() -> None:
    accounts = {account_of(key, url) for key in ("key-1", "key-2") for url in ("https://a.test", "https://b.test")}
    assert len(accounts) == 4
    assert not any("key-1" in account for account in accounts)
