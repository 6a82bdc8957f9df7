"""Work of a batch of pushes: decides for each row as a single push does, records it, and sends it."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

from airflow_provider_oppo_image.batch import DEFAULT_THREADS, OnError
from airflow_provider_oppo_image.batch.progress import Progress
from airflow_provider_oppo_image.batch.push_plan import PlannedPush
from airflow_provider_oppo_image.batch.push_result import PushOutcome
from airflow_provider_oppo_image.batch.push_template import MessageTemplate
from airflow_provider_oppo_image.batch.worker_pool import FLUSH_SIZE
from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE
from airflow_provider_oppo_image.engagelab.push_body import PushBody, compose_push
from airflow_provider_oppo_image.engagelab.push_once import (
    IntendedPush,
    OnUnknownOutcome,
    ReturnKnown,
    Send,
    StoredPush,
    decide,
    derive_cid,
    record_after,
    require_permission,
)
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.errors import ConfigurationError, Failure, NotSentError, OppoImageError

log = logging.getLogger(__name__)

GROUP_SIZE: Final = FLUSH_SIZE
"""The records of this many rows are written together, before the first of them is sent."""

MAX_WARNINGS: Final = 20
"""At most this many different warnings of pushes are logged. Our own limit."""


@dataclass(frozen=True)
class PushBatch:
    """Options of a batch of pushes.

    :param send: sends a push, starts no request after a time, and returns the message id.
    :param validate: lets the service check a push without sending it.
    :param rate_limiter: the rate limiter; closing it stops the batch, and a batch that stops closes it.
    :param account: the AppKey and the service, as `account_of` returns it.
    :param namespace: the connection's namespace of `cid`.
    :param task: the task, as `task_name` returns it, for each `cid`; None outside a task, and then the `cid` is of the
        rows and the message.
    :param same_audience: allow that all rows are pushed to the same audience.
    :param on_missing_picture: "fail" or "text".
    :param max_picture_age: the maximum age of ids, inclusive; None for any age.
    :param on_error: "fail_at_end", "fail_fast" or "keep_going".
    :param on_unknown_outcome: "fail" or "send_again".
    :param not_after: the latest time to send, with a zone; None for no limit.
    :param earlier_since: the earliest time at which an earlier try can have sent pushes, if it left no checkpoint.
    :param validate_only: let the service check the pushes without sending them.
    :param threads: the number of pushes that are sent concurrently.
    :param on_progress: called with the progress at intervals and at the end.
    :param progress_interval: seconds between two of these calls.
    :param resume: continue an earlier run; False refuses to.
    """

    send: Callable[[PushBody, datetime.datetime], str]
    validate: Callable[[PushBody], None]
    rate_limiter: RateLimiter
    account: str
    namespace: str = ""
    task: str | None = None
    same_audience: bool = False
    on_missing_picture: Literal["fail", "text"] = "fail"
    max_picture_age: datetime.timedelta | None = MAX_PICTURE_AGE
    on_error: OnError = "fail_at_end"
    on_unknown_outcome: OnUnknownOutcome = "fail"
    not_after: datetime.datetime | None = None
    earlier_since: datetime.datetime | None = None
    validate_only: bool = False
    threads: int = DEFAULT_THREADS
    on_progress: Callable[[Progress], None] = lambda _: None
    progress_interval: float = 5.0
    resume: bool = True


@dataclass(frozen=True)
class PreparedPush:
    """A push whose record is in the checkpoint.

    :param name: the row's name.
    :param record: the record; None if there was no request.
    :param push: the push; None if it cannot be composed.
    :param decision: the decision to send it; None if it is not to be sent.
    :param error: why it is not to be sent; None if it is, or was sent before.
    """

    name: str
    record: StoredPush | None
    push: PushBody | None = None
    decision: Send | None = None
    error: OppoImageError | None = None


class PushWork:
    """Decides for each row as the single push does, and sends it.

    :param batch: the options.
    :param template: the message.
    :param cid_parts: what identifies the batch in each `cid`.
    :param earlier_since: since when a try without a record can have sent pushes; None without an earlier try.
    """

    def __init__(
        self,
        batch: PushBatch,
        template: MessageTemplate,
        cid_parts: tuple[str, str],
        earlier_since: datetime.datetime | None = None,
    ) -> None:
        self._batch = batch
        self._template = template
        self._cid_parts = cid_parts
        self._earlier_since = earlier_since
        self._warned: set[str] = set()
        self.stop_reason: OppoImageError | None = None
        """Why no more rows were prepared; None if all were."""

    def prepared(
        self, pushes: Iterable[PlannedPush], write: Callable[[list[PushOutcome]], None]
    ) -> Generator[PreparedPush]:
        """Yield the pushes, each after its record was written.

        :param pushes: the rows.
        :param write: writes records durably.
        """
        rows = iter(pushes)
        while group := [self._prepare(row) for row in islice(rows, GROUP_SIZE)]:
            if late := self._late():
                self.stop_reason = ConfigurationError(f"{late} The rest of the rows was not pushed.")
                return
            write([PushOutcome(one.name, one.record) for one in group if one.decision])
            left = group[::-1]
            try:
                while left:
                    yield left.pop()
            finally:
                # If the pool has stopped: these were not sent.
                not_sent = NotSentError("The batch has stopped.")
                write([self.failed(one, not_sent, None) for one in left if one.decision])

    def _prepare(self, row: PlannedPush) -> PreparedPush:
        batch = self._batch
        try:
            push = compose_push(
                self._template.fill(row.columns),
                pictures=row.pictures,
                max_picture_age=None,  # checked below: a push that was sent is not judged again
                cid=derive_cid(*self._cid_parts, row.name),
                on_missing_picture=batch.on_missing_picture,
            )
            decision: Send | None = None
            if not batch.validate_only:
                intended = IntendedPush(push.cid, push.digest, batch.account)
                since = None if row.record else self._earlier_since
                decided = decide(intended, row.record, since, _now(), batch.on_unknown_outcome)
                if isinstance(permitted := require_permission(decided), ReturnKnown):
                    return PreparedPush(row.name, row.record)
                decision = permitted
            if row.account and row.account != batch.account and push.picture_ids:
                raise ConfigurationError(
                    "The picture ids of this row are of another AppKey or data center, and ids are valid for one only, "
                    "so it was not pushed. Push with the connection that uploaded them."
                )
            push.check_age(batch.max_picture_age)
        except OppoImageError as error:
            return PreparedPush(row.name, row.record, error=error)
        self._log_warnings(push)
        return PreparedPush(row.name, decision.record if decision else None, push, decision)

    def run(self, item: PreparedPush) -> PushOutcome:
        """Send or validate a push, unless it was sent before."""
        if item.error:
            raise item.error
        if item.push is None:
            return PushOutcome(item.name, item.record)
        if item.decision is None:
            self._batch.validate(item.push)
            return PushOutcome(item.name, valid=True)
        until = min(item.decision.until, self._batch.not_after or item.decision.until)
        if late := self._late(until):
            raise ConfigurationError(late)
        msg_id = self._batch.send(item.push.with_cid(item.decision.record.cid), until)
        return PushOutcome(item.name, replace(item.decision.record, outcome="sent", msg_id=msg_id))

    def failed(self, item: PreparedPush, error: OppoImageError, failure: Failure | None) -> PushOutcome:
        """Return the outcome of a push that was not sent, or of which that is not known."""
        record = record_after(item.decision, error) if item.decision else item.record
        return PushOutcome(item.name, record, failure)

    def _late(self, until: datetime.datetime | None = None) -> str:
        """Return what is wrong if it is too late to send; "" if it is not."""
        until, now = until or self._batch.not_after, _now()
        if until is None or now <= until or self._batch.validate_only:
            return ""
        return f"It is {now:%Y-%m-%d %H:%M UTC}, later than {until.isoformat()}, the latest time to send."

    def _log_warnings(self, push: PushBody) -> None:
        for warning in push.warnings:
            if warning not in self._warned and len(self._warned) < MAX_WARNINGS:
                self._warned.add(warning)
                log.warning("%s This is logged once for all rows.", warning)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
