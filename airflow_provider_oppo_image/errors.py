"""Exceptions of this package: where the fault is, and whether a retry can help.

::

    OppoImageError                    base class of all errors
    ├── ConfigurationError            the connection or an argument is wrong; nothing was sent
    ├── PictureError                  the check found that a picture is not ready
    │   ├── PictureAbsentError        the picture does not exist yet
    │   └── PictureWrongError         the picture exists, but OPPO would not display it
    ├── ServiceError                  the service returned an error
    │   ├── PictureRefusedError       code 51: OPPO refused this picture
    │   ├── RequestRefusedError       the service will never accept this request
    │   ├── AccountError              the key, the permissions or a daily limit: every request will fail
    │   ├── RateLimitedError          too many requests
    │   └── ServiceUnavailableError   the service failed
    ├── DuplicatePushError            the push was not sent, since an earlier request may have sent it
    ├── PictureUnseenError            OPPO's channel sent a push with pictures to nobody
    ├── BatchError                    rows of a batch have no picture ids
    ├── StorageError                  a file cannot be read or written
    ├── UnreadableAnswerError         the response is not a documented one; the result is unknown
    └── TransportError                no response was received
        ├── NotSentError              the request did not reach the service
        └── OutcomeUnknownError       the request was sent; the result is unknown

Distinguish errors by type and attributes, not by text. They can be pickled, because Airflow moves them between
processes: all data outside the message are attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import DAILY_LIMIT_CODES, ERROR_CODES, Scope


class OppoImageError(Exception):
    """Base class of all errors of this package.

    :param message: what was found, what is required, and what to do; without secrets.
    :param code: the service's error code; None if it sent none.
    :param http_status: the HTTP status of the response; None without a response.
    :param permanent: whether the same call will fail again later; None for the default of the class.
    :param retry_after: seconds to wait before another try; None if that is not known.
    :param scope: what is broken: "picture", "request" or "account", with which every request fails, also because of
        this machine's settings; None for the default of the class.
    :param attempts: the number of attempts, 0 if no request was made.
    :param earlier_attempt_ambiguous: whether an earlier attempt of the same call may have taken effect.
    :param retry_once: whether the client makes at most one more attempt after it; None for the default of the class.
    """

    may_have_taken_effect: ClassVar[bool] = False
    """Whether the service may have processed the request in spite of this error."""
    default_permanent: ClassVar[bool] = True
    default_scope: ClassVar[Scope] = "request"
    default_retry_once: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        http_status: int | None = None,
        permanent: bool | None = None,
        retry_after: float | None = None,
        scope: Scope | None = None,
        attempts: int = 0,
        earlier_attempt_ambiguous: bool = False,
        retry_once: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.permanent = self.default_permanent if permanent is None else permanent
        self.retry_after = retry_after
        self.scope: Scope = self.default_scope if scope is None else scope
        self.attempts = attempts
        self.earlier_attempt_ambiguous = earlier_attempt_ambiguous
        self.retry_once = self.default_retry_once if retry_once is None else retry_once

    @property
    def ends_batch(self) -> bool:
        """Whether every other request will fail too, today or for ever, so that a batch ends."""
        return self.scope == "account" and (self.permanent or self.code in DAILY_LIMIT_CODES)


class ConfigurationError(OppoImageError):
    """The connection or an argument is wrong. Nothing was sent."""


class PictureError(OppoImageError):
    """The check found that a picture is not ready.

    :param reports: the reports of all checked pictures, as JSON-serialisable mappings.
    """

    default_scope = "picture"

    def __init__(self, message: str, *, reports: Sequence[Mapping[str, Any]] = (), **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.reports = tuple(reports)

    @property
    def first_failing_report(self) -> Mapping[str, Any] | None:
        """The most important report with a problem; wrong pictures come before absent ones."""
        with_problems = [report for report in self.reports if report["problems"]]
        return min(with_problems, key=lambda report: report["state"] != "wrong", default=None)


class PictureAbsentError(PictureError):
    """A picture does not exist yet. It may be available later."""

    default_permanent = False


class PictureWrongError(PictureError):
    """A picture exists, but OPPO would not display it."""


class DuplicatePushError(OppoImageError):
    """A push was not sent, since an earlier request may have sent it and the service would not recognise a repeat."""


class PictureUnseenError(OppoImageError):
    """A push with pictures was not sent to any phone by OPPO's channel, so that no phone can show the picture."""


