"""State of a sandbox: everything that it has received, without credentials."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.sandbox.picture_validation import Picture
from airflow_provider_oppo_image.sandbox.push_rules import Push, cid_of
from airflow_provider_oppo_image.sandbox.responses import SandboxResponse

_MAX_REFUSALS: Final = 50
_WINDOW_S: Final = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


class SlidingWindowCounter:
    """Counts the events of the last second.

    Times are seconds on a monotonic clock.
    """

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.peak = 0

    def count(self, now: float) -> int:
        """Return the number of events in the second before `now`."""
        while self._times and self._times[0] <= now - _WINDOW_S:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        """Add an event, and update the highest count."""
        self._times.append(now)
        self.peak = max(self.peak, self.count(now))


@dataclass(frozen=True)
class ReceivedUpload:
    """An upload of one picture.

    :param kind: "big" or "small".
    :param url: the picture's URL without its query.
    :param response: the response for this picture.
    :param picture_id: its id; None if it was refused.
    :param when: the time of the response.
    """

    kind: PictureKind
    url: str
    response: SandboxResponse
    picture_id: str | None
    when: datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the upload as JSON-serializable data."""
        response = self.response
        return {
            "kind": self.kind,
            "url": self.url,
            "verdict": {"status": response.status, "code": response.code, "message": response.message},
            "id": self.picture_id,
            "when": self.when.isoformat(),
        }


@dataclass
class SentPush:
    """A push that was sent.

    :param push: the body of the request.
    :param msg_id: its message id.
    :param accepted_at: seconds of the sandbox's monotonic clock.
    :param repeats: how many later requests had the same `cid`; they were not sent again.
    :param withdrawn: whether it was withdrawn.
    :param when: the time of the push.
    """

    push: Push
    msg_id: str
    accepted_at: float
    repeats: int = 0
    withdrawn: bool = False
    when: datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the push as JSON-serializable data."""
        return {
            "body": self.push,
            "cid": cid_of(self.push),
            "msg_id": self.msg_id,
            "deliveries": 1,
            "repeats": self.repeats,
            "withdrawn": self.withdrawn,
            "when": self.when.isoformat(),
        }


@dataclass(frozen=True)
class ValidatedPush:
    """A push that was only validated, and is valid.

    :param push: the body of the request.
    :param when: the time of the validation.
    """

    push: Push
    when: datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the push as JSON-serializable data."""
        return {"body": self.push, "when": self.when.isoformat()}


@dataclass(frozen=True)
class Refusal:
    """A request that was refused for a reason other than its picture.

    :param call: the call, such as "push".
    :param code: the service's error code.
    :param message: the error message.
    :param when: the time of the response.
    """

    call: str
    code: int
    message: str
    when: datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the refusal as JSON-serializable data."""
        return {"call": self.call, "code": self.code, "message": self.message, "when": self.when.isoformat()}


@dataclass
class SandboxState:
    """Everything that a sandbox has received.

    :param kept_pictures: how many of the last accepted pictures are kept with their bytes.
    """

    kept_pictures: int
    uploads: list[ReceivedUpload] = field(default_factory=list)
    kinds: dict[str, PictureKind] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    pushes: dict[str, SentPush] = field(default_factory=dict)
    by_cid: dict[str, SentPush] = field(default_factory=dict)
    validations: list[ValidatedPush] = field(default_factory=list)
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=_MAX_REFUSALS))
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    arrivals: SlidingWindowCounter = field(default_factory=SlidingWindowCounter)

    def add_upload(self, upload: ReceivedUpload, picture: Picture | None) -> None:
        """Add an upload, and its picture if it was accepted."""
        self.uploads.append(upload)
        if upload.picture_id and picture:
            self.kinds[upload.picture_id] = upload.kind
            self.pictures[upload.picture_id] = picture
            while len(self.pictures) > self.kept_pictures:
                del self.pictures[next(iter(self.pictures))]

    def add_push(self, push: SentPush) -> None:
        """Add a push that was sent."""
        self.pushes[push.msg_id] = push
        if cid := cid_of(push.push):
            self.by_cid[cid] = push

    def count(self, call: str, outcome: str) -> None:
        """Count a request.

        :param call: the call, such as "upload_big".
        :param outcome: the HTTP status of the response, or "dropped".
        """
        self.requests.setdefault(call, Counter())[outcome] += 1

    def has_picture(self, kind: PictureKind, picture_id: str) -> bool:
        """Return whether an accepted picture of that kind has that id."""
        return self.kinds.get(picture_id) == kind

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-serializable data."""
        return {
            "uploads": [upload.to_dict() for upload in self.uploads],
            "pushes": [push.to_dict() for push in self.pushes.values()],
            "validations": [validation.to_dict() for validation in self.validations],
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "requests": {call: dict(outcomes) for call, outcomes in self.requests.items()},
            "peak_per_second": self.arrivals.peak,
        }
