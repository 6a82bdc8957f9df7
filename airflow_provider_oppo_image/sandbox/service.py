"""The service's behaviour without HTTP: credentials, rate limit, uploads and pushes.

Everything except the download runs in one thread, the server's event loop, so no lock is needed.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import itertools
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from airflow_provider_oppo_image.contract import DISTRIBUTIONS, MAX_STATUS_IDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.net.redaction import redact_url
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.picture_validation import fetch_and_validate, read_upload
from airflow_provider_oppo_image.sandbox.push_rules import Push, cid_of, oppo_options, part, read_push
from airflow_provider_oppo_image.sandbox.responses import RefusedError, SandboxResponse
from airflow_provider_oppo_image.sandbox.state import (
    ReceivedUpload,
    SandboxState,
    SentPush,
    SlidingWindowCounter,
    ValidatedPush,
)

_MAX_DOWNLOADS: Final = 64
_PICTURE_ID_PREFIX: Final = "3653918"
_FIRST_MESSAGE_ID: Final = 1_180_001
_VIP_END_TIME: Final = 4_102_444_800  # 2100-01-01, in seconds
_DAY_S: Final = 86_400
_STATISTICS_KEPT_S: Final = 30 * _DAY_S

_KINDS: Final = ("notification", "message", "live_activity", "voip", "inapp_message")
_CHANNELS: Final = {
    "sub_android": ("engageLab_android", "xiaomi", "huawei", "honor", "meizu", "oppo", "vivo", "fcm"),
    "sub_ios": ("engageLab_ios", "apns"),
    "sub_hmos": ("engageLab_hmos", "harmonyos"),
}
_PLURAL: Final = ("targets", "sent", "delivered", "impressions", "clicks")
_SINGULAR: Final = ("target", "sent", "delivered", "impressions", "click")


class SandboxService:
    """A stand-in for the service.

    :param clock: returns seconds of a monotonic clock.
    """

    def __init__(self, options: SandboxOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self._clock = clock
        self._downloads = ThreadPoolExecutor(_MAX_DOWNLOADS, thread_name_prefix="sandbox download")
        self._token = base64.b64encode(f"{options.app_key}:{options.master_secret}".encode())
        self._message_ids = itertools.count(_FIRST_MESSAGE_ID)
        self.forget()

    def forget(self) -> None:
        """Delete everything that was received, including picture ids, `cid`s and counts."""
        self.state = SandboxState(self.options.kept_pictures)
        self._accepted = SlidingWindowCounter()

    def close(self) -> None:
        """Start no more downloads. Running downloads end at their deadline."""
        self._downloads.shutdown(wait=False, cancel_futures=True)

    def record_arrival(self) -> None:
        """Count a request, whatever its response."""
        self.state.arrivals.add(self._clock())

    def admit(self, authorization: str, refusal: int) -> None:
        """Check the credentials and the rate limit.

        Refused requests do not count towards the limit, so a client that sends too many is served at the limit and not
        locked out.

        :param authorization: the request's header; empty if it is missing.
        :param refusal: the code for wrong credentials: 23001, or 21004 for pushes.
        :raises RefusedError: for wrong credentials, or above the rate limit.
        """
        scheme, _, token = authorization.partition(" ")
        correct = hmac.compare_digest(token.strip().encode(), self._token)
        if scheme.lower() != "basic" or not correct:
            raise RefusedError(refusal, "Basic authentication failed")
        now, limit = self._clock(), self.options.requests_per_second
        if limit and self._accepted.count(now) >= limit:
            raise RefusedError(23008, f"More than {limit} requests a second for this AppKey")
        self._accepted.add(now)

    async def upload(self, raw: bytes) -> SandboxResponse:
        """Download, validate and store the pictures of an upload.

        :param raw: the body of the request.
        :return: the ids, or the refusal of the first refused picture.
        :raises RefusedError: if the request itself is invalid.
        """
        urls = read_upload(raw, both_urls=self.options.both_urls)
        responses = [await self._upload_one(kind, url) for kind, url in urls.items()]
        refusals = [response for response in responses if response.code is not None]
        ids = {key: value for response in responses for key, value in response.body.items()}
        return refusals[0] if refusals else SandboxResponse(200, ids)

    async def _upload_one(self, kind: PictureKind, url: str) -> SandboxResponse:
        rule, state, loop = PICTURE_RULES[kind], self.state, asyncio.get_running_loop()
        try:
            picture = await loop.run_in_executor(
                self._downloads, fetch_and_validate, url, rule, self.options.picture_timeout
            )
        except RefusedError as refused:
            state.add_upload(ReceivedUpload(kind, redact_url(url), refused.response, None), None)
            return refused.response
        picture_id = f"{_PICTURE_ID_PREFIX}_{secrets.token_hex(12)}"
        response = SandboxResponse(200, {rule.id_key: picture_id})
        state.add_upload(ReceivedUpload(kind, redact_url(url), response, picture_id), picture)
        return response

    def push(self, raw: bytes) -> SandboxResponse:
        """Send a push, unless its `cid` was sent within the last hour: then repeat the first message id.

        :param raw: the body of the request.
        :raises RefusedError: if it is invalid.
        """
        push = read_push(raw, self.state.has_picture)
        cid = cid_of(push)
        first = self.state.by_cid.get(cid or "")
        if first and self._clock() - first.accepted_at < self.options.cid_lifetime:
            first.repeats += 1
            return _push_response(push, first.msg_id)
        sent = SentPush(push, str(next(self._message_ids)), self._clock())
        self.state.add_push(sent)
        return _push_response(push, sent.msg_id)

    def validate(self, raw: bytes) -> SandboxResponse:
        """Validate a push and send nothing.

        :param raw: the body of the request.
        :return: the response of a push; no push has its message id.
        :raises RefusedError: if it is invalid.
        """
        push = read_push(raw, self.state.has_picture)
        self.state.validations.append(ValidatedPush(push))
        return _push_response(push, str(next(self._message_ids)))

    def withdraw(self, msg_id: str) -> SandboxResponse:
        """Withdraw a push: once, and within one day.

        :raises RefusedError: if no push has this message id, or it was withdrawn before, or is older than a day.
        """
        sent = self.state.pushes.get(msg_id)
        if sent is None:
            raise RefusedError(21003, f"No push has the message id {msg_id}")
        if sent.withdrawn:
            raise RefusedError(21003, f"The push {msg_id} has already been withdrawn")
        if self._age(sent) > _DAY_S:
            raise RefusedError(21003, f"The push {msg_id} is older than one day")
        sent.withdrawn = True
        return SandboxResponse(200, {"request_id": "", "msg_id": msg_id})

    def status(self, message_ids: str) -> SandboxResponse:
        """Return the statistics of pushes that are kept: for one month, as the service keeps them.

        :param message_ids: message ids, separated by commas.
        :return: statistics by message id, without ids that are unknown or have no statistics yet.
        :raises RefusedError: for no id, and for more than 100 ids.
        """
        ids = [one.strip() for one in message_ids.split(",") if one.strip()]
        if not ids:
            raise RefusedError(21002, "`message_ids` is missing")
        if len(ids) > MAX_STATUS_IDS:
            raise RefusedError(21003, f"{len(ids)} message ids; at most {MAX_STATUS_IDS} are allowed")
        known = {one: sent for one in ids if (sent := self.state.pushes.get(one))}
        return SandboxResponse(
            200,
            {
                one: _statistics_of(sent.push, self.options)
                for one, sent in known.items()
                if self.options.statistics_delay <= self._age(sent) <= _STATISTICS_KEPT_S
            },
        )

    def _age(self, sent: SentPush) -> float:
        return self._clock() - sent.accepted_at

    def vip_status(self) -> SandboxResponse:
        """Return that the account has a paid plan."""
        return SandboxResponse(200, {"vip_status": 1, "vip_end_time": _VIP_END_TIME})


def _push_response(push: Push, msg_id: str) -> SandboxResponse:
    return SandboxResponse(200, {"request_id": push.get("request_id", ""), "msg_id": msg_id})


def _statistics_of(push: Push, options: SandboxOptions) -> dict[str, Any]:
    """Return the statistics of one push, in the documented shape.

    Each push goes to one Android phone of OPPO, or to one iPhone if its platform is iOS only. Source of the shape: the
    vendor's statistics page and Java SDK 0.0.22.

    :param push: the push that was sent.
    :param options: how the service spells numbers, and whether OPPO reports the delivery.
    """
    group, channel = _route(push)
    delivered = int(channel != "oppo" or options.oppo_reports_delivery)
    # OPPO reports neither impressions nor clicks.
    counts = (1, 1, delivered, int(channel != "oppo"), 0)
    sent_kind = next(kind for kind in _KINDS if part(push, "body", kind))
    sub: dict[str, Any] = {kind: {} for kind in _KINDS}
    sub[sent_kind] = dict(zip(_SINGULAR if options.singular_counts else _PLURAL, counts, strict=True)) | {
        name: {one: dict(zip(_PLURAL, counts if one == channel else (0,) * 5, strict=True)) for one in channels}
        if name == group
        else {one: {} for one in channels}
        for name, channels in _CHANNELS.items()
    }
    return {**dict(zip(_PLURAL, counts, strict=True)), "plan_id": "", "pushContent": {}, "sub": sub}


def _route(push: Push) -> tuple[str, str]:
    """Return the group of channels, and the channel, that a push takes."""
    platform = push["body"].get("platform", "all")
    if platform != "all" and "android" not in platform:
        return ("sub_ios", "apns") if "ios" in platform else ("sub_hmos", "harmonyos")
    third_party = part(push, "body", "options", "third_party_channel")
    value = third_party.get("distribution_new") or oppo_options(push).get("distribution_new") or "pns_mtpush"
    return "sub_android", "oppo" if DISTRIBUTIONS[value] == "all" else "engageLab_android"
