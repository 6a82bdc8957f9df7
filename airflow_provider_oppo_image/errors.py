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

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow_provider_oppo_image.contract import Scope


class OppoImageError(Exception):
    """The base of all errors of this package.

    :param message: what was found, what was expected, and what to do now; never a secret.
    :param code: the service's error code.
    :param http_status: the HTTP status of the answer.
    :param permanent: whether the same call will fail again later; None takes the class's usual answer.
    :param retry_after: seconds to wait before another try, where somebody said so.
    :param scope: what is broken: "picture", "request" or "account"; None takes the class's usual answer.
    :param attempts: how many requests were made before giving up; 0 when none was.
    :param after_doubt: whether the service may have acted on an earlier one of these requests.
    """

    may_have_acted: ClassVar[bool] = False
    """Whether the service may have done what it was asked for, although this error came back."""
    usually_permanent: ClassVar[bool] = True
    usual_scope: ClassVar[Scope] = "request"

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
        after_doubt: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.permanent = self.usually_permanent if permanent is None else permanent
        self.retry_after = retry_after
        self.scope: Scope = self.usual_scope if scope is None else scope
        self.attempts = attempts
        self.after_doubt = after_doubt


class ConfigurationError(OppoImageError):
    """The connection or an argument is wrong; nothing was sent."""


class PictureError(OppoImageError):
    """The check found that a picture is not ready.

    :param reports: the reports of all pictures that were looked at, as JSON-serialisable mappings.
    """

    usual_scope = "picture"

    def __init__(self, message: str, *, reports: Sequence[Mapping[str, Any]] = (), **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.reports = tuple(reports)

    @property
    def first_to_mend(self) -> Mapping[str, Any] | None:
        """The report whose first problem is to be mended first: a wrong picture's before an absent one's."""
        with_problems = [report for report in self.reports if report["problems"]]
        return min(with_problems, key=lambda report: report["state"] != "wrong", default=None)


class PictureAbsentError(PictureError):
    """A picture is not there yet: it may still come."""

    usually_permanent = False


class PictureWrongError(PictureError):
    """A picture is there, and is not what OPPO shows."""


class BatchError(OppoImageError):
    """Rows of a batch have no ids; it is permanent where no retry helps any of them.

    :param summary: how the batch ended, as a JSON-serialisable mapping.
    """

    def __init__(self, message: str, *, summary: Mapping[str, Any] | None = None, **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.summary = dict(summary or {})


class StorageError(OppoImageError):
    """A file in some storage cannot be read or written; it may pass."""

    usually_permanent = False


class ServiceError(OppoImageError):
    """The service answered, and said no.

    :param said: the service's own words, shortened and without secrets; "" where it gave none.
    """

    def __init__(self, message: str, *, said: str = "", **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.said = said


class PictureRefusedError(ServiceError):
    """OPPO does not take this picture (code 51)."""

    usual_scope = "picture"


class RequestRefusedError(ServiceError):
    """The service will never accept this request."""


class CidAlreadyUsedError(RequestRefusedError):
    """The service says that a push with this `cid` was accepted before."""


class AccountError(ServiceError):
    """The key, the permissions or a daily limit: every other request will fail as well."""

    usual_scope = "account"


class RateLimitedError(ServiceError):
    """The service asks for fewer requests."""

    usually_permanent = False


class ServiceUnavailableError(ServiceError):
    """The service failed by its own fault."""

    may_have_acted = True
    usually_permanent = False


class UnreadableAnswerError(OppoImageError):
    """The service's answer is none that it documents, so what it did is unknown."""

    may_have_acted = True
    usually_permanent = False


class TransportError(OppoImageError):
    """No answer was seen."""

    usually_permanent = False


class NotSentError(TransportError):
    """The request never reached the service: unknown host, refused connection, TLS that does not verify."""


class OutcomeUnknownError(TransportError):
    """The request was sent, and no answer came: the service may have acted on it."""

    may_have_acted = True
