"""The service's rules over what it remembers; no HTTP in it.

Everything but the download runs on one thread, the server's event loop, so nothing is locked.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from airflow_provider_oppo_image.contract import MAX_STATUS_IDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.net.redaction import redact_url
from airflow_provider_oppo_image.sandbox.answers import RefusedError, SandboxResponse
from airflow_provider_oppo_image.sandbox.judge import fetch_and_validate
from airflow_provider_oppo_image.sandbox.memory import SandboxState, SentPush, Upload, ValidatedPush
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.push_rules import Push, cid_of, read_push
from airflow_provider_oppo_image.sandbox.rate import SlidingWindowCounter
from airflow_provider_oppo_image.sandbox.upload_rules import read_upload

_DOWNLOADS: Final = 64
_PICTURE_ID_PREFIX: Final = "3653918"
_FIRST_MESSAGE: Final = 1_180_001
_VIP_UNTIL: Final = 4_102_444_800  # 2100-01-01, in seconds


class Service:
    """The stand-in for the service.

    :param options: how it behaves.
    :param clock: seconds on a clock that never goes back.
    """

    def __init__(self, options: SandboxOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self._clock = clock
        self._downloads = ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="sandbox download")
        self._credentials = base64.b64encode(f"{options.app_key}:{options.master_secret}".encode())
        self._next_message = _FIRST_MESSAGE
        self.forget()

    def forget(self) -> None:
        """Forget all that was received: uploads, picture ids, pushes, `cid`s, counts."""
        self.memory = SandboxState(self.options.kept_pictures)
        self._accepted = SlidingWindowCounter()

    def close(self) -> None:
        """Start no more downloads; those that run end by their own deadline."""
        self._downloads.shutdown(wait=False, cancel_futures=True)

    def arrive(self) -> None:
        """Count the arrival of a request, whatever becomes of it."""
        self.memory.arrivals.add(self._clock())

    def admit(self, authorization: str, refusal: int) -> None:
        """Let a request in, or not.

        :param authorization: the request's header, empty where there is none.
        :param refusal: the code for wrong credentials, 23001 or, for pushes, 21004.
        :raises Refused: for wrong credentials, and when it is one too many in this second. Requests that are refused
            take no place in the second, so that a client which hammers is served at the limit and not locked out.
        """
        scheme, _, token = authorization.partition(" ")
        known = hmac.compare_digest(token.strip().encode(), self._credentials)
        if scheme.lower() != "basic" or not known:
            raise RefusedError(refusal, "Basic authentication failed")
        now, limit = self._clock(), self.options.requests_per_second
        if limit and self._accepted.count(now) >= limit:
            raise RefusedError(23008, f"More than {limit} requests a second for this AppKey")
        self._accepted.add(now)

    async def upload(self, raw: bytes) -> SandboxResponse:
        """Download, judge and keep the pictures of an upload.

        :param raw: the body of the request.
        :return: the ids, or the refusal of the first picture that is refused.
        :raises Refused: when the request itself is wrong.
        """
        urls = read_upload(raw, both_urls=self.options.both_urls)
        answers = [await self._upload_one(kind, url) for kind, url in urls.items()]
        refusals = [answer for answer in answers if answer.code is not None]
        ids = {key: value for answer in answers for key, value in answer.body.items()}
        return refusals[0] if refusals else SandboxResponse(200, ids)

    async def _upload_one(self, kind: PictureKind, url: str) -> SandboxResponse:
        rule, memory, loop = PICTURE_RULES[kind], self.memory, asyncio.get_running_loop()
        try:
            picture = await loop.run_in_executor(
                self._downloads, fetch_and_validate, url, rule, self.options.picture_timeout
            )
        except RefusedError as refused:
            memory.add_upload(Upload(kind, redact_url(url), refused.answer, None), None)
            return refused.answer
        picture_id = f"{_PICTURE_ID_PREFIX}_{secrets.token_hex(12)}"
        answer = SandboxResponse(200, {rule.id_key: picture_id})
        memory.add_upload(Upload(kind, redact_url(url), answer, picture_id), picture)
        return answer

    def push(self, raw: bytes) -> SandboxResponse:
        """Send a push, unless its `cid` was sent before.

        :param raw: the body of the request.
        :raises Refused: when something is wrong with it.
        """
        push = read_push(raw, self.memory.has_picture)
        first = self.memory.by_cid.get(cid_of(push) or "")
        if first:
            first.repeats += 1
            if self.options.cid_repeat == "error":
                raise RefusedError(21003, f"cid {first.cid} has already been used")
            return _pushed(first.push, first.msg_id)
        sent = SentPush(push, self._message_id())
        self.memory.add_push(sent)
        return _pushed(push, sent.msg_id)

    def validate(self, raw: bytes) -> SandboxResponse:
        """Check a push and send nothing.

        :param raw: the body of the request.
        :return: what a push is answered; its message id names nothing.
        :raises Refused: when something is wrong with it.
        """
        push = read_push(raw, self.memory.has_picture)
        self.memory.validations.append(ValidatedPush(push))
        return _pushed(push, self._message_id())

    def withdraw(self, msg_id: str) -> SandboxResponse:
        """Recall a push, once.

        :param msg_id: the push's message id.
        :raises Refused: when there is no such push, or it was recalled before.
        """
        sent = self.memory.pushes.get(msg_id)
        if sent is None:
            raise RefusedError(21003, f"No push has the message id {msg_id}")
        if sent.withdrawn:
            raise RefusedError(21003, f"The push {msg_id} has already been withdrawn")
        sent.withdrawn = True
        return _pushed(sent.push, msg_id)

    def status(self, message_ids: str) -> SandboxResponse:
        """Say what became of pushes, each of which the sandbox shows to one phone.

        :param message_ids: message ids, joined by commas.
        :return: figures by message id, without the ids that name nothing.
        :raises Refused: for no id, and for more than 100.
        """
        ids = [one.strip() for one in message_ids.split(",") if one.strip()]
        if not ids:
            raise RefusedError(21002, "`message_ids` is missing")
        if len(ids) > MAX_STATUS_IDS:
            raise RefusedError(21003, f"{len(ids)} message ids; at most {MAX_STATUS_IDS} are allowed")
        figures = {"targets": 1, "sent": 1, "delivered": 1, "impressions": 1, "clicks": 0, "sub": {}}
        return SandboxResponse(200, {one: figures for one in ids if one in self.memory.pushes})

    def vip_status(self) -> SandboxResponse:
        """Say that the account is paid for."""
        return SandboxResponse(200, {"vip_status": 1, "vip_end_time": _VIP_UNTIL})

    def _message_id(self) -> str:
        self._next_message += 1
        return str(self._next_message - 1)


def _pushed(push: Push, msg_id: str) -> SandboxResponse:
    return SandboxResponse(200, {"request_id": push.get("request_id", ""), "msg_id": msg_id})
