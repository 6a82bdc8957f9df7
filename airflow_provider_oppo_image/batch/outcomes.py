"""What became of a picture of a batch: its id, or why it has none and whose fault that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureError,
    TransportError,
    UnreadableAnswerError,
)

Fault: TypeAlias = Literal["picture", "manifest", "request", "account", "service"]

FAULTS: tuple[Fault, ...] = get_args(Fault)

MAX_WORDS = 1_000
"""The longest words of a failure, in characters: ours."""

_NOT_THE_SERVICE = 21001  # "the URL is wrong": whoever answers, it is not the push service

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
    :param words: what was found, and what to do now; one line, `MAX_WORDS` characters at most.
    :param fault: what has to be mended: the picture, the manifest, the request, the account, or the service.
    :param passing: whether the same may succeed later, with nothing changed here.
    """

    code: str
    words: str
    fault: Fault
    passing: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a picture.

    :param number: the picture's number in its plan.
    :param picture_id: its id; None where it has none.
    :param failure: why it has none; None where it has one, and where it was not tried.
    """

    number: int
    picture_id: str | None = None
    failure: Failure | None = None


def failure_of(error: OppoImageError) -> Failure:
    """Say why a picture was not uploaded.

    :param error: what the check or the client raised.
    """
    words = "; ".join(line.strip() for line in str(error).splitlines())
    return Failure(_code_of(error), words[:MAX_WORDS], _fault_of(error), passing=not error.permanent)


def _code_of(error: OppoImageError) -> str:
    if isinstance(error, PictureError):
        return str(error.first_to_mend["problems"][0]["code"]) if error.first_to_mend else "picture"
    if error.code is not None:
        return str(error.code)
    named = [code for kind, code in _CODES.items() if isinstance(error, kind)]
    return named[0] if named else f"http_{error.http_status}"


def _fault_of(error: OppoImageError) -> Fault:
    if error.scope != "request":
        return error.scope
    if isinstance(error, TransportError) or error.code == _NOT_THE_SERVICE:
        return "service"  # or the way to it, such as a certificate that does not verify: nothing about this picture
    return "request" if error.permanent else "service"
