"""Client of the EngageLab API: sends requests, reads responses and retries."""

from __future__ import annotations

import datetime
import logging
import random
import secrets
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Self, TypeVar

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import PushReceipt, Request
from airflow_provider_oppo_image.engagelab.push_body import PushBody
from airflow_provider_oppo_image.engagelab.push_once import SAFE_REPEAT
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.engagelab.statistics import PushStatistics
from airflow_provider_oppo_image.errors import OppoImageError, RateLimitedError, ServiceError
from airflow_provider_oppo_image.net.urls import PictureUrl

INITIAL_BACKOFF_S: Final = 0.5
"""Maximum backoff after the first attempt, in seconds; it doubles with each attempt."""

MAX_BACKOFF_S: Final = 20.0
"""Our own limit: the maximum backoff, in seconds."""


def next_delay(
    error: OppoImageError, *, attempts: int, elapsed: float, budget: float, jitter: float, last_try: bool = False
) -> float | None:
    """Return the delay before the next attempt of a call: exponential backoff with full jitter, plus Retry-After.

    :param error: the error of the last attempt.
    :param attempts: the number of attempts so far, at least 1.
    :param elapsed: seconds since the start of the first attempt.
    :param budget: seconds after the start of the first attempt within which another may start; 0 means one attempt.
    :param jitter: a random number from 0 to 1.
    :param last_try: whether an earlier attempt failed with an error with `retry_once`, too.
    :return: seconds; None if there must be no other attempt.
    """
    if error.permanent or (error.retry_once and last_try):
        return None
    # The exponent is limited, because 2 ** 1024 is too large for a float.
    delay = jitter * min(MAX_BACKOFF_S, INITIAL_BACKOFF_S * 2 ** min(attempts - 1, 16))
    delay += error.retry_after or 0.0
    return delay if elapsed + delay < budget else None


T = TypeVar("T")

log = logging.getLogger(__name__)


class EngageLabClient:
    """Client of the service. Threads may share it.

    :param transport: the connections to the service; `close` closes them.
    :param retry_budget: seconds after the start of a call's first attempt within which another may start; 0 means one
        attempt.
    :param rate_limiter: limits the rate of all attempts; None for no limit.
    """

    def __init__(
        self, transport: HttpTransport, *, retry_budget: float = 120.0, rate_limiter: RateLimiter | None = None
    ) -> None:
        self._transport = transport
        self._retry_budget = retry_budget
        self._rate_limiter = rate_limiter

    def __repr__(self) -> str:
        return f"EngageLabClient({self._transport!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def upload(self, kind: PictureKind, url: str | PictureUrl) -> str:
        """Upload one picture.

        :param kind: "big" or "small".
        :param url: the URL from which the service downloads the picture.
        :return: the picture id.
        :raises OppoImageError: if no id was returned; the type says where the fault is.
        """
        request = messages.upload_request(kind, url)
        return self._call(request, partial(messages.read_upload, kind, request))

    def check_credentials(self) -> None:
        """Return if the service accepts the AppKey and the master secret. It changes nothing and does not retry.

        :raises OppoImageError: if the service does not accept them, or no response was received.
        """
        request = messages.credentials_probe()
        self._call(request, partial(messages.read_credentials_probe, request), budget=0.0)

    def push(self, push: PushBody, *, until: datetime.datetime | None = None) -> PushReceipt:
        """Send a push. The service recognises a repeat of its `cid` for one hour.

        :param push: the push; one without a `cid` gets a random one, which the retries of this call share.
        :param until: no request is sent after this time, with a time zone; None for `push_once.SAFE_REPEAT` from now.
        :raises OppoImageError: if the push was not accepted, or that is not known.
        """
        push = push.with_cid(push.cid or secrets.token_hex(20))
        remaining = SAFE_REPEAT if until is None else until - datetime.datetime.now(datetime.UTC)
        budget = min(self._retry_budget, max(remaining.total_seconds(), 0.0))
        request = messages.push_request(push.body)
        receipt = self._call(request, partial(messages.read_push, request), budget=budget)
        if receipt.request_id not in (None, push.body["request_id"]):
            log.warning(
                "The service returned the request id %s for a push with the request id %s. It may have taken this push "
                "for a repeat of another one with the same cid (%s).",
                receipt.request_id,
                push.body["request_id"],
                push.cid,
            )
        log.info("Pushed with cid %s: message id %s, request id %s", push.cid, receipt.msg_id, receipt.request_id)
        return receipt

    def validate_push(self, push: PushBody) -> None:
        """Let the service check a push without sending it.

        :param push: the push.
        :raises OppoImageError: if the push would not be accepted, or that is not known.
        """
        request = messages.push_request(push.body, validate=True)
        self._call(request, partial(messages.read_acknowledgement, request))

    def withdraw(self, msg_id: str) -> None:
        """Withdraw a push; the service allows it once, within one day.

        :param msg_id: the message id.
        :raises OppoImageError: if the push was not withdrawn, or that is not known.
        """
        request = messages.withdraw_request(msg_id)
        self._call(request, partial(messages.read_acknowledgement, request))

    def push_status(self, msg_ids: str | Iterable[str], *, retry: bool = True) -> dict[str, PushStatistics]:
        """Return the statistics of pushes; an id that the service does not know, or not yet, is not in it.

        :param msg_ids: 1 to `contract.MAX_STATUS_IDS` message ids, or one message id.
        :param retry: False sends one request only.
        :raises ConfigurationError: if a message id is not valid, or there are too many. Nothing was sent.
        :raises OppoImageError: if the service returned no statistics.
        """
        ids = messages.read_msg_ids(msg_ids)
        request = messages.status_request(ids)
        return self._call(request, partial(messages.read_status, ids, request), budget=None if retry else 0.0)

    def _call(self, request: Request, read: Callable[[Response], T], *, budget: float | None = None) -> T:
        start = time.monotonic()
        attempts, ambiguous, last_try = 0, False, False
        while True:
            if self._rate_limiter:
                self._rate_limiter.acquire()
            attempts += 1
            try:
                return read(self._transport.send(request))
            except OppoImageError as error:
                rate_limited = self._rate_limiter is not None and isinstance(error, RateLimitedError)
                if self._rate_limiter and rate_limited:
                    self._rate_limiter.on_rate_limited()
                error.attempts, error.earlier_attempt_ambiguous = attempts, ambiguous
                ambiguous = ambiguous or error.may_have_taken_effect
                delay = next_delay(
                    error,
                    attempts=attempts,
                    elapsed=time.monotonic() - start,
                    budget=self._retry_budget if budget is None else budget,
                    jitter=random.random(),  # noqa: S311  # no secret
                    last_try=last_try,
                )
                if error.retry_once and last_try and isinstance(error, ServiceError):
                    error.permanent = True
                last_try = last_try or error.retry_once
                if delay is None:
                    raise
                # No warning at first: an adaptive rate limiter exceeds the limit now and then to find it.
                level = logging.DEBUG if rate_limited and attempts < 3 else logging.WARNING
                log.log(level, "%s Attempt %d failed; the next one starts in %.1f s.", error, attempts, delay)
            if self._rate_limiter:
                self._rate_limiter.sleep(delay)
            else:
                time.sleep(delay)
