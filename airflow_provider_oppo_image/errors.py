"""The errors: who is at fault, and will a retry help.

::

    OppoImageError                    everything below; catch this one
    ├── ConfigurationError            the connection or an argument is wrong: nothing was sent
    ├── PictureError                  the check looked at the pictures
    │   ├── PictureAbsentError        not there yet: it may still come
    │   └── PictureWrongError         there, and not what OPPO shows
    ├── ServiceError                  the service answered, and said no
    │   ├── PictureRefusedError       code 51: OPPO does not take this picture
    │   ├── RequestRefusedError       this request will never be accepted
    │   │   └── CidAlreadyUsedError   a push with this `cid` was accepted before
    │   ├── AccountError              the key, the permissions or a daily limit: every request will fail
    │   ├── RateLimitedError          too fast: wait
    │   └── ServiceUnavailableError   its own fault: wait
    ├── BatchError                    rows of a batch have no ids
    ├── StorageError                  a file cannot be read or written
    ├── UnreadableAnswerError         it answered something that is no answer; what it did is unknown
    └── TransportError                no answer was seen
        ├── NotSentError              the request never reached the service
        └── OutcomeUnknownError       the request was sent; what became of it is unknown

Errors are told apart by type and attribute, never by text. They survive pickling, since Airflow moves them between
processes: whatever is not in the message is an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import ERROR_CODES, Scope


class OppoImageError(Exception):
    """The base of all errors of this package.

    :param message: what was found, what was expected, and what to do now; never a secret.
    :param code: the service's error code.
    :param http_status: the HTTP status of the answer.
    :param permanent: whether the same call will fail again later; None takes the class's usual answer.
    :param retry_after: seconds to wait before another try, where somebody said so.
    :param scope: what is broken: "picture", "request" or "account"; None takes the class's usual answer.
    :param attempts: how many requests were made before giving up; 0 when none was.
    :param earlier_attempt_ambiguous: whether the service may have acted on an earlier one of these requests.
    """

    may_have_taken_effect: ClassVar[bool] = False
    """Whether the service may have done what it was asked for, although this error came back."""
    default_permanent: ClassVar[bool] = True
    default_scope: ClassVar[Scope] = "request"

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
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.permanent = self.default_permanent if permanent is None else permanent
        self.retry_after = retry_after
        self.scope: Scope = self.default_scope if scope is None else scope
        self.attempts = attempts
        self.earlier_attempt_ambiguous = earlier_attempt_ambiguous


class ConfigurationError(OppoImageError):
    """The connection or an argument is wrong; nothing was sent."""


class PictureError(OppoImageError):
    """The check found that a picture is not ready.

    :param reports: the reports of all pictures that were looked at, as JSON-serialisable mappings.
    """

    default_scope = "picture"

    def __init__(self, message: str, *, reports: Sequence[Mapping[str, Any]] = (), **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.reports = tuple(reports)

    @property
    def first_failing_report(self) -> Mapping[str, Any] | None:
        """The report whose first problem is to be mended first: a wrong picture's before an absent one's."""
        with_problems = [report for report in self.reports if report["problems"]]
        return min(with_problems, key=lambda report: report["state"] != "wrong", default=None)


class PictureAbsentError(PictureError):
    """A picture is not there yet: it may still come."""

    default_permanent = False


class PictureWrongError(PictureError):
    """A picture is there, and is not what OPPO shows."""


class DuplicatePushError(OppoImageError):
    """A push was not sent, since an earlier request may have sent it and the service would not recognise a repeat."""


class BatchError(OppoImageError):
    """Rows of a batch have no ids; it is permanent where no retry helps any of them.

    :param summary: how the batch ended, as a JSON-serialisable mapping.
    """

    def __init__(self, message: str, *, summary: Mapping[str, Any] | None = None, **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.summary = dict(summary or {})


class StorageError(OppoImageError):
    """A file in some storage cannot be read or written; it may pass."""

    default_permanent = False


class ServiceError(OppoImageError):
    """The service answered, and said no.

    :param said: the service's own words, shortened and without secrets; "" where it gave none.
    """

    def __init__(self, message: str, *, said: str = "", **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.said = said


class PictureRefusedError(ServiceError):
    """OPPO does not take this picture (code 51)."""

    default_scope = "picture"


class RequestRefusedError(ServiceError):
    """The service will never accept this request."""


class CidAlreadyUsedError(RequestRefusedError):
    """The service says that a push with this `cid` was accepted before."""


class AccountError(ServiceError):
    """The key, the permissions or a daily limit: every other request will fail as well."""

    default_scope = "account"


class RateLimitedError(ServiceError):
    """The service asks for fewer requests."""

    default_permanent = False


class ServiceUnavailableError(ServiceError):
    """The service failed by its own fault."""

    may_have_taken_effect = True
    default_permanent = False


class UnreadableAnswerError(OppoImageError):
    """The service's answer is none that it documents, so what it did is unknown."""

    may_have_taken_effect = True
    default_permanent = False


