"""Decision whether a push may be sent: once for each intended push, or not at all.

An *intended push* is one DAG, run, task and map index in one Airflow. The service recognises a repeat by its `cid` for
one hour (`contract.CID_LIFETIME`). After that hour it sends the push again. So a repeat is safe within the hour, and
later only if it is known that nothing was sent.

`decide` is pure. `send_once` calls it, stores the record before the request, and stores the outcome afterwards. The
caller provides the store.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from airflow_provider_oppo_image.contract import CID_LIFETIME
from airflow_provider_oppo_image.errors import ConfigurationError, DuplicatePushError, NotSentError, OppoImageError

log = logging.getLogger(__name__)

SAFE_REPEAT: Final = CID_LIFETIME - datetime.timedelta(minutes=10)
"""A repeat with the same `cid` is sent only within this time after the first request. Our own margin: 10 minutes."""

CLOCK_SKEW: Final = datetime.timedelta(minutes=5)
"""The clocks of two workers may differ by this much. Our own limit, half of the margin of `SAFE_REPEAT`."""

PushOutcome: TypeAlias = Literal["not_sent", "refused", "unknown", "sent"]
"""The outcome of all requests for a push so far: `unknown` until every request is known to have sent nothing."""

OnUnknownOutcome: TypeAlias = Literal["fail", "send_again"]

RefusalReason: TypeAlias = Literal["unknown_outcome", "no_record", "other_message", "other_account"]

_LOOK: Final = "Look for the push in EngageLab's console, or with `oppo-image status` if a log has its message id."
_REFUSALS: Final[Mapping[RefusalReason, str]] = {
    "unknown_outcome": (
        "An earlier request for this push (cid {cid}, {since}) may have sent it: its answer was lost. The service "
        f"recognises a repeat for one hour only, so the push was not sent again. {_LOOK} If it was not sent, set "
        "on_unknown_outcome='send_again' and clear the task, or give the push another cid."
    ),
    "no_record": (
        "An earlier try of this push, not before {since}, may have sent it. There is no record of that try, and the "
        f"service recognises a repeat for one hour only, so the push was not sent again. {_LOOK} If it was not sent, "
        "set on_unknown_outcome='send_again' and clear the task."
    ),
    "other_message": (
        "Another message with the cid {cid} was sent, or may have been sent, at {since}. This message is different, "
        "so it was not sent: the service would take it for a repeat. To push this message too, give it another cid. "
        "Otherwise make the message the same at each try, for example without the time of day."
    ),
    "other_account": (
        "This push was sent, or may have been sent, at {since} with another AppKey or to another data center. It was "
        "not sent again. To push with this connection too, give the push another cid."
    ),
}


@dataclass(frozen=True)
class IntendedPush:
    """A push that is about to be sent.

    :param cid: the `cid` that its requests carry.
    :param digest: SHA-256 of its body, 64 hex characters; see `digest_of`.
    :param account: the AppKey and the service that it is sent to; see `account_of`.
    :param cid_was_given: whether a person gave the `cid`. A generated one is not a new push when it changes, for
        example with the connection's namespace: the recorded `cid` is used instead.
    """

    cid: str
    digest: str
    account: str
    cid_was_given: bool = False


@dataclass(frozen=True)
class StoredPush:
    """Record of the requests for an intended push.

    :param cid: the `cid` of the requests.
    :param digest: SHA-256 of the body.
    :param account: the AppKey and the service.
    :param first_sent_at: the time before the first request that may have sent the push, in ISO 8601 with the offset.
    :param outcome: the outcome of all requests so far.
    :param msg_id: the message id; None unless the outcome is "sent".
    """

    cid: str
    digest: str
    account: str
    first_sent_at: str
    outcome: PushOutcome = "unknown"
    msg_id: str | None = None

    @property
    def sent_since(self) -> datetime.datetime:
        """The time before the first request, with a time zone."""
        return datetime.datetime.fromisoformat(self.first_sent_at)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> StoredPush:
        """Read a stored record; it is untrusted data.

        :param data: what `to_dict` returned, after JSON.
        :raises ConfigurationError: if it is not such a record. Nothing was sent.
        """
        try:
            record = cls(**data)  # type: ignore[arg-type]  # checked below
            if record.sent_since.tzinfo is None:
                raise ValueError(data)
            texts = all(isinstance(value, str) for value in (record.cid, record.digest, record.account))
            if not texts or record.outcome not in get_args(PushOutcome):
                raise ValueError(data)
            if (record.outcome == "sent") != isinstance(record.msg_id, str):
                raise ValueError(data)
        except (TypeError, ValueError, OverflowError):
            raise ConfigurationError(
                "The stored record of this push is not readable, so it is not known whether the push was sent. Nothing "
                "was sent now. Look at the push in EngageLab's console. To push, give another cid."
            ) from None
        return record


@dataclass(frozen=True)
class Send:
    """Decision to send.

    :param record: the record to store before the request.
    :param until: no request may start after this time.
    :param repeat: whether an earlier request may have sent the push.
    """

    record: StoredPush
    until: datetime.datetime
    repeat: bool


@dataclass(frozen=True)
class ReturnKnown:
    """Decision to send nothing, because the push was sent.

    :param msg_id: its message id.
    """

    msg_id: str


@dataclass(frozen=True)
class Refuse:
    """Decision to send nothing, because it might be a second push.

    :param reason: the reason.
    :param since: the earliest time at which the push can have been sent.
    :param cid: the `cid` of the push.
    """

    reason: RefusalReason
    since: datetime.datetime
    cid: str


Decision: TypeAlias = Send | ReturnKnown | Refuse


def decide(
    push: IntendedPush,
    record: StoredPush | None,
    earlier_since: datetime.datetime | None,
    now: datetime.datetime,
    on_unknown_outcome: OnUnknownOutcome = "fail",
) -> Decision:
    """Decide whether a push may be sent now.

    :param push: the push.
    :param record: the record of earlier requests; None if no record is stored.
    :param earlier_since: the earliest time at which an earlier try can have sent the push, with a time zone; None if
        there was no earlier try. It is used only without a record.
    :param now: the current time, with a time zone.
    :param on_unknown_outcome: "fail" refuses a push that an earlier request may have sent, once the service no longer
        recognises a repeat; "send_again" sends it.
    """
    if record is not None and push.cid_was_given and push.cid != record.cid:
        record = earlier_since = None  # A person gave another `cid`, so this is another push.
    elif record is not None:
        push = replace(push, cid=record.cid)

    if record is None:
        since = earlier_since
    elif record.outcome in ("not_sent", "refused"):
        since = None
    else:
        since = record.sent_since
        if record.account != push.account:
            return Refuse("other_account", since, push.cid)
        if record.digest != push.digest:
            return Refuse("other_message", since, push.cid)
        if record.msg_id is not None:
            return ReturnKnown(record.msg_id)

    if since is not None and -CLOCK_SKEW <= now - since <= SAFE_REPEAT:
        return _send(push, since, repeat=True)
    if since is None or on_unknown_outcome == "send_again":
        return _send(push, now, repeat=since is not None)
    return Refuse("unknown_outcome" if record else "no_record", since, push.cid)


def _send(push: IntendedPush, since: datetime.datetime, *, repeat: bool) -> Send:
    return Send(StoredPush(push.cid, push.digest, push.account, since.isoformat()), since + SAFE_REPEAT, repeat)


class PushStore(Protocol):
    """Storage for the record of one intended push."""

    def load(self) -> StoredPush | None:
        """Return the record; None if no record is stored."""

    def save(self, record: StoredPush) -> None:
        """Store the record durably."""


@dataclass(frozen=True)
class SentPush:
    """A push that the service accepted.

    :param msg_id: its message id.
    :param sent_now: whether this call sent it; False if an earlier one did.
    """

    msg_id: str
    sent_now: bool


def send_once(
    push: IntendedPush,
    store: PushStore | None,
    send: Callable[[str, datetime.datetime], str],
    *,
    check: Callable[[bool], None] = lambda _: None,
    earlier_since: datetime.datetime | None = None,
    on_unknown_outcome: OnUnknownOutcome = "fail",
    clock: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
) -> SentPush:
    """Send a push, or return the message id of the request that sent it.

    :param push: the push.
    :param store: storage for its record. The record is stored before the request. None stores nothing.
    :param send: sends the push with a `cid` and returns the message id; no request may start after the given time.
    :param check: called before the record is stored, if the push is to be sent, with whether an earlier request may
        have sent it; an exception stops the push.
    :param earlier_since: see `decide`.
    :param on_unknown_outcome: see `decide`.
    :param clock: returns the current time, with a time zone.
    :raises DuplicatePushError: if a second push might go out. Nothing was sent now.
    :raises NotSentError: if the record cannot be stored. Nothing was sent now.
    :raises OppoImageError: if `send` failed.
    """
    decision = require_permission(
        decide(push, store.load() if store else None, earlier_since, clock(), on_unknown_outcome)
    )
    if isinstance(decision, ReturnKnown):
        return SentPush(decision.msg_id, sent_now=False)
    check(decision.repeat)
    try:
        if store:
            store.save(decision.record)
    except Exception as error:  # each kind of store raises its own exceptions
        raise NotSentError(
            f"The record of this push cannot be stored ({type(error).__name__}), so the push was not sent."
        ) from error
    try:
        msg_id = send(decision.record.cid, decision.until)
    except OppoImageError as error:
        if (record := record_after(decision, error)) != decision.record:
            _save_outcome(store, record)
        raise
    _save_outcome(store, replace(decision.record, outcome="sent", msg_id=msg_id))
    return SentPush(msg_id, sent_now=True)


def require_permission(decision: Decision) -> Send | ReturnKnown:
    """Return a decision unless it refuses the push.

    :param decision: what `decide` returned.
    :raises DuplicatePushError: if a second push might go out.
    """
    if isinstance(decision, Refuse):
        raise DuplicatePushError(_explain(decision))
    return decision


def record_after(decision: Send, error: OppoImageError) -> StoredPush:
    """Return the record of a push after an error.

    :param decision: the decision to send it.
    :param error: the error of the request, or of what prevented it.
    """
    if decision.repeat or error.may_have_taken_effect or error.earlier_attempt_ambiguous:
        return decision.record
    return replace(decision.record, outcome="refused" if error.http_status else "not_sent")


def _save_outcome(store: PushStore | None, record: StoredPush) -> None:
    """Store an outcome. If that fails, the stored record still says that the outcome is unknown, which is safe."""
    try:
        if store:
            store.save(record)
    except Exception:  # as above
        log.warning("The outcome of the push (%s) was not stored", record.outcome, exc_info=True)


def _explain(decision: Refuse) -> str:
    since = decision.since.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return _REFUSALS[decision.reason].format(cid=decision.cid, since=since)


def derive_cid(*parts: str) -> str:
    """Return a `cid`: the first 40 hex characters of a SHA-256.

    :param parts: what identifies the push; no part has a line break.
    """
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def digest_of(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a push's body, 64 hex characters.

    :param body: the body, with picture ids, without `cid` and `request_id`.
    """
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def account_of(app_key: str, base_url: str) -> str:
    """Return text that identifies an AppKey at a service, without the AppKey.

    :param app_key: the AppKey.
    :param base_url: scheme, host and port of the service.
    """
    return f"{hashlib.sha256(app_key.encode()).hexdigest()[:16]} {base_url}"
