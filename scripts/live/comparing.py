"""Where an answer of the live service is another one than we know. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from airflow_provider_oppo_image.contract import ERROR_CODES, PICTURE_RULES
from airflow_provider_oppo_image.errors import RateLimitedError, ServiceUnavailableError, TransportError
from scripts.live.questions import Question
from scripts.live.targets import Seen

_PASSING: Final = (TransportError, RateLimitedError, ServiceUnavailableError)

ID_FORMS: Final = {rule.id_key: re.compile(r"[0-9]+_[0-9a-f]{24}") for rule in PICTURE_RULES.values()} | {
    "msg_id": re.compile(r"[0-9]+")
}
"""What ids look like, by their keys. Source: a test of the vendor's sibling service; not documented."""


@dataclass(frozen=True)
class Verdict:
    """How an answer compares with what we know.

    :param state: "known"; "different"; "untried", where what came says nothing about our knowledge.
    :param reasons: why it is not known, in words.
    """

    state: Literal["known", "different", "untried"]
    reasons: tuple[str, ...] = ()


def judge(question: Question, live: Seen | None, sandbox: Seen | None) -> Verdict:
    """Compare what the live service answered with what the sandbox did, and with the contract."""
    if live is None or sandbox is None:
        return Verdict("untried", ("it needs the ids of both pictures",))
    if why := _says_nothing(question, live):
        return Verdict("untried", (why,))
    against_contract = tuple(_against_contract(live))
    if live.code in question.also_known and not against_contract:
        return Verdict("known")
    reasons = (*_against_sandbox(live, sandbox), *against_contract)
    return Verdict("different" if reasons else "known", reasons)


def name(seen: Seen, question: Question) -> str:
    """Return what our code makes of an answer."""
    if seen.error is None:
        return question.good
    error = seen.error
    facts = [f"code {error.code}"] if error.code is not None else []
    facts += ["permanent" if error.permanent else "may pass", f"of the {error.scope}"]
    return f"{type(error).__name__} ({', '.join(facts)})"


def _says_nothing(question: Question, live: Seen) -> str:
    if isinstance(live.error, _PASSING):
        return str(live.error)
    # What is broken about the account decides nothing else; with wrong credentials, it is what was asked about.
    if question.credentials == "ours" and live.error and live.error.scope == "account" and live.code in ERROR_CODES:
        return str(live.error)
    return ""


def _against_sandbox(live: Seen, sandbox: Seen) -> Iterator[str]:
    assert live.answer is not None
    assert sandbox.answer is not None
    if live.answer.status != sandbox.answer.status:
        yield f"HTTP {live.answer.status}, where we know {sandbox.answer.status}"
    if live.code != sandbox.code:
        yield f"{_code(live)}, where we know {_code(sandbox)}"
    types = [type(seen.error).__name__ if seen.error else "no error" for seen in (live, sandbox)]
    if types[0] != types[1]:
        yield f"our code makes {types[0]} of it, where we know {types[1]}"
    content, known = _content(live), _content(sandbox)
    shapes = [", ".join(sorted(_shape(one))) or "nothing" for one in (content, known)]
    if shapes[0] != shapes[1]:
        yield f"the body holds {shapes[0]}, where we know {shapes[1]}"
    for key, form in ID_FORMS.items():
        if isinstance(content, dict) and (value := content.get(key)) and not form.fullmatch(str(value)):
            yield f"{key} has the form {mask(str(value))}, where we know {form.pattern}"


def _against_contract(live: Seen) -> Iterator[str]:
    if live.code is None:
        return
    assert live.answer is not None
    row = ERROR_CODES.get(live.code)
    if row is None:
        yield f"code {live.code} is not in contract.py"
    elif live.answer.status not in row.http_statuses:
        known = " or ".join(map(str, row.http_statuses))
        yield f"HTTP {live.answer.status} with code {live.code}, which contract.py knows with {known}"


def mask(text: str) -> str:
    """Return the form of an id: 9 for each digit, a for each letter."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))


def _code(seen: Seen) -> str:
    return "no code" if seen.code is None else f"code {seen.code}"


def _content(seen: Seen) -> Any:
    assert seen.answer is not None
    try:
        return json.loads(seen.answer.body)
    except (ValueError, RecursionError):
        return seen.answer.body.decode(errors="replace")


def _shape(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what JSON holds, with its types; an empty text is nothing, as on the vendor's page."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _shape(inner, f"{path}.{key}" if path else str(key))
    elif value not in ("", None):
        kind = {str: "text", bool: "flag", int: "number", float: "number", list: "list"}[type(value)]
        yield f"{path} ({kind})" if path else kind
