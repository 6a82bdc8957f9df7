"""The questions to the service, and what each answer shows. No question sends a push."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from airflow_provider_oppo_image import contract
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.engagelab.push_body import compose_push
from airflow_provider_oppo_image.engagelab.responses import Response, read_object

Ids: TypeAlias = Mapping[PictureKind, str]
"""The picture ids that the service gave so far."""

Credentials: TypeAlias = Literal["ours", "a wrong master secret", "an unknown AppKey"]

NOWHERE: Final = "https://missing.invalid/big.jpg"
"""A URL that never resolves: RFC 2606 reserves its domain."""

NO_PICTURE: Final = "1_000000000000000000000000"
"""An id of the expected form that no upload gave."""


@dataclass(frozen=True)
class Question:
    """One question.

    :param teaches: what the answer shows.
    :param request: makes the request; returns None if an id that it needs is missing.
    :param read: our code's parser of the answer, which raises for a refusal.
    :param good: the outcome in words if it does not raise.
    :param kind: the kind of picture whose id is in the answer.
    :param also_known: error codes that are expected too: the account decides between them and the sandbox's answer.
    """

    name: str
    teaches: str
    request: Callable[[Ids], Request | None]
    read: Callable[[Request, Response], object]
    good: str
    kind: PictureKind | None = None
    credentials: Credentials = "ours"
    also_known: tuple[int, ...] = ()


PROBE: Final = Question(
    "Test the credentials",
    "an empty upload, refused for a missing parameter, proves the AppKey and the master secret",
    lambda _: messages.credentials_probe(),
    messages.read_credentials_probe,
    "the credentials are good",
)
"""The first question: the others need its answer."""


def questions(big: str, small: str, wrong: str | None) -> list[Question]:
    """Return the questions after `PROBE`, in order."""
    asked = [
        Question(
            "Test a wrong master secret",
            "the code of an upload with wrong credentials",
            PROBE.request,
            PROBE.read,
            PROBE.good,
            credentials="a wrong master secret",
        ),
        Question(
            "Test an unknown AppKey",
            "whether an unknown AppKey and a wrong secret have different codes",
            PROBE.request,
            PROBE.read,
            PROBE.good,
            credentials="an unknown AppKey",
        ),
        Question(
            "Validate a push with a wrong master secret",
            "whether pushes have another code for wrong credentials",
            lambda _: messages.push_request(_push(), validate=True),
            messages.read_acknowledgement,
            "the push is valid",
            credentials="a wrong master secret",
        ),
        _unsupported("uploads", contract.IMAGE_PATH),
        _unsupported("pushes", contract.PUSH_PATH),
        _upload("big", big, "Upload the big picture", "the form of an id, and what else the answer has"),
        _upload("small", small, "Upload the small picture", "the same for a small picture"),
        Question(
            "Upload both pictures in one request",
            "whether it takes both: the vendor's page shows it, and the vendor's tests contradict it",
            lambda _: _both(big, small),
            _read_both,
            "ids of both pictures",
        ),
        _upload("big", NOWHERE, "Upload a picture that is not there", "the code if it cannot be downloaded"),
    ]
    if wrong is not None:
        asked.append(
            _upload(
                "big",
                wrong,
                "Upload a wrong picture",
                "whether OPPO's refusal has HTTP status 200, and whether the picture is resized",
            )
        )
    return [
        *asked,
        Question(
            "Validate a push with the pictures",
            "whether the ids are in the right fields, and the answer to a validation",
            _push_with_pictures,
            messages.read_acknowledgement,
            "the push is valid",
            also_known=(21011,),  # nobody has its tag
        ),
        Question(
            "Validate a push with an id that no upload gave",
            "whether a validation checks the ids",
            lambda _: messages.push_request(compose_push(_push(), big_picture_id=NO_PICTURE).body, validate=True),
            messages.read_acknowledgement,
            "the push is valid",
            also_known=(21011,),
        ),
        Question(
            "Ask for the status of a push that was never sent",
            "the status of a push that does not exist",
            lambda _: messages.status_request("1"),
            lambda request, answer: read_object(request.action, answer),
            "an object by message id",
        ),
    ]


def _upload(kind: PictureKind, url: str, name: str, teaches: str) -> Question:
    return Question(
        name,
        teaches,
        lambda _: messages.upload_request(kind, url),
        partial(messages.read_upload, kind),
        f"an id of a {kind} picture",
        kind=kind,
    )


def _unsupported(what: str, path: str) -> Question:
    return Question(
        f"Ask for {what} by GET",
        "the HTTP status of a method that is not supported",
        lambda _: Request(f"Asking for {what} by GET", "GET", path),
        lambda request, answer: read_object(request.action, answer),
        "an object",
    )


def _both(big: str, small: str) -> Request:
    alone = [messages.upload_request("big", big), messages.upload_request("small", small)]
    body = {key: url for request in alone for key, url in (request.body or {}).items()}
    return Request("Uploading both pictures", "POST", contract.IMAGE_PATH, body)


def _read_both(request: Request, answer: Response) -> object:
    return [messages.read_upload(kind, request, answer) for kind in PICTURE_KINDS]


def _push_with_pictures(ids: Ids) -> Request | None:
    if len(ids) < len(PICTURE_KINDS):
        return None
    push = compose_push(_push(), big_picture_id=ids["big"], small_picture_id=ids["small"])
    return messages.push_request(push.body, validate=True)


def _push() -> dict[str, Any]:
    """Return a push to a tag that nobody has: nobody would see it, even if it were sent."""
    return {
        "to": {"tag": [f"nobody-{secrets.token_hex(8)}"]},
        "body": {
            "platform": ["android"],
            "notification": {"android": {"alert": "A push that is only validated", "title": "Validation"}},
        },
    }