class BatchError(OppoImageError):
    """Rows of a batch have no picture ids. It is permanent if a retry helps none of them.

    :param summary: the batch's summary, as a JSON-serialisable mapping.
    """

    def __init__(self, message: str, *, summary: Mapping[str, Any] | None = None, **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.summary = dict(summary or {})


class StorageError(OppoImageError):
    """A file cannot be read or written, perhaps only temporarily."""

    default_permanent = False


class ServiceError(OppoImageError):
    """The service returned an error.

    :param server_message: the service's own message, shortened and without secrets; "" if it sent none.
    """

    def __init__(self, message: str, *, server_message: str = "", **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.server_message = server_message


class PictureRefusedError(ServiceError):
    """OPPO refused this picture (code 51)."""

    default_scope = "picture"


class RequestRefusedError(ServiceError):
    """The service will never accept this request."""


class AccountError(ServiceError):
    """The key, the permissions or a daily limit is the cause. Every other request will fail too."""

    default_scope = "account"


class RateLimitedError(ServiceError):
    """The service or OPPO requires fewer requests. It passes, so it slows a batch and does not end it."""

    default_permanent = False


class ServiceUnavailableError(ServiceError):
    """The service failed."""

    may_have_taken_effect = True
    default_permanent = False


class UnreadableAnswerError(OppoImageError):
    """The response is not a documented one, so the result is unknown. Each request may have acted."""

    may_have_taken_effect = True
    default_permanent = False
    default_retry_once = True


class TransportError(OppoImageError):
    """No response was received."""

    default_permanent = False


class NotSentError(TransportError):
    """The request did not reach the service: unknown host, refused connection or invalid TLS certificate."""


class OutcomeUnknownError(TransportError):
    """The request was sent, but no response was received: the service may have processed it."""

    may_have_taken_effect = True


DOCS_URL: Final = "https://airflow-provider-oppo-image.readthedocs.io/en/stable"
"""URL of the documentation, without a slash at the end."""


def docs_url(code: int | str) -> str:
    """Return the URL of the documentation page about a code.

    :param code: a code of a picture's problem, a manifest's row, the service or a failure, such as
        ``wrong_dimensions``, ``row_url``, 21003, ``"21003"`` or ``http_404``.
    """
    return _page_url(_page(str(code)))


def docs_url_for(error: OppoImageError) -> str:
    """Return the URL of the most specific documentation page about an error.

    It is the page of the most important problem that the check found, or of a known code of the service, or else of
    the error's type.

    :param error: the error.
    """
    if isinstance(error, PictureError) and error.first_failing_report:
        return docs_url(error.first_failing_report["problems"][0]["code"])
    if error.code is not None and error.code in ERROR_CODES:
        return docs_url(error.code)
    return _page_url(page_of_type(type(error)))


def page_of_type(error_class: type[OppoImageError]) -> str:
    """Return the name of the documentation page about an error class, such as ``not_sent`` for `NotSentError`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", error_class.__name__.removesuffix("Error")).lower()


def _page(code: str) -> str:
    if re.fullmatch(r"-?\d+", code):
        return code.replace("-", "minus_") if int(code) in ERROR_CODES else "unknown_code"
    return "http_status" if code.startswith("http_") else code


def _page_url(page: str) -> str:
    return f"{DOCS_URL}/errors/{page}.html"


Fault: TypeAlias = Literal["picture", "manifest", "request", "account", "service"]

FAULTS: tuple[Fault, ...] = get_args(Fault)

MAX_MESSAGE_CHARACTERS = 1_000
"""Our own limit: characters in the message of a failure."""

_WRONG_ENDPOINT = 21001  # "the URL is wrong": the host is not the service

_CODES = {
    ConfigurationError: "configuration",
    DuplicatePushError: "duplicate_push",
    NotSentError: "not_sent",
    OutcomeUnknownError: "outcome_unknown",
    UnreadableAnswerError: "unreadable_answer",
}


@dataclass(frozen=True)
class Failure:
    """An error as data: why a picture has no id, or a push was not sent.

    :param code: the code of the check's problem or of the service, or a name for the error's type.
    :param message: what was found, and what to do; one line of at most `MAX_MESSAGE_CHARACTERS` characters.
    :param fault: what must be corrected: the picture, the manifest, the request, the account or the service.
    :param transient: whether the same request may succeed later without a change.
    """

    code: str
    message: str
    fault: Fault
    transient: bool = False


def failure_from(error: OppoImageError) -> Failure:
    """Return an error of the check or the client as data."""
    message = "; ".join(line.strip() for line in str(error).splitlines())
    return Failure(_code_of(error), message[:MAX_MESSAGE_CHARACTERS], _fault_of(error), transient=not error.permanent)


def _code_of(error: OppoImageError) -> str:
    if isinstance(error, PictureError):
        return str(error.first_failing_report["problems"][0]["code"]) if error.first_failing_report else "picture"
    if error.code is not None:
        return str(error.code)
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), f"http_{error.http_status}")


def _fault_of(error: OppoImageError) -> Fault:
    if error.scope == "account" and isinstance(error, ConfigurationError):
        return "service"
    if isinstance(error, (RateLimitedError, TransportError)) or error.code == _WRONG_ENDPOINT:
        return "service"  # or the connection to it; other pictures fail too
    if error.scope != "request":
        return error.scope
    return "request" if error.permanent else "service"
