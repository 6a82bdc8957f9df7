"""Client of the EngageLab API: sends requests, reads responses and retries."""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Self, TypeVar

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.http import wire_of
from airflow_provider_oppo_image.engagelab.messages import PushReceipt, Request
from airflow_provider_oppo_image.engagelab.push_body import PushBody
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.engagelab.responses import Response, read_object
from airflow_provider_oppo_image.errors import (
    CidAlreadyUsedError,
    OppoImageError,
    RateLimitedError,
)
from airflow_provider_oppo_image.net.deadline import DEFAULT_TIMEOUTS, Timeouts

INITIAL_BACKOFF_S: Final = 0.5
"""The longest first wait, in seconds; it doubles with each attempt."""

MAX_BACKOFF_S: Final = 20.0
"""The longest wait, in seconds, that we choose ourselves."""


def next_delay(error: OppoImageError, *, attempts: int, elapsed: float, budget: float, chance: float) -> float | None:
    """Decide whether a call is tried again.

    A wait is drawn evenly from zero to a bound that doubles ("full jitter"), so that tasks which failed together do not
    come back together. What the service asks for in Retry-After comes on top.

    :param error: why the last attempt failed.
    :param attempts: how many attempts were made, at least 1.
    :param elapsed: seconds since the first attempt began.
    :param budget: seconds after the first attempt's start before which another may start; 0 means one attempt.
    :param chance: a random number from 0 to 1.
    :return: seconds to wait before the next attempt; None to give up.
    """
    if error.permanent:
        return None
    # 2 ** 1000 would be too large for a float, and nobody waits that long.
    wait = chance * min(MAX_BACKOFF_S, INITIAL_BACKOFF_S * 2 ** min(attempts - 1, 16))
    wait += error.retry_after or 0.0
    return wait if elapsed + wait < budget else None


T = TypeVar("T")

log = logging.getLogger(__name__)


class EngageLabClient:
    """A client of the service. Threads may share it.

    :param base_url: scheme, host and port of the service.
    :param app_key: the AppKey.
    :param master_secret: the master secret.
    :param user_agent: the User-Agent header.
    :param timeouts: how long the parts of one attempt may take.
    :param retry_budget: seconds after the first attempt's start within which another may start; 0 means one attempt.
    :param connections: how many connections are kept alive.
    :param rate_limiter: lets each request through, at a rate; None sends at once.
    :raises ConfigurationError: if REQUESTS_CA_BUNDLE names a file that is not there, or a proxy's URL is none.
    """

    def __init__(
        self,
        base_url: str,
        app_key: str,
        master_secret: str,
        *,
        user_agent: str,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        retry_budget: float = 120.0,
        connections: int = 10,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        self.base_url = base_url
        self.app_key = app_key
        self._retry_budget = retry_budget
        self._rate_limiter = rate_limiter
        self._wire = wire_of(
            base_url, app_key, master_secret, user_agent=user_agent, timeouts=timeouts, connections=connections
        )
        # Tools for error reports show local variables.
        del master_secret
        self._wire.open()

    def __repr__(self) -> str:
        return f"EngageLabClient({self.base_url!r}, app_key={self.app_key!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def upload(self, kind: PictureKind, url: str) -> str:
        """Upload one picture.

        :param kind: "big" or "small".
        :param url: where the service downloads the picture from.
        :return: the picture id.
        :raises OppoImageError: if no id came back; the type says whose fault it is.
        """
        request = messages.upload_request(kind, url)
        return self._call(request, partial(messages.read_upload, kind, request))

    def check_credentials(self) -> None:
        """Return if the service accepts the AppKey and the master secret; nothing is changed, nothing tried again.

        :raises OppoImageError: if it does not, or cannot be asked.
        """
        request = messages.credentials_probe()
        self._call(request, partial(messages.read_credentials_probe, request), budget=0.0)

    def push(self, push: PushBody, *, is_retry: bool = False) -> PushReceipt:
        """Send a push, once: the `cid` in its body lets the service tell a repeat.

        :param push: the push; without a `cid` it gets one that identifies the repeats of this call.
        :param is_retry: whether an earlier try of this very push may have reached the service.
        :return: the receipt; without a message id where an earlier request sent the push and its answer was lost.
        :raises CidAlreadyUsedError: if the `cid` was used, and not by an earlier request of this push.
        :raises OppoImageError: if the push was not accepted, or nobody knows.
        """
        push = push.with_cid(secrets.token_hex(20))
        request = messages.push_request(push.body)
        try:
            receipt = self._call(request, partial(messages.read_push, request))
        except CidAlreadyUsedError as error:
            if not (is_retry or error.earlier_attempt_ambiguous):
                raise
            log.warning("An earlier request sent this push (cid %s) and its answer was lost: no message id.", push.cid)
            return PushReceipt(msg_id=None)
        request_id = f", request id {receipt.request_id}" if receipt.request_id else ""
        log.info("Pushed with cid %s: message id %s%s", push.cid, receipt.msg_id, request_id)
        return receipt

    def validate_push(self, push: PushBody) -> None:
        """Have the service check a push, and send nothing.

        :param push: the push.
        :raises OppoImageError: if it would not be accepted, or nobody knows.
        """
        request = messages.push_request(push.body, validate=True)
        self._call(request, partial(messages.read_acknowledgement, request))

    def withdraw(self, msg_id: str) -> None:
        """Recall a push; the service does so within one day, once.

        :param msg_id: the message id.
        :raises OppoImageError: if it was not recalled, or nobody knows.
        """
        request = messages.withdraw_request(msg_id)
        self._call(request, partial(messages.read_acknowledgement, request))

    def push_status(self, msg_ids: Sequence[str]) -> dict[str, Any]:
        """Ask how pushes fared.

        :param msg_ids: 1 to `contract.MAX_STATUS_IDS` message ids.
        :return: the service's numbers by message id: targets, sent, delivered, impressions, clicks.
        :raises OppoImageError: if the service did not tell.
        """
        request = messages.status_request(msg_ids)
        return self._call(request, partial(read_object, request.what))

    def _call(self, request: Request, read: Callable[[Response], T], *, budget: float | None = None) -> T:
        start = time.monotonic()
        attempts, doubt = 0, False
        while True:
            if self._rate_limiter:
                self._rate_limiter.acquire()
            attempts += 1
            try:
                return read(self._wire.exchange(request))
            except OppoImageError as error:
                if self._rate_limiter and isinstance(error, RateLimitedError):
                    self._rate_limiter.refused()
                error.attempts, error.earlier_attempt_ambiguous = attempts, doubt
                doubt = doubt or error.may_have_taken_effect
                wait = next_delay(
                    error,
                    attempts=attempts,
                    elapsed=time.monotonic() - start,
                    budget=self._retry_budget if budget is None else budget,
                    chance=random.random(),  # noqa: S311  # no secret
                )
                if wait is None:
                    raise
                # Whoever shares a limit is refused now and then, and the rate_limiter slows down.
                level = logging.DEBUG if self._rate_limiter and isinstance(error, RateLimitedError) else logging.WARNING
                log.log(level, "%s Attempt %d failed; the next one in %.1f s.", error, attempts, wait)
            if self._rate_limiter:
                self._rate_limiter.pause(wait)
            else:
                time.sleep(wait)
