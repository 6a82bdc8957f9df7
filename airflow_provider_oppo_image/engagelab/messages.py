"""Requests and responses of the service, without I/O."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard
from urllib.parse import quote, urlencode

from airflow_provider_oppo_image import contract
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.engagelab.responses import RETRY_ADVICE, Response, read_object
from airflow_provider_oppo_image.engagelab.statistics import PushStatistics, read_statistics
from airflow_provider_oppo_image.errors import ConfigurationError, RequestRefusedError, UnreadableAnswerError
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.template_values import is_blank

# Without the characters of markup; OPPO's ids are short, so the length is our own limit.
_ID: Final = re.compile(r"[!-%'-;=?-~]{1,128}")
_NO_IDS: Final = frozenset({"null", "none", "undefined", "nan", "nil", "false", "true", "n/a"})


@dataclass(frozen=True)
class Request:
    """One request to the service.

    :param action: what is requested, for the beginning of an error message.
    :param method: the HTTP method.
    :param path: the path and query below the base URL.
    :param body: the JSON object to send; None for no body. Not in `repr`, because a picture's URL may be presigned.
    :param max_response_bytes: maximum size of the response, in bytes, inclusive.
    """

    action: str
    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    max_response_bytes: int = contract.MAX_RESPONSE_BYTES


@dataclass(frozen=True)
class PushReceipt:
    """The result of a push.

    :param msg_id: the message id.
    :param request_id: the `request_id` of the push, as the service returned it; None if it returned none.
    """

    msg_id: str
    request_id: str | None = None


def to_json(body: Mapping[str, Any]) -> bytes:
    """Return a body as compact JSON in UTF-8, because the service limits its bytes.

    :raises TypeError: if a value's type is not supported by JSON.
    :raises ValueError: if a number or a character is not supported by JSON, or the body contains itself.
    """
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def basic_auth(app_key: str, master_secret: str) -> str:
    """Return the value of the Authorization header, which is a secret."""
    return "Basic " + base64.b64encode(f"{app_key}:{master_secret}".encode()).decode()


def upload_request(kind: PictureKind, url: str | PictureUrl) -> Request:
    """Return the request to upload one picture. The live service refuses two pictures in one request.

    :param kind: "big" or "small".
    :param url: the URL from which the service downloads the picture.
    :raises ConfigurationError: if `kind` is not valid, or the service cannot download from the URL.
    """
    if kind not in PICTURE_RULES:
        raise ConfigurationError(f"The kind of a picture must be 'big' or 'small', not {kind!r}.")
    url = PictureUrl.parse(url)
    if url.error:
        raise ConfigurationError(
            f"The {kind} picture was not uploaded, because its URL is not valid: {url.error.found}. Give a public "
            "URL such as https://cdn.example.com/big.png with http or https. If it comes from a template, check the "
            "rendered values of this task."
        )
    what = f"Uploading {url} as the {kind} picture"
    return Request(what, "POST", contract.IMAGE_PATH, {PICTURE_RULES[kind].url_key: url.full})


def read_upload(kind: PictureKind, request: Request, response: Response) -> str:
    """Return the picture id of a response.

    :raises ServiceError: if the service returned an error, also with an HTTP 200.
    :raises UnreadableAnswerError: if the response contains neither an id nor an error.
    """
    key = PICTURE_RULES[kind].id_key
    return _read_id(request, response, key, read_object(request.action, response, upload=True).get(key))


def credentials_probe() -> Request:
    """Return a request that checks the credentials: an upload without a picture, which the service always refuses."""
    return Request("Testing the credentials", "POST", contract.IMAGE_PATH, {})


def read_credentials_probe(request: Request, response: Response) -> None:
    """Return if the credentials are valid.

    :raises ServiceError: if the service refused the credentials.
    :raises UnreadableAnswerError: if the result is unknown. That includes a success, which this request cannot have.
    """
    try:
        read_object(request.action, response, upload=True)
    except RequestRefusedError as error:
        # The service checks parameters only after the credentials.
        if error.code in (23002, 21003):
            return
        raise
    raise UnreadableAnswerError(
        f"{request.action}: an upload without a picture was accepted (HTTP {response.status}), which the service never "
        "does, so it is unknown whether the credentials are valid. Check the host in the connection: the response may "
        "come from a proxy.",
        http_status=response.status,
    )


def push_request(body: Mapping[str, Any], *, validate: bool = False) -> Request:
    """Return the request to send a push.

    :param body: the vendor's push body.
    :param validate: only let the service check the push.
    """
    if validate:
        return Request("Validating the push", "POST", contract.VALIDATE_PATH, body)
    return Request("Pushing", "POST", contract.PUSH_PATH, body)


def read_push(request: Request, response: Response) -> PushReceipt:
    """Return the receipt of an accepted push, or of the first push with the same `cid`.

    :raises ServiceError: if the service returned an error.
    :raises UnreadableAnswerError: if the response contains neither a message id nor an error.
    """
    content = read_object(request.action, response)
    msg_id = content.get("msg_id")
    if isinstance(msg_id, int) and not isinstance(msg_id, bool):
        msg_id = str(msg_id)
    request_id = content.get("request_id")
    return PushReceipt(
        _read_id(request, response, "msg_id", msg_id), request_id if _is_safe_id(request_id, response) else None
    )


def read_acknowledgement(request: Request, response: Response) -> None:
    """Return if the service accepted a request whose response has no data.

    :raises ServiceError: if the service returned an error.
    :raises UnreadableAnswerError: if the response is neither a success nor an error.
    """
    # The vendor's Python SDK also accepts this bare text instead of JSON.
    if not (response.is_success and response.complete and response.body.strip() == b"success"):
        read_object(request.action, response)


def read_msg_id(value: object) -> str:
    """Return a message id as text. A template with native types makes a number of it.

    :raises ConfigurationError: if the value is not a message id.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    # A request for statistics separates ids by commas.
    if _is_id(text) and "," not in text and not is_blank(text):
        return text
    raise ConfigurationError(
        f"The message id {value!r:.60} is not valid. Give the id that a push returned; a push has no message id if its "
        "response was lost, or if it was only validated."
    )


