"""What an answer says: its body first, and only then its HTTP status, since refusals come inside an HTTP 200."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_provider_oppo_image.contract import ERROR_CODES, Scope
from airflow_provider_oppo_image.errors import (
    AccountError,
    OppoImageError,
    PictureRefusedError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
    UnreadableAnswerError,
)

_PICTURE_REFUSED = 51
_TOO_FAST = frozenset({23008, 13, 55})
_PASSING_STATUSES = frozenset({408, 425, 429})
_LONGEST_QUOTE = 200


@dataclass(frozen=True)
class Answer:
    """One answer of the service.

    :param status: the HTTP status.
    :param body: the body's bytes.
    :param retry_after: seconds to wait, from the Retry-After header.
    :param whole: whether `body` is all there was; an answer that is too long, or encoded, is not read to its end.
    """

    status: int
    body: bytes
    retry_after: float | None = None
    whole: bool = True

    @property
    def is_success(self) -> bool:
        """Whether the HTTP status says success; the body may say otherwise."""
        return 200 <= self.status < 300


def read_object(what: str, answer: Answer) -> dict[str, Any]:
    """Return the JSON object that an answer holds.

    :param what: what was asked for, in words that can begin an error.
    :raises ServiceError: if the body holds an error, or the HTTP status is one.
    :raises UnreadableAnswerError: if a success holds no JSON object.
    """
    content = _parse(answer)
    # An error object is an error under any status, even one whose code says 0.
    if isinstance(content, dict) and content.get("error") is not None:
        raise _refusal(what, answer, content["error"])
    if not answer.is_success:
        raise _refusal(what, answer, None)
    if not isinstance(content, dict):
        raise _unreadable(what, answer)
    return content


def read_retry_after(value: str | None, now: datetime.datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for.

    :param value: the header: seconds, or an HTTP date.
    :param now: the time, with its zone.
    :return: seconds, at least 0; None for no header and for nonsense.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - now).total_seconds())


def _parse(answer: Answer) -> object:
    if not answer.whole:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _refusal(what: str, answer: Answer, error: object) -> ServiceError:
    details = error if isinstance(error, dict) else {"message": error}
    code = _read_code(details.get("code"))
    row = ERROR_CODES.get(code) if code is not None else None
    if row:
        permanent, scope, retry_after = row.permanent, row.scope, row.retry_after
        meaning, advice = row.meaning, row.advice
    else:
        permanent, scope, retry_after = _permanent_by_status(answer.status), _scope_by_status(answer.status), None
        meaning, advice = _meaning_by_status(answer), _advice_by_status(answer)
    facts = f"HTTP {answer.status}" if code is None else f"code {code}, HTTP {answer.status}"
    quoted = _quote(details.get("message"))
    # The header is the service's word on this very moment; the table's is general.
    wait = answer.retry_after if answer.retry_after is not None else retry_after
    return _error_class(code, answer.status, permanent, scope)(
        f"{what}: {meaning} ({facts}{quoted}). {advice}",
        code=code,
        http_status=answer.status,
        permanent=permanent,
        retry_after=None if permanent else wait,
        scope=scope,
    )


def _error_class(code: int | None, status: int, permanent: bool, scope: Scope) -> type[ServiceError]:
    if code == _PICTURE_REFUSED:
        return PictureRefusedError
    if scope == "account":
        return AccountError
    if permanent:
        return RequestRefusedError
    return RateLimitedError if code in _TOO_FAST or status == 429 else ServiceUnavailableError


def _permanent_by_status(status: int) -> bool:
    return status < 500 and status not in _PASSING_STATUSES


def _scope_by_status(status: int) -> Scope:
    return "account" if status in (401, 403) else "request"


def _meaning_by_status(answer: Answer) -> str:
    if answer.is_success:
        return "the service said no inside a success, with a code that is not in its table"
    if 300 <= answer.status < 400:
        return "the service answered with a redirect, which is not followed, so that the master secret stays here"
    if answer.status == 429:
        return "the service asks for fewer requests"
    if answer.status in (401, 403):
        return "the service does not let this AppKey in"
    return "the service failed" if not _permanent_by_status(answer.status) else "the service refused the request"


def _advice_by_status(answer: Answer) -> str:
    if not _permanent_by_status(answer.status):
        return "Try again later."
    if answer.is_success:
        return "The code may be OPPO's own; ask EngageLab."
    if answer.status in (401, 403):
        return ERROR_CODES[23001].advice
    return ERROR_CODES[21001].advice


def _read_code(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _quote(message: object) -> str:
    """Quote what the service said, a short line of it: it may be anything."""
    text = " ".join(str(message).split()) if message else ""
    return f": {text[:_LONGEST_QUOTE]!a}" if text else ""


def _unreadable(what: str, answer: Answer) -> OppoImageError:
    if not answer.whole:
        found = "more than it should, or in an encoding that was not asked for"
    else:
        found = ascii(answer.body[:60].decode(errors="replace")) if answer.body else "nothing"
    return UnreadableAnswerError(
        f"{what}: the service answered HTTP {answer.status} with {found}, and not with a JSON object, so nobody can "
        "tell what it did. Trying again is safe; if it goes on, check the host in the connection: it may be a "
        "proxy's or a login page's answer.",
        http_status=answer.status,
    )
