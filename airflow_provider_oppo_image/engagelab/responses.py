"""Parser of responses. It reads the body before the HTTP status, because an HTTP 200 can contain an error."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_oppo_image.contract import ERROR_CODES, OPPO_REFUSALS, RATE_LIMIT_CODES, Scope
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

RETRY_ADVICE: Final = "Try again; retry a push within one hour and with the same `cid`"
"""Advice if the result of a request is unknown. It has no full stop, because the sentence may continue."""

_PICTURE_REFUSED: Final = 51
# Success, in a code outside of an error object.
_SUCCESS_CODES: Final = frozenset({0, 200})
_FALSE: Final = ("false", "0", "no")
_FAILED: Final = ("error", "err", "fail", "failed", "failure", "ko", "nok", "refused", "rejected", "denied", "false")
_TRANSIENT_STATUSES: Final = frozenset({408, 425, 429})
_MAX_REDACTED: Final = 4_096
"""Our own limit: characters of a response that are searched for secrets, and of which an excerpt is made."""
_QUERY: Final = re.compile(r"(?:\?|%3F)[^\s\"'<>]+", re.IGNORECASE)


@dataclass(frozen=True)
class Response:
    """One response of the service.

    :param status: the HTTP status.
    :param body: the body's bytes.
    :param retry_after: seconds to wait, from the Retry-After header.
    :param complete: whether `body` is complete and not encoded.
    :param redactor: redacts the secrets that the response may contain.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after: float | None = None
    complete: bool = True
    redactor: SecretRedactor = field(default_factory=SecretRedactor, repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the HTTP status is a success; the body may still contain an error."""
        return 200 <= self.status < 300

    def excerpt(self, text: str, max_length: int = 200) -> str:
        """Return the beginning of a text as one quoted line of ASCII, without secrets and the queries of URLs.

        :param text: any part of the response.
        :param max_length: maximum number of characters, without the quotes and escapes.
        """
        text = self.redactor.redact(text[:_MAX_REDACTED])
        return ascii(" ".join(_QUERY.sub("?...", text).split())[:max_length])


def read_object(action: str, response: Response, *, upload: bool = False) -> dict[str, Any]:
    """Return the JSON object of a response.

    :param action: what was requested, for the beginning of an error message.
    :param upload: whether it was an upload; its codes have other causes than those of a push.
    :raises ServiceError: if the body contains an error, or the HTTP status is an error.
    :raises UnreadableAnswerError: if the response is a success without a JSON object.
    """
    content = _parse(response)
    if isinstance(content, dict) and (error := _error_in(content)) is not None:
        raise _service_error(action, response, error, upload=upload)
    if not response.is_success:
        raise _service_error(action, response, None, upload=upload)
    if not isinstance(content, dict):
        raise _unreadable_error(action, response)
    return content


def _parse(response: Response) -> object:
    if not response.complete:
        return None
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def _error_in(content: dict[str, Any]) -> object:
    """Return the error in an object, with any HTTP status; None if it has no error."""
    # Anything under this key is an error, even an object with the code 0.
    if content.get("error") is not None:
        return content["error"]
    code = content.get("code")
    if (code is not None and _read_code(code) not in _SUCCESS_CODES) or _says_failure(content):
        return content
    return None


def _says_failure(content: dict[str, Any]) -> bool:
    """Return whether an object without a code says that the request failed."""
    flags = (content.get("success"), content.get("ok"))
    if any(flag is not None and str(flag).strip().lower() in _FALSE for flag in flags):
        return True
    status = content.get("status")
    if isinstance(status, int) and not isinstance(status, bool):
        return status >= 400
    return (status is not None and str(status).strip().lower() in _FAILED) or bool(content.get("errors"))


def _service_error(action: str, response: Response, error: object, *, upload: bool) -> ServiceError:
    details = error if isinstance(error, dict) else {"message": error}
    code = _read_code(details.get("code"))
    row = ERROR_CODES.get(code) if code is not None else None
    if row:
        permanent, scope, retry_after = row.permanent, row.scope, row.retry_after
        meaning, advice = row.meaning, row.advice
        if upload:
            meaning, advice = row.upload_meaning or meaning, row.upload_advice or advice
    elif code in OPPO_REFUSALS:
        permanent, scope, retry_after = True, "request", None
        meaning, advice = "OPPO refused the request", "Read the service's message, and ask EngageLab about the code."
    else:
        permanent, scope, retry_after = _permanent_by_status(response.status), _scope_by_status(response.status), None
        meaning, advice = _meaning_by_status(response, code), _advice_by_status(response)
    message = details.get("message")
    server_message = response.excerpt(message) if message and isinstance(message, str) else ""
    facts = [f"code {code}"] if code is not None else []
    facts.append(f"HTTP {response.status}" + (f": {server_message}" if server_message else ""))
    # The header describes the current situation, the table only the general one.
    wait = response.retry_after if response.retry_after is not None else retry_after
    return _error_class(code, response.status, permanent, scope)(
        f"{action}: {meaning} ({', '.join(facts)}). {advice}",
        server_message=server_message,
        code=code,
        http_status=response.status,
        permanent=permanent,
        retry_after=None if permanent else wait,
        retry_once=row is not None and row.retry == "once",
        scope=scope,
    )


def _error_class(code: int | None, status: int, permanent: bool, scope: Scope) -> type[ServiceError]:
    if code == _PICTURE_REFUSED:
        return PictureRefusedError
    if code in RATE_LIMIT_CODES:
        return RateLimitedError
    if scope == "account":
        return AccountError
    if permanent:
        return RequestRefusedError
    return RateLimitedError if status == 429 else ServiceUnavailableError


def _permanent_by_status(status: int) -> bool:
    return status < 500 and status not in _TRANSIENT_STATUSES


def _scope_by_status(status: int) -> Scope:
    return "account" if status in (401, 403) else "request"


def _meaning_by_status(response: Response, code: int | None) -> str:
    if response.is_success and code is None:
        return "the service reported a failure without a code, with a success status"
    if response.is_success:
        return "the service returned an unknown error code with a success status"
    if 300 <= response.status < 400:
        return "the service responded with a redirect, which is not followed, to protect the master secret"
    if response.status == 429:
        return "the service requires fewer requests"
    if response.status in (401, 403):
        return "the service denies access to this AppKey"
    return "the service failed" if not _permanent_by_status(response.status) else "the service refused the request"


def _advice_by_status(response: Response) -> str:
    if not _permanent_by_status(response.status):
        return "Try again later."
    if response.is_success:
        return "The code may be one of OPPO's; ask EngageLab."
    if response.status in (401, 403):
        return ERROR_CODES[23001].advice
    return ERROR_CODES[21001].advice


def _read_code(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if re.fullmatch(r"-?[0-9]{1,9}", str(value)) else None


def _unreadable_error(action: str, response: Response) -> UnreadableAnswerError:
    if not response.complete:
        found = "a body that is too long or encoded"
    elif response.body:
        found = response.excerpt(response.body.decode(errors="replace"), max_length=60)
    else:
        found = "an empty body"
    return UnreadableAnswerError(
        f"{action}: the service responded with HTTP {response.status} and {found} instead of a JSON object, so the "
        f"result is unknown. {RETRY_ADVICE}. If it happens again, check the host in the connection: the response may "
        "come from a proxy or a login page.",
        http_status=response.status,
    )
