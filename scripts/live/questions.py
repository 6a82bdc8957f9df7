"""The questions to the service. No question sends a push."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from airflow_provider_oppo_image import contract
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.engagelab.push_body import compose_push
from airflow_provider_oppo_image.engagelab.responses import Response, read_object

OURS: Final = "our credentials"
WRONG_SECRET: Final = "a wrong master secret"  # noqa: S105 - a description
UNKNOWN_KEY: Final = "an unknown AppKey"

NOWHERE: Final = "https://missing.invalid/big.jpg"
"""A URL that never resolves: RFC 2606 reserves its domain."""

NO_PICTURE: Final = "1_000000000000000000000000"
"""An id of the expected form that no upload gave."""

_NO_RECEIVER: Final = 21011


@dataclass(frozen=True)
class Question:
    """One question.

    :param request: makes the request from the picture ids so far; returns None if an id that it needs is missing.
    :param read: our code's parser of the answer, which raises for a refusal.
    :param kind: the kind of picture whose id is in the answer.
    :param also_known: error codes that are expected too: the account decides between them and the sandbox's answer.
    """

    name: str
    request: Callable[[Mapping[PictureKind, str]], Request | None]
    read: Callable[[Request, Response], object]
    kind: PictureKind | None = None
    credentials: str = OURS
    also_known: tuple[int, ...] = ()


def _probe(name: str, credentials: str) -> Question:
    return Question(
        name, lambda _: messages.credentials_probe(), messages.read_credentials_probe, credentials=credentials
    )


PROBE: Final = _probe("Test the credentials", OURS)
"""The first question: the others need its answer."""


def questions(big: str, small: str, wrong: str | None) -> list[Question]:
    """Return the questions after `PROBE`, in order."""
    valid = messages.read_acknowledgement
    return [
        _probe("Test a wrong master secret", WRONG_SECRET),
        _probe("Test an unknown AppKey", UNKNOWN_KEY),
        Question("Validate a push with a wrong master secret", lambda _: _push(), valid, credentials=WRONG_SECRET),
        _get("Ask for uploads by GET", contract.IMAGE_PATH),
        _get("Ask for pushes by GET", contract.PUSH_PATH),
        _upload("Upload the big picture", "big", big),
        _upload("Upload the small picture", "small", small),
        Question("Upload both pictures in one request", lambda _: _both(big, small), _read_both),
        _upload("Upload a picture that is not there", "big", NOWHERE),
        *([_upload("Upload a wrong picture", "big", wrong)] if wrong else []),
        Question(
            "Validate a push with the pictures",
            lambda ids: _push(ids["big"], ids["small"]) if len(ids) == len(PICTURE_KINDS) else None,
            valid,
            also_known=(_NO_RECEIVER,),
        ),
        Question(
            "Validate a push with an id that no upload gave",
            lambda _: _push(NO_PICTURE),
            valid,
            also_known=(_NO_RECEIVER,),
        ),
        Question(
            "Ask for the status of a push that was never sent", lambda _: messages.status_request("1"), _read_object
        ),
    ]


def _upload(name: str, kind: PictureKind, url: str) -> Question:
    return Question(name, lambda _: messages.upload_request(kind, url), partial(messages.read_upload, kind), kind)


def _get(name: str, path: str) -> Question:
    return Question(name, lambda _: Request(name, "GET", path), _read_object)


def _read_object(request: Request, answer: Response) -> object:
    return read_object(request.action, answer)


def _both(big: str, small: str) -> Request:
    alone = [messages.upload_request("big", big), messages.upload_request("small", small)]
    body = {key: url for request in alone for key, url in (request.body or {}).items()}
    return Request("Uploading both pictures", "POST", contract.IMAGE_PATH, body)


def _read_both(request: Request, answer: Response) -> object:
    return [messages.read_upload(kind, request, answer) for kind in PICTURE_KINDS]


def _push(big: str | None = None, small: str | None = None) -> Request:
    """Return the validation of a push to a tag that nobody has: nobody would see it, even if it were sent."""
    notification = {"android": {"alert": "A push that is only validated", "title": "Validation"}}
    push: Mapping[str, Any] = {
        "to": {"tag": [f"nobody-{secrets.token_hex(8)}"]},
        "body": {"platform": ["android"], "notification": notification},
    }
    if big:
        push = compose_push(push, big_picture_id=big, small_picture_id=small).body
    return messages.push_request(push, validate=True)
