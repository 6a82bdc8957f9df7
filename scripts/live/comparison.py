"""Ask the live service and the sandbox, and compare their answers with each other and with contract.py."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.contract import ERROR_CODES, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import Request, to_json
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.errors import (
    OppoImageError,
    RateLimitedError,
    ServiceUnavailableError,
    TransportError,
)
from airflow_provider_oppo_image.net.options import TransportOptions
from airflow_provider_oppo_image.pictures.report import format_rows
from scripts.live.questions import OURS, UNKNOWN_KEY, WRONG_SECRET, Question

EXPECTED: Final = "as expected"
DIFFERENT: Final = "DIFFERENT"
NOT_TESTED: Final = "NOT TESTED"

_ID_FORMS: Final = {rule.id_key: "[0-9]+_[0-9a-f]{24}" for rule in PICTURE_RULES.values()} | {"msg_id": "[0-9]+"}
"""The forms of ids, by key. Source: a test of the vendor's sibling service; not documented."""

_ID: Final = re.compile(rf'("(?:{"|".join(_ID_FORMS)})"\s*:\s*"?)([^",}}]+)')
_QUERY: Final = re.compile(r"\?[^\"\s]+")


@dataclass(frozen=True)
class Seen:
    """A request, the answer to it (None if there was none), and the error that our code raises (None for none)."""

    request: Request
    answer: Response | None
    error: OppoImageError | None

    @property
    def code(self) -> int | None:
        return self.error.code if self.error else None

    def __str__(self) -> str:
        if self.answer is None:
            return "none"
        body = _redact(self.answer.body.decode(errors="replace"))
        return f"HTTP {self.answer.status} {self.answer.excerpt(body, max_length=600)}"

    def outcome(self) -> str:
        """Return what our code makes of the answer."""
        if self.error is None:
            return "accepted"
        code = "" if self.code is None else f"code {self.code}, "
        duration = "permanent" if self.error.permanent else "transient"
        return f"{type(self.error).__name__} ({code}{duration}, of the {self.error.scope})"


class Target:
    """A service, and the picture ids that it gave.

    :raises ConfigurationError: if the address or the proxy is not usable.
    """

    def __init__(self, base_url: str, app_key: str, master_secret: str, options: TransportOptions) -> None:
        fake = secrets.token_hex(12)
        credentials = {
            OURS: (app_key, master_secret),
            WRONG_SECRET: (app_key, fake),
            UNKNOWN_KEY: (fake, master_secret),
        }
        agent = f"airflow-provider-oppo-image/{__version__} scripts.live"
        self._ids: dict[PictureKind, str] = {}
        self._transports = {
            name: HttpTransport(base_url, key, secret, user_agent=agent, options=options, connections=1)
            for name, (key, secret) in credentials.items()
        }

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()

    def ask(self, question: Question) -> Seen | None:
        """Ask once; return None if the question needs an id that is missing."""
        request = question.request(self._ids)
        if request is None:
            return None
        answer = None
        try:
            answer = self._transports[question.credentials].send(request)
            result = question.read(request, answer)
        except OppoImageError as error:
            return Seen(request, answer, error)
        if question.kind and isinstance(result, str):
            self._ids.setdefault(question.kind, result)
        return Seen(request, answer, None)


def compare(question: Question, live: Seen | None, sandbox: Seen | None) -> tuple[str, str]:
    """Return how the live service's answer compares with what is expected, and the lines about it."""
    if live is None or sandbox is None:
        return NOT_TESTED, f"{question.name}: {NOT_TESTED}: it needs the ids of both pictures"
    if _says_nothing(question, live):
        state, reasons = NOT_TESTED, [str(live.error)]
    else:
        reasons = list(_against_contract(live))
        if reasons or live.code not in question.also_known:
            reasons = [*_against_sandbox(live, sandbox), *reasons]
        state = DIFFERENT if reasons else EXPECTED
    request = live.request
    body = "" if request.body is None else _redact(to_json(request.body).decode())
    rows = [
        ("sent", f"{request.method} {request.path} {body} with {question.credentials}"),
        ("answer", str(live)),
        ("our code", live.outcome()),
        ("sandbox", f"{sandbox}, {sandbox.outcome()}"),
    ]
    if known := ERROR_CODES.get(live.code or 0):
        statuses = " or ".join(map(str, known.http_statuses))
        rows.append(("contract", f"code {known.code}, HTTP {statuses}: {known.meaning} ({known.source})"))
    return state, ": ".join(filter(None, (question.name, state, "; ".join(reasons)))) + "\n" + format_rows(rows)


def _says_nothing(question: Question, live: Seen) -> bool:
    if isinstance(live.error, TransportError | RateLimitedError | ServiceUnavailableError):
        return True
    # An account error says nothing about other questions, unless the question is about the credentials.
    account = live.error is not None and live.error.scope == "account" and live.code in ERROR_CODES
    return question.credentials == OURS and account


def _against_sandbox(live: Seen, sandbox: Seen) -> Iterator[str]:
    for (prefix, found), (_, expected) in zip(_facts(live), _facts(sandbox), strict=True):
        if found != expected:
            yield f"{prefix}{found}, expected {expected}"
    content = _content(live)
    for key, form in _ID_FORMS.items():
        if isinstance(content, dict) and (value := content.get(key)) and not re.fullmatch(form, str(value)):
            yield f"{key} has the form {_mask(str(value))}, expected {form}"


def _facts(seen: Seen) -> Iterator[tuple[str, str]]:
    assert seen.answer is not None
    yield "HTTP ", str(seen.answer.status)
    yield "", "no code" if seen.code is None else f"code {seen.code}"
    yield "our code raises ", type(seen.error).__name__ if seen.error else "no error"
    yield "the body has ", ", ".join(sorted(_shape(_content(seen)))) or "nothing"


def _against_contract(live: Seen) -> Iterator[str]:
    if live.code is None or live.answer is None:
        return
    row = ERROR_CODES.get(live.code)
    if row is None:
        yield f"code {live.code} is not in contract.py"
    elif live.answer.status not in row.http_statuses:
        expected = " or ".join(map(str, row.http_statuses))
        yield f"HTTP {live.answer.status} with code {live.code}, expected {expected} by contract.py"


def _content(seen: Seen) -> Any:
    assert seen.answer is not None
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(seen.answer.body)
    return seen.answer.body.decode(errors="replace")


def _shape(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths and types in JSON data; an empty string counts as missing, as on the vendor's page."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _shape(inner, f"{path}.{key}" if path else str(key))
    elif value not in ("", None):
        kind = {str: "text", bool: "flag", int: "number", float: "number", list: "list"}[type(value)]
        yield f"{path} ({kind})" if path else kind


def _mask(text: str) -> str:
    """Return the form of an id: 9 for each digit, a for each letter."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))


def _redact(text: str) -> str:
    """Return a text without ids and URL queries."""
    return _QUERY.sub("?…", _ID.sub(lambda found: found[1] + _mask(found[2]), text))
