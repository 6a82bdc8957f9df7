"""What an answer says: its body first, and only then its HTTP status, since refusals come inside an HTTP 200."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_oppo_image.contract import ERROR_CODES, Scope
from airflow_provider_oppo_image.errors import (
    AccountError,
    PictureRefusedError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
    UnreadableAnswerError,
)
from airflow_provider_oppo_image.net.redaction import SecretRedactor

REPEAT_ADVICE: Final = "It is safe to try again, for a push with the same `cid`"
"""What to do where nobody knows what the service did; the sentence goes on."""

_PICTURE_REFUSED: Final = 51
_RATE_LIMIT_CODES: Final = frozenset({23008, 13, 55})
# What services say for yes, where a code stands by itself.
_SUCCESS_CODES: Final = frozenset({0, 200})
_TRANSIENT_STATUSES: Final = frozenset({408, 425, 429})
_QUERY: Final = re.compile(r"(?:\?|%3F)[^\s\"'<>]+", re.IGNORECASE)


@dataclass(frozen=True)
class Response:
    """One answer of the service.

    :param status: the HTTP status.
    :param body: the body's bytes.
    :param retry_after: seconds to wait, from the Retry-After header.
    :param whole: whether `body` is all there was; an answer that is too long, or encoded, is not read to its end.
    :param secrets: what is never quoted, should the answer echo it.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after: float | None = None
    whole: bool = True
    secrets: SecretRedactor = field(default_factory=SecretRedactor, repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the HTTP status says success; the body may say otherwise."""
        return 200 <= self.status < 300

    def quote(self, text: str, longest: int = 200) -> str:
        """Return what the service said as a short line of ASCII in quotes, without secrets and URLs' queries.

        :param text: a part of the answer; it may be anything.
        :param longest: how many characters of it are shown.
        """
        return ascii(" ".join(_QUERY.sub("?...", self.secrets.redact(text)).split())[:longest])


def read_object(what: str, answer: Response) -> dict[str, Any]:
    """Return the JSON object that an answer holds.

    :param what: what was asked for, in words that can begin an error.
    :raises ServiceError: if the body holds an error, or the HTTP status is one.
    :raises UnreadableAnswerError: if a success holds no JSON object.
    """
    content = _parse(answer)
    if isinstance(content, dict) and (error := _error_in(content)) is not None:
        raise _refusal(what, answer, error)
    if not answer.is_success:
        raise _refusal(what, answer, None)
    if not isinstance(content, dict):
        raise _unreadable(what, answer)
    return content


def _parse(answer: Response) -> object:
    if not answer.whole:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _error_in(content: dict[str, Any]) -> object:
    """Return what an object holds of an error, under any HTTP status; None for nothing."""
    # Whatever stands there is an error, even one whose code says 0.
    if content.get("error") is not None:
        return content["error"]
    code = _read_code(content.get("code"))
    return None if code is None or code in _SUCCESS_CODES else content


def _refusal(what: str, answer: Response, error: object) -> ServiceError:
    details = error if isinstance(error, dict) else {"message": error}
    code = _read_code(details.get("code"))
    row = ERROR_CODES.get(code) if code is not None else None
    if row:
        permanent, scope, retry_after = row.permanent, row.scope, row.retry_after
        meaning, advice = row.meaning, row.advice
    else:
        permanent, scope, retry_after = _permanent_by_status(answer.status), _scope_by_status(answer.status), None
        meaning, advice = _meaning_by_status(answer), _advice_by_status(answer)
    message = details.get("message")
    said = answer.quote(message) if message and isinstance(message, str) else ""
    facts = (f"code {code}, " if code is not None else "") + f"HTTP {answer.status}" + (f": {said}" if said else "")
    # The header is the service's word on this very moment; the table's is general.
    wait = answer.retry_after if answer.retry_after is not None else retry_after
    return _error_class(code, answer.status, permanent, scope)(
        f"{what}: {meaning} ({facts}). {advice}",
        said=said,
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
    return RateLimitedError if code in _RATE_LIMIT_CODES or status == 429 else ServiceUnavailableError


def _permanent_by_status(status: int) -> bool:
    return status < 500 and status not in _TRANSIENT_STATUSES


def _scope_by_status(status: int) -> Scope:
    return "account" if status in (401, 403) else "request"


def _meaning_by_status(answer: Response) -> str:
    if answer.is_success:
        return "the service said no inside a success, with a code that is not in its table"
    if 300 <= answer.status < 400:
        return "the service answered with a redirect, which is not followed, so that the master secret stays here"
    if answer.status == 429:
        return "the service asks for fewer requests"
    if answer.status in (401, 403):
        return "the service does not let this AppKey in"
    return "the service failed" if not _permanent_by_status(answer.status) else "the service refused the request"


def _advice_by_status(answer: Response) -> str:
    if not _permanent_by_status(answer.status):
        return "Try again later."
    if answer.is_success:
        return "The code may be OPPO's own; ask EngageLab."
    if answer.status in (401, 403):
        return ERROR_CODES[23001].advice
    return ERROR_CODES[21001].advice


def _read_code(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if re.fullmatch(r"-?[0-9]{1,9}", str(value)) else None


def _unreadable(what: str, answer: Response) -> UnreadableAnswerError:
    if not answer.whole:
        found = "more than it should, or in an encoding that was not asked for"
    else:
        found = answer.quote(answer.body.decode(errors="replace"), longest=60) if answer.body else "nothing"
    return UnreadableAnswerError(
        f"{what}: the service answered HTTP {answer.status} with {found}, and not with a JSON object, so nobody can "
        f"tell what it did. {REPEAT_ADVICE}; if it goes on, check the host in the connection: it may be a proxy's or a "
        "login page's answer.",
        http_status=answer.status,
    )
