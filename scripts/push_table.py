"""Table of when a push is sent, made from `engagelab.push_once.decide`, for docs/how-to/push.md.

usage: python -m scripts.push_table    print the table
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, Final

from airflow_provider_oppo_image.engagelab.push_once import (
    SAFE_REPEAT,
    Decision,
    IntendedPush,
    Refuse,
    ReturnKnown,
    StoredPush,
    decide,
)
from scripts import markdown

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
    return "\n".join(markdown.table(("Airflow", "earlier try", "time since then", "this try"), _rows())) + "\n"


def _rows() -> Iterator[tuple[str, str, str, str]]:
    store, last = "3.3 and later", list(_AGES.values())[-1]
    known = ("sent nothing", "not_sent"), ("was refused by the service", "refused"), ("sent the push", "sent")
    yield "all", "none", "", _ending(None)
    for name, outcome in known:
        yield store, name, "any", _ending(*(_record(outcome, age) for age in _AGES.values()))
    for name, age in _AGES.items():
        yield store, "unknown outcome", name, _ending(_record("unknown", age))
    for name, age in _AGES.items():
        yield store, "no record, later try", f"{name} since the run was due", _ending(None, since=_NOW - age)
    for push, name in (
        (_OTHER_MESSAGE, "unknown outcome or sent, now another message"),
        (_OTHER_ACCOUNT, "unknown outcome or sent, now another AppKey"),
        (_OTHER_CID, "any, now another given `cid`"),
    ):
        yield store, name, "any", _ending(_record("unknown", last), _record("sent", last), push=push)
    for airflow, since in (("3.0 to 3.2", "since the run was due"), ("2.11", "since the first try started")):
        for name, age in _AGES.items():
            yield airflow, "any", f"{name} {since}", _ending(None, since=_NOW - age)
    again = _ending(None, _record("unknown", last), since=_NOW - last, on_unknown_outcome="send_again")
    yield "all", 'any, with `on_unknown_outcome="send_again"`', list(_AGES)[-1], again
    yield "none, `oppo-image push`", "not known", "", _ending(None)


def _record(outcome: str, age: datetime.timedelta) -> StoredPush:
    stored = StoredPush("cid", "digest", "account", (_NOW - age).isoformat()).to_dict()
    return StoredPush.from_dict(stored | {"outcome": outcome, "msg_id": "1180003" if outcome == "sent" else None})


def _ending(
    *records: StoredPush | None, push: IntendedPush = _PUSH, since: datetime.datetime | None = None, **more: Any
) -> str:
    """Return how a try ends with any of the records."""
    [ending] = {_describe(decide(push, record, since, _NOW, **more)) for record in records}
    return ending


def _describe(decision: Decision) -> str:
    if isinstance(decision, ReturnKnown):
        return "returns the message id, sends nothing"
    if isinstance(decision, Refuse):
        return "fails, sends nothing"
    if decision.repeat and decision.record.sent_since == _NOW:
        return "sends, possibly a second time"
    return "repeats with the same `cid`" if decision.repeat else "sends"


if __name__ == "__main__":
    print(table(), end="")