class TransportError(OppoImageError):
    """No answer was seen."""

    default_permanent = False


class NotSentError(TransportError):
    """The request never reached the service: unknown host, refused connection, TLS that does not verify."""


class OutcomeUnknownError(TransportError):
    """The request was sent, and no answer came: the service may have acted on it."""

    may_have_taken_effect = True


DOCS_URL: Final = "https://airflow-provider-oppo-image.readthedocs.io/en/stable"
"""Where the site is, without a slash at its end; the one place that knows it."""


def docs_url(code: int | str) -> str:
    """Return the address of the page that says what a code means, why it comes and what to do.

    :param code: a code of a picture's problem, of a manifest's row, of the service, or of a row that failed, such as
        ``wrong_dimensions``, ``row_url``, 21003, ``"21003"`` or ``http_404``.
    """
    return _address(_page(str(code)))


def docs_url_for(error: OppoImageError) -> str:
    """Return the address of the page that says most about an error.

    Where the check found a problem it is that of the first one to mend; where the service gave a code that a table has,
    that of the code; and that of the error's type otherwise.

    :param error: what was raised.
    """
    if isinstance(error, PictureError) and error.first_failing_report:
        return docs_url(error.first_failing_report["problems"][0]["code"])
    if error.code is not None and error.code in ERROR_CODES:
        return docs_url(error.code)
    return _address(page_of_type(type(error)))


def page_of_type(error_class: type[OppoImageError]) -> str:
    """Return the name of the page on a type of error, such as ``not_sent`` for `NotSentError`.

    :param error_class: the type.
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", error_class.__name__.removesuffix("Error")).lower()


def _page(code: str) -> str:
    if re.fullmatch(r"-?\d+", code):
        return code.replace("-", "minus_") if int(code) in ERROR_CODES else "unknown_code"
    return "http_status" if code.startswith("http_") else code


def _address(page: str) -> str:
    return f"{DOCS_URL}/errors/{page}.html"


Fault: TypeAlias = Literal["picture", "manifest", "request", "account", "service"]

FAULTS: tuple[Fault, ...] = get_args(Fault)

MAX_MESSAGE_CHARACTERS = 1_000
"""Our own limit: characters in the message of a failure."""

_WRONG_ENDPOINT = 21001  # "the URL is wrong": whoever answers, it is not the push service

_CODES = {
    ConfigurationError: "configuration",
    NotSentError: "not_sent",
    OutcomeUnknownError: "outcome_unknown",
    UnreadableAnswerError: "unreadable_answer",
}


@dataclass(frozen=True)
class Failure:
    """Why a picture has no id.

    :param code: a problem's code of the check, the service's error code, or what became of the request.
    :param message: what was found, and what to do now; one line, `MAX_MESSAGE_CHARACTERS` characters at most.
    :param fault: what has to be mended: the picture, the manifest, the request, the account, or the service.
    :param transient: whether the same may succeed later, with nothing changed here.
    """

    code: str
    message: str
    fault: Fault
    transient: bool = False


def failure_from(error: OppoImageError) -> Failure:
    """Say why a picture was not uploaded.

    :param error: what the check or the client raised.
    """
    message = "; ".join(line.strip() for line in str(error).splitlines())
    return Failure(_code_of(error), message[:MAX_MESSAGE_CHARACTERS], _fault_of(error), transient=not error.permanent)


def _code_of(error: OppoImageError) -> str:
    if isinstance(error, PictureError):
        return str(error.first_failing_report["problems"][0]["code"]) if error.first_failing_report else "picture"
    if error.code is not None:
        return str(error.code)
    named = [code for kind, code in _CODES.items() if isinstance(error, kind)]
    return named[0] if named else f"http_{error.http_status}"


def _fault_of(error: OppoImageError) -> Fault:
    if error.scope != "request":
        return error.scope
    if isinstance(error, TransportError) or error.code == _WRONG_ENDPOINT:
        return "service"  # or the way to it, such as a certificate that does not verify: nothing about this picture
    return "request" if error.permanent else "service"
