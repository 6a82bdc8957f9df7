"""What is asked of the service, and what each answer teaches of that nobody knows for sure. None sends a push."""

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
"""The picture ids that whoever is asked gave so far."""

Credentials: TypeAlias = Literal["ours", "a wrong master secret", "an unknown AppKey"]

NOWHERE: Final = "https://missing.invalid/big.jpg"
"""A URL that never leads anywhere. Source: RFC 2606, which reserves the name."""

NO_PICTURE: Final = "1_000000000000000000000000"
"""An id of the known form that no upload gave."""


@dataclass(frozen=True)
class Question:
    """One thing to ask.

    :param name: what is asked.
    :param teaches: what the answer decides.
    :param request: makes the request; None where it needs the id of a picture that was not uploaded.
    :param read: our code's reading of the answer, which raises for a refusal.
    :param good: what our code makes of an answer that it does not refuse.
    :param kind: the kind of picture whose id the answer brings.
    :param credentials: whose it is asked with.
    :param also_known: codes that fit what we know too, where the account decides between them and the sandbox's answer.
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
    "an upload of nothing, answered with a missing parameter, proves the AppKey and the master secret",
    lambda _: messages.credentials_probe(),
    messages.read_credentials_probe,
    "the credentials are good",
)
"""The first question: without its answer no other can be asked."""


def questions(big: str, small: str, wrong: str | None) -> list[Question]:
    """Return what is asked after the credentials are proved, in order.

    :param big: the URL of a big picture.
    :param small: the URL of a small picture.
    :param wrong: the URL of a picture that is no big picture; None asks nothing about it.
    """
    asked = [
        Question(
            "Test a wrong master secret",
            "which code an upload with wrong credentials gets",
            PROBE.request,
            PROBE.read,
            PROBE.good,
            credentials="a wrong master secret",
        ),
        Question(
            "Test an unknown AppKey",
            "whether an unknown AppKey is told from a wrong secret",
            PROBE.request,
            PROBE.read,
            PROBE.good,
            credentials="an unknown AppKey",
        ),
        Question(
            "Validate a push with a wrong master secret",
            "whether pushes have a code of their own for wrong credentials",
            lambda _: messages.push_request(_push(), validate=True),
            messages.read_acknowledgement,
            "the push is valid",
            credentials="a wrong master secret",
        ),
        _unsupported("uploads", contract.IMAGE_PATH),
        _unsupported("pushes", contract.PUSH_PATH),
        _upload("big", big, "Upload the big picture", "what an id looks like, and what else the answer holds"),
        _upload("small", small, "Upload the small picture", "likewise"),
        Question(
            "Upload both pictures in one request",
            "whether it takes both, as the vendor's page shows and the vendor's own tests deny",
            lambda _: _both(big, small),
            _read_both,
            "ids of both pictures",
        ),
        _upload("big", NOWHERE, "Upload a picture that is not there", "which code it gets if it cannot be downloaded"),
    ]
    if wrong is not None:
        asked.append(
            _upload(
                "big",
                wrong,
                "Upload a wrong picture",
                "whether OPPO's refusal comes inside an HTTP 200, and whether anybody resizes",
            )
        )
    return [
        *asked,
        Question(
            "Validate a push with the pictures",
            "whether the ids stand where the service wants them, and what a validation answers",
            _push_with_pictures,
            messages.read_acknowledgement,
            "the push is valid",
            also_known=(21011,),  # its tag is nobody's
        ),
        Question(
            "Validate a push with an id that no upload gave",
            "whether a validation looks at the ids",
            lambda _: messages.push_request(compose_push(_push(), big_picture_id=NO_PICTURE).body, validate=True),
            messages.read_acknowledgement,
            "the push is valid",
            also_known=(21011,),
        ),
        Question(
            "Ask for the status of a push that was never sent",
            "what the status of a push looks like that there is not",
            lambda _: messages.status_request("1"),
            lambda request, answer: read_object(request.what, answer),
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
        lambda request, answer: read_object(request.what, answer),
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
    """Return a push to a tag that nobody has: even if it were sent, nobody would see it."""
    return {
        "to": {"tag": [f"nobody-{secrets.token_hex(8)}"]},
        "body": {
            "platform": ["android"],
            "notification": {"android": {"alert": "A push that is only validated", "title": "Validation"}},
        },
    }
