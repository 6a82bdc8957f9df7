"""What a sandbox has received: all that its rules ask about and its pages show, and no credentials."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.sandbox.answers import SandboxResponse
from airflow_provider_oppo_image.sandbox.judge import Picture
from airflow_provider_oppo_image.sandbox.push_rules import Push, cid_of
from airflow_provider_oppo_image.sandbox.rate import SlidingWindowCounter

_KEPT_REFUSALS: Final = 50


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Upload:
    """One picture that somebody asked to upload.

    :param kind: "big" or "small".
    :param url: where it was, without its query.
    :param answer: what the service said about this picture.
    :param picture_id: its id; None where it was refused.
    :param when: the time of the verdict.
    """

    kind: PictureKind
    url: str
    answer: SandboxResponse
    picture_id: str | None
    when: datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the upload as JSON-serialisable data."""
        verdict = {"status": self.answer.status, "code": self.answer.code, "message": self.answer.message}
        return {
            "kind": self.kind,
            "url": self.url,
            "verdict": verdict,
            "id": self.picture_id,
            "when": self.when.isoformat(),
        }


@dataclass
class SentPush:
    """One push that went out.

    :param push: the body of the request.
    :param msg_id: its message id.
    :param repeats: how often it was asked for again with its `cid`, and not sent again.
    :param withdrawn: whether it was recalled.
    :param when: the time of the push.
    """

    push: Push
    msg_id: str
    repeats: int = 0
    withdrawn: bool = False
    when: datetime = field(default_factory=_now)

    @property
    def cid(self) -> str | None:
        """The push's `cid`, where it has one."""
        return cid_of(self.push)

    def to_dict(self) -> dict[str, Any]:
        """Return the push as JSON-serialisable data."""
        return {
            "body": self.push,
            "cid": self.cid,
            "msg_id": self.msg_id,
            "deliveries": 1,
            "repeats": self.repeats,
            "withdrawn": self.withdrawn,
            "when": self.when.isoformat(),
        }


@dataclass(frozen=True)
class ValidatedPush:
    """One push that was only validated, and found good.

    :param push: the body of the request.
    :param when: the time of the validation.
    """

    push: Push
    when: datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the push as JSON-serialisable data."""
        return {"body": self.push, "when": self.when.isoformat()}


@dataclass(frozen=True)
class Refusal:
    """A request that was refused for itself, and not for a picture.

    :param call: what was called, such as "push".
    :param code: the service's error code.
    :param why: the words beside it.
    :param when: the time of the answer.
    """

    call: str
    code: int
    why: str
    when: datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the refusal as JSON-serialisable data."""
        return {"call": self.call, "code": self.code, "message": self.why, "when": self.when.isoformat()}


@dataclass
class SandboxState:
    """All that a sandbox has received, forgotten as a whole.

    :param kept_pictures: how many of the last accepted pictures are kept with their bytes.
    """

    kept_pictures: int
    uploads: list[Upload] = field(default_factory=list)
    kinds: dict[str, PictureKind] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    pushes: dict[str, SentPush] = field(default_factory=dict)
    by_cid: dict[str, SentPush] = field(default_factory=dict)
    validations: list[ValidatedPush] = field(default_factory=list)
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=_KEPT_REFUSALS))
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    arrivals: SlidingWindowCounter = field(default_factory=SlidingWindowCounter)

    def add_upload(self, upload: Upload, picture: Picture | None) -> None:
        """Remember an upload.

        :param upload: what was asked for and answered.
        :param picture: the picture, where it was accepted.
        """
        self.uploads.append(upload)
        if upload.picture_id and picture:
            self.kinds[upload.picture_id] = upload.kind
            self.pictures[upload.picture_id] = picture
            while len(self.pictures) > self.kept_pictures:
                del self.pictures[next(iter(self.pictures))]

    def add_push(self, push: SentPush) -> None:
        """Remember a push that went out.

        :param push: the push.
        """
        self.pushes[push.msg_id] = push
        if push.cid:
            self.by_cid[push.cid] = push

    def count(self, call: str, outcome: str) -> None:
        """Count a request.

        :param call: what was called, such as "upload_big".
        :param outcome: the HTTP status that was answered, or "dropped".
        """
        self.requests.setdefault(call, Counter())[outcome] += 1

    def has_picture(self, kind: PictureKind, picture_id: str) -> bool:
        """Say whether a picture of that kind has that id.

        :param kind: "big" or "small".
        :param picture_id: the id.
        """
        return self.kinds.get(picture_id) == kind

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-serialisable data."""
        return {
            "uploads": [upload.to_dict() for upload in self.uploads],
            "pushes": [push.to_dict() for push in self.pushes.values()],
            "validations": [validation.to_dict() for validation in self.validations],
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "requests": {call: dict(outcomes) for call, outcomes in self.requests.items()},
            "peak_per_second": self.arrivals.peak,
        }
