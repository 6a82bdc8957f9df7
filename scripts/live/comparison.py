"""Compare the live service's answers with the sandbox's and with contract.py, and describe them. Pure."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.contract import ERROR_CODES, PICTURE_RULES
from airflow_provider_oppo_image.engagelab.messages import to_json
from airflow_provider_oppo_image.errors import RateLimitedError, ServiceUnavailableError, TransportError
from airflow_provider_oppo_image.pictures.report import format_rows
from scripts.live.questions import Question
from scripts.live.targets import Seen

_TRANSIENT: Final = (TransportError, RateLimitedError, ServiceUnavailableError)
_LONGEST_BODY: Final = 600

ID_FORMS: Final = {rule.id_key: re.compile(r"[0-9]+_[0-9a-f]{24}") for rule in PICTURE_RULES.values()} | {
    "msg_id": re.compile(r"[0-9]+")
}
"""The forms of ids, by key. Source: a test of the vendor's sibling service; not documented."""

_ID: Final = re.compile(rf'("(?:{"|".join(ID_FORMS)})"\s*:\s*"?)([^",}}]+)')
_QUERY: Final = re.compile(r"\?[^\"\s]+")


@dataclass(frozen=True)
class Row:
    """A question, the answers to it (None: it could not be asked), and how they compare.

    `reasons` say why an answer is different, or why it says nothing about what we expect.
    """

    question: Question
    live: Seen | None
    sandbox: Seen | None
    state: Literal["expected", "different", "not tested"]
    reasons: tuple[str, ...] = ()


def compare(question: Question, live: Seen | None, sandbox: Seen | None) -> Row:
    """Compare the answer of the live service with the sandbox's and with the contract."""
    if live is None or sandbox is None:
        return Row(question, live, sandbox, "not tested", ("it needs the ids of both pictures",))
    if _says_nothing(question, live):
        return Row(question, live, sandbox, "not tested", (str(live.error),))
    reasons = tuple(_against_contract(live))
    if reasons or live.code not in question.also_known:
        reasons = (*_against_sandbox(live, sandbox), *reasons)
    return Row(question, live, sandbox, "different" if reasons else "expected", reasons)


def _says_nothing(question: Question, live: Seen) -> bool:
    if isinstance(live.error, _TRANSIENT):
        return True
    # An account error says nothing about other questions, unless the question is about the credentials.
    known = live.error and live.error.scope == "account" and live.code in ERROR_CODES
    return question.credentials == "ours" and bool(known)


def _against_sandbox(live: Seen, sandbox: Seen) -> Iterator[str]:
    assert live.answer is not None
    assert sandbox.answer is not None
    if live.answer.status != sandbox.answer.status:
        yield f"HTTP {live.answer.status}, expected {sandbox.answer.status}"
    codes = ["no code" if seen.code is None else f"code {seen.code}" for seen in (live, sandbox)]
    if codes[0] != codes[1]:
        yield f"{codes[0]}, expected {codes[1]}"
    types = [type(seen.error).__name__ if seen.error else "no error" for seen in (live, sandbox)]
    if types[0] != types[1]:
        yield f"our code raises {types[0]}, expected {types[1]}"
    content, expected = _content(live), _content(sandbox)
    shapes = [", ".join(sorted(_shape(one))) or "nothing" for one in (content, expected)]
    if shapes[0] != shapes[1]:
        yield f"the body has {shapes[0]}, expected {shapes[1]}"
    for key, form in ID_FORMS.items():
        if isinstance(content, dict) and (value := content.get(key)) and not form.fullmatch(str(value)):
            yield f"{key} has the form {mask(str(value))}, expected {form.pattern}"


def _against_contract(live: Seen) -> Iterator[str]:
    if live.code is None:
        return
    assert live.answer is not None
    row = ERROR_CODES.get(live.code)
    if row is None:
        yield f"code {live.code} is not in contract.py"
    elif live.answer.status not in row.http_statuses:
        expected = " or ".join(map(str, row.http_statuses))
        yield f"HTTP {live.answer.status} with code {live.code}, expected {expected} by contract.py"


