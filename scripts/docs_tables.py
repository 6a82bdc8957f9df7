"""Generated parts of the documentation.

These are the table of the service's codes in docs/errors.md, each code's page up to its first section on causes, and
the table of when a push is sent in docs/how-to/push.md.

usage: python -m scripts.docs_tables    renew them
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from airflow_provider_oppo_image.contract import DAILY_LIMIT_CODES, ERROR_CODES, ErrorCode
from airflow_provider_oppo_image.engagelab.push_once import (
    SAFE_REPEAT,
    IntendedPush,
    OnUnknownOutcome,
    Refuse,
    ReturnKnown,
    StoredPush,
    decide,
)
from airflow_provider_oppo_image.engagelab.responses import Response, read_object
from airflow_provider_oppo_image.errors import ServiceError, docs_url, page_of_type
from scripts import markdown
from scripts.checkout import ROOT

_CODES: Final = ROOT / "docs/errors.md"
_PUSH_GUIDE: Final = ROOT / "docs/how-to/push.md"
_CAUSES: Final = "## Why it comes\n"

_RETRIES: Final = {"never": "no", "once": "once", "later": "yes"}
_LATER: Final = {"never": "none, since the same request will fail again", "later": "yes, after the client's own",
                 "once": "none, after the client's one repeat failed too"}  # fmt: skip
_OF_PUSHES: Final = (33, 54, 59, 67)

_NOW: Final = datetime.datetime(2026, 11, 28, 20, tzinfo=datetime.UTC)
_PUSH: Final = IntendedPush("cid", "digest", "account")
_MINUTES: Final = int(SAFE_REPEAT.total_seconds() // 60)
_OLD: Final = SAFE_REPEAT + datetime.timedelta(minutes=1)
_AGES: Final = {f"up to {_MINUTES} minutes": SAFE_REPEAT, f"more than {_MINUTES} minutes": _OLD}


def renewed() -> Mapping[Path, str]:
    """Return the pages with generated parts, with these parts renewed."""
    codes = [
        "code",
        "HTTP",
        "error",
        "tried again",
        "scope",
        "meaning",
        "what to do",
        "source",
        "certainty",
        "confirmed",
    ]
    pushes = ["Airflow", "earlier try", "time since then", "this try"]
    pages = {
        _CODES: markdown.replace_table(_CODES.read_text(), markdown.table(codes, map(_cells, ERROR_CODES.values()))),
        _PUSH_GUIDE: markdown.replace_table(_PUSH_GUIDE.read_text(), markdown.table(pushes, _push_rows())),
    }
    for row in ERROR_CODES.values():
        path = ROOT / "docs/errors" / _page(row)
        pages[path] = _page_head(row) + _CAUSES + path.read_text().partition(_CAUSES)[2]
    return pages


def _cells(row: ErrorCode) -> list[str]:
    meaning = row.meaning + (row.upload_meaning and f"; for an upload: {row.upload_meaning}")
    advice = row.advice + (row.upload_advice and f" For an upload: {row.upload_advice}")
    link, error = f"[{row.code}](errors/{_page(row)})", f"`{type(_example(row)).__name__}`"
    sources = [row.source, row.certainty, row.confirmed]
    return [link, _statuses(row), error, _RETRIES[row.retry], row.scope, meaning, advice, *sources]


def _page(row: ErrorCode) -> str:
    return docs_url(row.code).rpartition("/")[2].removesuffix(".html") + ".md"


def _page_head(row: ErrorCode) -> str:
    """Return a code's page up to its causes."""
    error = _example(row)
    meaning = row.upload_meaning or row.meaning if _is_of_upload(row) else row.meaning
    kind = type(error)
    return (
        f"# Code {row.code}\n\n{meaning[0].upper()}{meaning[1:]}.\n\n"
        f"- HTTP status: {_statuses(row)}\n"
        f"- Error: [`{kind.__name__}`]({page_of_type(kind)}.md)\n"
        f"- Scope: {_scope(row, error)}\n"
        f"- Airflow's retries: {'yes, but only one hours later helps' if row.retry_after else _LATER[row.retry]}\n"
        f"- Source: {row.source}; certainty {row.certainty}; last read on {row.confirmed}\n\n"
        f"## What it looks like\n\n```text\n{error}\n```\n\n"
    )