def read_msg_ids(values: object) -> list[str]:
    """Return the message ids for one request for statistics, without duplicates.

    :param values: one message id, or an iterable of 1 to `contract.MAX_STATUS_IDS` message ids.
    :raises ConfigurationError: if no message id is given, too many are given, or one is not valid.
    """
    several = values if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping) else [values]
    msg_ids = list(dict.fromkeys(read_msg_id(value) for value in several))
    if not 1 <= len(msg_ids) <= contract.MAX_STATUS_IDS:
        raise ConfigurationError(
            f"The number of message ids must be from 1 to {contract.MAX_STATUS_IDS}, not {len(msg_ids)}. Send several "
            "requests."
        )
    return msg_ids


def withdraw_request(msg_id: str) -> Request:
    """Return the request to withdraw a push. The service allows it once, within one day.

    :param msg_id: the message id of the push.
    :raises ConfigurationError: if it is not a message id.
    """
    msg_id = read_msg_id(msg_id)
    return Request(f"Withdrawing the push {msg_id}", "DELETE", f"{contract.WITHDRAW_PATH}/{quote(msg_id, safe='')}")


def status_request(msg_ids: Iterable[str]) -> Request:
    """Return the request for the statistics of pushes.

    :param msg_ids: message ids from `read_msg_ids`.
    """
    query = urlencode({"message_ids": ",".join(msg_ids)})
    return Request(
        "Requesting the status of pushes",
        "GET",
        f"{contract.STATUS_PATH}?{query}",
        max_response_bytes=contract.MAX_STATUS_BYTES,
    )


def read_status(msg_ids: Iterable[str], request: Request, response: Response) -> dict[str, PushStatistics]:
    """Return the statistics of a response by message id; an id that the service does not know is not in it.

    :raises ServiceError: if the service returned an error.
    :raises UnreadableAnswerError: if the response does not contain statistics.
    """
    content = read_object(request.action, response)
    try:
        return read_statistics(msg_ids, content)
    except ValueError as error:
        raise UnreadableAnswerError(
            f"{request.action}: the response with HTTP {response.status} has not the documented shape: "
            f"{response.excerpt(str(error))}. Try again. If it happens again, ask EngageLab.",
            http_status=response.status,
        ) from None


def _is_id(value: object) -> TypeGuard[str]:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        return False
    return value.lower() not in _NO_IDS and value.strip("0") != ""


def _is_safe_id(value: object, response: Response) -> TypeGuard[str]:
    return _is_id(value) and not response.redactor.contains_secret(value)


def _read_id(request: Request, response: Response, key: str, value: object) -> str:
    if _is_safe_id(value, response):
        return value
    if value is None:
        found = f"no {key}"
    elif isinstance(value, str):
        found = f"an invalid {key}: {response.excerpt(value, max_length=40)}"
    else:
        found = f"a {key} that is not text"
    raise UnreadableAnswerError(
        f"{request.action}: the service responded with HTTP {response.status} and {found}, so the result is unknown. "
        f"{RETRY_ADVICE}. If it happens again, ask EngageLab.",
        http_status=response.status,
    )
