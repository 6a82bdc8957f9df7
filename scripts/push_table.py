"""Table of when a push is sent, made from `engagelab.push_once.decide`, for docs/how-to/push.md.

usage: python -m scripts.push_table    print the table
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Final

from airflow_provider_oppo_image.engagelab.push_once import (
    SAFE_REPEAT,
    Decision,
    IntendedPush,
    Refuse,
    ReturnKnown,
    StoredPush,
    decide,
)

_NOW: Final = datetime.datetime(2026, 11, 28, 20, tzinfo=datetime.UTC)
_PUSH: Final = IntendedPush("cid", "digest", "account")
_MINUTES: Final = int(SAFE_REPEAT.total_seconds() // 60)
_AGES: Final = {
    f"up to {_MINUTES} minutes": SAFE_REPEAT,
    f"more than {_MINUTES} minutes": SAFE_REPEAT + datetime.timedelta(minutes=1),
}
_OTHER_MESSAGE: Final = IntendedPush("cid", "other", "account")
_OTHER_ACCOUNT: Final = IntendedPush("cid", "digest", "other")
_OTHER_CID: Final = IntendedPush("other", "other", "account", cid_was_given=True)


def table() -> str:
    """Return the table as Markdown."""
    head = "| Airflow | earlier try | time since then | this try |\n| --- | --- | --- | --- |\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in _rows())


def _rows() -> Iterator[tuple[str, str, str, str]]:
    yield "all", "none", "", _ending(decide(_PUSH, None, None, _NOW))
    store = "3.3 and later"
    for outcome, name in (("not_sent", "sent nothing"), ("refused", "was refused by the service")):
        yield store, name, "any", _same(_record(outcome, age) for age in _AGES.values())
    yield store, "sent the push", "any", _same(_record("sent", age) for age in _AGES.values())
    for name, age in _AGES.items():
        yield store, "unknown outcome", name, _ending(decide(_PUSH, _record("unknown", age), None, _NOW))
    for name, age in _AGES.items():
        yield (
            store,
            "no record, later try",
            f"{name} since the run was due",
            _ending(decide(_PUSH, None, _NOW - age, _NOW)),
        )
    last = list(_AGES.values())[-1]
    for push, name in (
        (_OTHER_MESSAGE, "unknown outcome or sent, now another message"),
        (_OTHER_ACCOUNT, "unknown outcome or sent, now another AppKey"),
        (_OTHER_CID, "any, now another given `cid`"),
    ):
        yield store, name, "any", _same((_record(o, last) for o in ("unknown", "sent")), push)
    for airflow, since in (("3.0 to 3.2", "since the run was due"), ("2.11", "since the first try started")):
        for name, age in _AGES.items():
            yield airflow, "any", f"{name} {since}", _ending(decide(_PUSH, None, _NOW - age, _NOW))
    longest = _NOW - last
    [again] = {_ending(decide(_PUSH, r, longest, _NOW, "send_again")) for r in (None, _record("unknown", last))}
    yield "all", 'any, with `on_unknown_outcome="send_again"`', list(_AGES)[-1], again
    yield "none, `oppo-image push`", "not known", "", _ending(decide(_PUSH, None, None, _NOW))


def _record(outcome: str, age: datetime.timedelta) -> StoredPush:
    msg_id = "1180003" if outcome == "sent" else None
    return StoredPush.from_dict(
        StoredPush("cid", "digest", "account", (_NOW - age).isoformat()).to_dict()
        | {"outcome": outcome, "msg_id": msg_id}
    )


def _same(records: Iterator[StoredPush], push: IntendedPush = _PUSH) -> str:
    """Return the ending that all records have."""
    [ending] = {_ending(decide(push, record, None, _NOW)) for record in records}
    return ending


def _ending(decision: Decision) -> str:
    if isinstance(decision, ReturnKnown):
        return "returns the message id, sends nothing"
    if isinstance(decision, Refuse):
        return "fails, sends nothing"
    if decision.repeat and decision.record.sent_since == _NOW:
        return "sends, possibly a second time"
    return "repeats with the same `cid`" if decision.repeat else "sends"


if __name__ == "__main__":
    print(table(), end="")