def mask(text: str) -> str:
    """Return the form of an id: 9 for each digit, a for each letter."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))


def _content(seen: Seen) -> Any:
    assert seen.answer is not None
    try:
        return json.loads(seen.answer.body)
    except (ValueError, RecursionError):
        return seen.answer.body.decode(errors="replace")


def _shape(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths and types in JSON data; an empty string counts as missing, as on the vendor's page."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _shape(inner, f"{path}.{key}" if path else str(key))
    elif value not in ("", None):
        kind = {str: "text", bool: "flag", int: "number", float: "number", list: "list"}[type(value)]
        yield f"{path} ({kind})" if path else kind


def heading(base_url: str, pictures: Sequence[object]) -> str:
    """Return the lines above the rows."""
    lines = [
        f"The live service, compared with airflow-provider-oppo-image {__version__} "
        f"(Python {platform.python_version()}).",
        f"Ids are shown by their form, 9 for a digit and a for a letter. The service: {base_url}",
        *map(str, pictures),
    ]
    return "\n".join(lines)


def describe(number: int, row: Row) -> str:
    """Return the lines about one question."""
    state = {"expected": "as expected", "different": "DIFFERENT", "not tested": "NOT TESTED"}[row.state]
    reasons = "; ".join(row.reasons)
    return f"{number}. {row.question.name}: {state}{': ' if reasons else ''}{reasons}\n" + format_rows(_lines(row))


def _lines(row: Row) -> Iterator[tuple[str, str]]:
    yield "shows", row.question.teaches
    if row.live:
        request = row.live.request
        body = "" if request.body is None else _redact(to_json(request.body).decode())
        credentials = "" if row.question.credentials == "ours" else f"with {row.question.credentials}"
        yield "sent", " ".join(filter(None, (request.method, request.path, body, credentials)))
        yield "answer", _answer(row.live)
        yield "our code", _outcome(row.live, row.question)
        if known := ERROR_CODES.get(row.live.code or 0):
            statuses = " or ".join(map(str, known.http_statuses))
            yield "contract", f"code {known.code}, HTTP {statuses}: {known.meaning} ({known.source})"
    if row.sandbox:
        yield "sandbox", f"{_answer(row.sandbox)}, {_outcome(row.sandbox, row.question)}"


def _answer(seen: Seen) -> str:
    if seen.answer is None:
        return "none"
    body = _redact(seen.answer.body.decode(errors="replace"))
    return f"HTTP {seen.answer.status} {seen.answer.excerpt(body, max_length=_LONGEST_BODY)}"


def _outcome(seen: Seen, question: Question) -> str:
    error = seen.error
    if error is None:
        return question.good
    facts = [f"code {error.code}"] if error.code is not None else []
    facts += ["permanent" if error.permanent else "transient", f"of the {error.scope}"]
    return f"{type(error).__name__} ({', '.join(facts)})"


def _redact(text: str) -> str:
    """Return a text without ids and URL queries."""
    return _QUERY.sub("?…", _ID.sub(lambda found: found[1] + mask(found[2]), text))


def summary(rows: Sequence[Row], *, wrong_given: bool) -> str:
    """Return the last line; `wrong_given` says whether a wrong picture was named."""
    expected, different, untested = (
        sum(row.state == state for row in rows) for state in ("expected", "different", "not tested")
    )
    line = (
        f"{len(rows)} questions: {expected} as expected, {different} different, {untested} not tested. "
        "Nothing was sent to any phone."
    )
    if not wrong_given:
        line += " Name a picture of the wrong size with WRONG= to see OPPO's refusal."
    if different:
        line += " Please report the differences: paste the complete output; it has no secret."
    return line