def _example(row: ErrorCode) -> ServiceError:
    """Return what the client makes of a code, without a message of the service."""
    upload = _is_of_upload(row)
    action = "Uploading https://cdn.example.com/spring/big.jpg as the big picture" if upload else "Pushing"
    try:
        read_object(action, Response(row.status, b'{"error": {"code": %d}}' % row.code), upload=upload)
    except ServiceError as error:
        return error
    raise AssertionError(row)


def _is_of_upload(row: ErrorCode) -> bool:
    return row.source.startswith(("page", "OPPO")) and row.code not in _OF_PUSHES


def _statuses(row: ErrorCode) -> str:
    return ", ".join(map(str, row.http_statuses)) or "not documented"


def _scope(row: ErrorCode, error: ServiceError) -> str:
    if row.scope != "account":
        return f"this {row.scope}"
    if error.ends_batch or row.retry == "once":
        when = "" if row.code in DAILY_LIMIT_CODES or row.permanent else ", after one more try"
        return f"the account: every other request fails as well, and a batch ends{when}"
    return "the account, for a short time: a batch becomes slower, and goes on"


def _push_rows() -> Iterator[tuple[str, str, str, str]]:
    store = "3.3 and later"
    yield "all", "none", "", _ending()
    for outcome, name in {
        "not_sent": "sent nothing",
        "refused": "was refused by the service",
        "sent": "sent the push",
    }.items():
        yield store, name, "any", _ending(*(_record(outcome, age) for age in _AGES.values()))
    for name, age in _AGES.items():
        yield store, "unknown outcome", name, _ending(_record("unknown", age))
    for name, age in _AGES.items():
        yield store, "no record, later try", f"{name} since the run was due", _ending(since=_NOW - age)
    for name, push in {
        "unknown outcome or sent, now another message": IntendedPush("cid", "other", "account"),
        "unknown outcome or sent, now another AppKey": IntendedPush("cid", "digest", "other"),
        "any, now another given `cid`": IntendedPush("other", "other", "account", cid_was_given=True),
    }.items():
        yield store, name, "any", _ending(_record("unknown", _OLD), _record("sent", _OLD), push=push)
    for airflow, since in {"3.0 to 3.2": "since the run was due", "2.11": "since the first try started"}.items():
        for name, age in _AGES.items():
            yield airflow, "any", f"{name} {since}", _ending(since=_NOW - age)
    again = _ending(None, _record("unknown", _OLD), since=_NOW - _OLD, on_unknown_outcome="send_again")
    yield "all", 'any, with `on_unknown_outcome="send_again"`', list(_AGES)[-1], again
    yield "none, `oppo-image push`", "not known", "", _ending()


def _record(outcome: str, age: datetime.timedelta) -> StoredPush:
    stored = StoredPush("cid", "digest", "account", (_NOW - age).isoformat()).to_dict()
    return StoredPush.from_dict(stored | {"outcome": outcome, "msg_id": "1180003" if outcome == "sent" else None})


def _ending(
    *records: StoredPush | None,
    push: IntendedPush = _PUSH,
    since: datetime.datetime | None = None,
    on_unknown_outcome: OnUnknownOutcome = "fail",
) -> str:
    """Return how a try ends with any of the records."""
    endings = set()
    for record in records or [None]:
        decision = decide(push, record, since, _NOW, on_unknown_outcome=on_unknown_outcome)
        if isinstance(decision, ReturnKnown):
            endings.add("returns the message id, sends nothing")
        elif isinstance(decision, Refuse):
            endings.add("fails, sends nothing")
        elif decision.repeat and decision.record.sent_since == _NOW:
            endings.add("sends, possibly a second time")
        else:
            endings.add("repeats with the same `cid`" if decision.repeat else "sends")
    [ending] = endings
    return ending


if __name__ == "__main__":
    for path, text in renewed().items():
        path.write_text(text)
