"""Requests out, answers in: what we know of the service's messages, and no socket."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_oppo_image import contract
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.engagelab.responses import REPEAT_ADVICE, Response, read_object
from airflow_provider_oppo_image.errors import (
    CidAlreadyUsedError,
    ConfigurationError,
    RequestRefusedError,
    UnreadableAnswerError,
)
from airflow_provider_oppo_image.net.redaction import NOT_A_URL, redact_url

_ID: Final = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True)
class Request:
    """One request to the service.

    :param what: what is asked for, in words that can begin an error.
    :param method: the HTTP method.
    :param path: the path and query below the base URL.
    :param body: the JSON object to send, not in `repr`: a picture's URL may be signed. None sends none.
    """

    what: str
    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PushReceipt:
    """What became of a push.

    :param msg_id: the message id; None where an earlier request sent the push and its answer was lost.
    :param request_id: the `request_id` of the push, as the service gave it back.
    """

    msg_id: str | None
    request_id: str | None = None


def to_json(body: Mapping[str, Any]) -> bytes:
    """Return a body as it is sent: compact JSON in UTF-8, since the service counts bytes.

    :raises TypeError: if it holds what JSON does not know.
    :raises ValueError: if it holds a number or a character that JSON does not know, or itself.
    """
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def basic_auth(app_key: str, master_secret: str) -> str:
    """Return the value of the Authorization header. It is a secret."""
    return "Basic " + base64.b64encode(f"{app_key}:{master_secret}".encode()).decode()


def upload_request(kind: PictureKind, url: str) -> Request:
    """Ask for the upload of one picture; two in one request are refused by the live service.

    :param kind: "big" or "small".
    :param url: where the service downloads the picture from.
    :raises ConfigurationError: if `kind` is neither, or the URL is none that the service can download.
    """
    if kind not in PICTURE_RULES:
        raise ConfigurationError(f"The kind of a picture is 'big' or 'small', not {kind!r}.")
    shown = redact_url(url) if isinstance(url, str) else NOT_A_URL
    if shown == NOT_A_URL or urlsplit(url).scheme not in ("http", "https"):
        raise ConfigurationError(
            f"The {kind} picture's URL is none with http or https, such as https://cdn.example.com/big.png, so it was "
            "not uploaded. If it comes from a template, look at the rendered values of this task."
        )
    if "@" in urlsplit(url).netloc:
        raise ConfigurationError(
            f"The {kind} picture's URL {shown} holds a user or a password, so it was not uploaded. Take them out, "
            "change the password, and let the host sign URLs instead."
        )
    what = f"Uploading the {kind} picture {shown}"
    return Request(what, "POST", contract.IMAGE_PATH, {PICTURE_RULES[kind].url_key: url})


def read_upload(kind: PictureKind, request: Request, answer: Response) -> str:
    """Return the picture id that an answer gives.

    :raises ServiceError: if the service said no, inside an HTTP 200 too.
    :raises UnreadableAnswerError: if it said neither yes with an id nor no.
    """
    key = PICTURE_RULES[kind].id_key
    return _read_id(request, answer, key, read_object(request.what, answer).get(key))


def credentials_probe() -> Request:
    """Ask for an upload of nothing: it changes nothing, and is refused for the credentials or for the picture."""
    return Request("Testing the credentials", "POST", contract.IMAGE_PATH, {})


def read_credentials_probe(request: Request, answer: Response) -> None:
    """Return if the credentials are good.

    :raises ServiceError: if the service said no to them.
    :raises UnreadableAnswerError: if it said neither yes nor no; a success is neither, since nothing was asked for.
    """
    try:
        read_object(request.what, answer)
    except RequestRefusedError as error:
        # Whoever is told that a parameter is missing was let in.
        if error.code in (23002, 21003):
            return
        raise
    raise UnreadableAnswerError(
        f"{request.what}: an upload of nothing was answered with success (HTTP {answer.status}), which is no answer of "
        "the service's, so nobody can tell whether it lets this AppKey in. Check the host in the connection: it may be "
        "a proxy's answer.",
        http_status=answer.status,
    )


def push_request(body: Mapping[str, Any], *, validate: bool = False) -> Request:
    """Ask for a push.

    :param body: the vendor's push body.
    :param validate: only check it, and send nothing.
    """
    path, what = (contract.VALIDATE_PATH, "Validating the push") if validate else (contract.PUSH_PATH, "Pushing")
    return Request(what, "POST", path, body)


def read_push(request: Request, answer: Response) -> PushReceipt:
    """Return the receipt of an accepted push.

    :raises CidAlreadyUsedError: if the service says no and names the `cid`: one with it was accepted before.
    :raises ServiceError: if the service said no for another reason.
    :raises UnreadableAnswerError: if it said neither yes with a message id nor no.
    """
    try:
        answered = read_object(request.what, answer)
    except RequestRefusedError as error:
        if not re.search(r"\bcid\b", error.said, re.IGNORECASE):
            raise
        raise CidAlreadyUsedError(
            f"{request.what}: the service says that a push with this `cid` was accepted before (code {error.code}, "
            f"HTTP {error.http_status}: {error.said}). To push again, give a new `cid`.",
            said=error.said,
            code=error.code,
            http_status=error.http_status,
        ) from None
    msg_id = answered.get("msg_id")
    if isinstance(msg_id, int) and not isinstance(msg_id, bool):
        msg_id = str(msg_id)
    request_id = answered.get("request_id")
    return PushReceipt(
        _read_id(request, answer, "msg_id", msg_id), request_id if _is_safe_id(request_id, answer) else None
    )


def read_acknowledgement(request: Request, answer: Response) -> None:
    """Return if the service said yes, without anything to tell.

    :raises ServiceError: if it said no.
    :raises UnreadableAnswerError: if it said neither yes nor no.
    """
    # The vendor's Python SDK knows successes that answer with this bare text instead of JSON.
    if not (answer.is_success and answer.whole and answer.body.strip() == b"success"):
        read_object(request.what, answer)


def withdraw_request(msg_id: str) -> Request:
    """Ask to recall a push; the service does so within one day, once.

    :param msg_id: the message id of the push.
    :raises ConfigurationError: if it is no id.
    """
    if not _is_id(msg_id):
        raise ConfigurationError("There is no message id to withdraw; a push whose answer was lost has none.")
    return Request(f"Withdrawing the push {msg_id}", "DELETE", f"{contract.WITHDRAW_PATH}/{quote(msg_id, safe='')}")


def status_request(msg_ids: Sequence[str]) -> Request:
    """Ask how pushes fared.

    :param msg_ids: 1 to `contract.MAX_STATUS_IDS` message ids, or one.
    :raises ConfigurationError: if there are none, or more, or one of them is no id.
    """
    if isinstance(msg_ids, str):
        msg_ids = [msg_ids]
    if not all(map(_is_id, msg_ids)):
        raise ConfigurationError(
            "Not all message ids are the text that a push returned; leave out those that are None."
        )
    if not 1 <= len(msg_ids) <= contract.MAX_STATUS_IDS:
        raise ConfigurationError(
            f"The status of {len(msg_ids)} pushes was asked for; the service takes 1 to {contract.MAX_STATUS_IDS} "
            "message ids a request. Ask in parts."
        )
    query = urlencode({"message_ids": ",".join(msg_ids)})
    return Request("Asking for the pushes' status", "GET", f"{contract.STATUS_PATH}?{query}")


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _is_safe_id(value: object, answer: Response) -> TypeGuard[str]:
    return _is_id(value) and not answer.secrets.contains_secret(value)


def _read_id(request: Request, answer: Response, key: str, value: object) -> str:
    if _is_safe_id(value, answer):
        return value
    if value is None:
        found = f"no {key}"
    elif isinstance(value, str):
        found = f"a {key} that is no id: {answer.quote(value, longest=40)}"
    else:
        found = f"a {key} that is no text"
    raise UnreadableAnswerError(
        f"{request.what}: the service answered HTTP {answer.status} with {found}, so nobody can tell what it did. "
        f"{REPEAT_ADVICE}; if it goes on, ask EngageLab.",
        http_status=answer.status,
    )
