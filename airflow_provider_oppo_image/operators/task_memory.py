"""What a task remembers from one try to the next, where Airflow has a task state store (3.3 and later).

Clearing a task keeps the store, and a picture may have been replaced at its URL: what is remembered of an upload is
bound to the picture's own bytes, and what is remembered of a push to its `cid` and its body.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from airflow_provider_oppo_image.airflow_compat import TaskStateStore
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.messages import to_json
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.picture_url import PictureUrl
from airflow_provider_oppo_image.pictures.report import PictureReport

UPLOADS_LAST: Final = datetime.timedelta(days=1)
"""How long an uploaded picture's id is remembered: ours, well below the 30 days of the sibling service."""

PUSHES_LAST: Final = datetime.timedelta(days=30)
"""How long a push is remembered: ours, as long as Airflow keeps task state unless told otherwise."""

_PUSH_KEY: Final = "oppo_image_push"


@dataclass(frozen=True)
class StoredUpload:
    """What is remembered of a picture that was uploaded.

    :param picture_id: its id.
    :param uploaded_at: when it got the id, in ISO 8601 with the offset.
    """

    picture_id: str
    uploaded_at: str


class UploadState:
    """The ids of pictures that an earlier try uploaded, by kind, URL and SHA-256; nothing without a check.

    :param store: the task's state store; None remembers nothing.
    :param pictures: the pictures' URLs, by kind.
    :param reports: what the check found, by kind.
    """

    def __init__(
        self,
        store: TaskStateStore | None,
        pictures: Mapping[PictureKind, PictureUrl],
        reports: Mapping[PictureKind, PictureReport],
    ) -> None:
        self._store = store
        self._keys = {
            kind: _upload_key(kind, pictures[kind].full, report.sha256)
            for kind, report in reports.items()
            if report.sha256
        }

    def recall(self) -> dict[PictureKind, StoredUpload]:
        """Return the remembered pictures, by kind."""
        if self._store is None:
            return {}
        found = {kind: self._store.get(key) for kind, key in self._keys.items()}
        uploads = {kind: StoredUpload(entry["id"], entry["uploaded_at"]) for kind, entry in found.items() if entry}
        return {kind: upload for kind, upload in uploads.items() if _is_fresh(upload.uploaded_at)}

    def remember(self, ids: Mapping[PictureKind, str]) -> None:
        """Remember pictures that were uploaded while another was not.

        :param ids: picture ids by kind.
        """
        for kind, key in self._keys.items():
            if self._store is not None and kind in ids:
                entry = {"id": ids[kind], "uploaded_at": _now().isoformat()}
                self._store.set(key, entry, retention=UPLOADS_LAST)

    def forget(self) -> None:
        """Forget all of these pictures."""
        for key in self._keys.values():
            if self._store is not None:
                self._store.delete(key)


@dataclass(frozen=True)
class StoredPush:
    """What is remembered of a push.

    :param cid: the push's `cid`.
    :param digest: SHA-256 of its body, 64 hex characters.
    :param sent: whether the service accepted it.
    :param msg_id: its message id; None where it is not known.
    """

    cid: str
    digest: str
    sent: bool = False
    msg_id: str | None = None


class PushState:
    """The push that an earlier try of this task sent, or may have sent.

    :param store: the task's state store; None remembers nothing.
    """

    def __init__(self, store: TaskStateStore | None) -> None:
        self._store = store

    def recall(self, cid: str, body: Mapping[str, Any]) -> StoredPush:
        """Return what is known of this push; a new record where nothing is.

        :param cid: the push's `cid`.
        :param body: its body.
        :raises ConfigurationError: if an earlier try sent another body with the same `cid`.
        """
        digest = hashlib.sha256(to_json(body)).hexdigest()
        entry = self._store.get(_PUSH_KEY) if self._store is not None else None
        if not entry or entry["cid"] != cid:
            return StoredPush(cid, digest)
        record = StoredPush(**entry)
        if record.digest != digest:
            done = "sent" if record.sent else "may have sent"
            raise ConfigurationError(
                f"An earlier try of this task {done} another message with the cid {cid}, so this one was not sent: the "
                "service would take it for a repeat. Make the message the same at each try (no time of day in it), or "
                "give a cid of its own to what is meant to be another push."
            )
        return record

    def remember(self, record: StoredPush) -> None:
        """Remember a push.

        :param record: what is known of it.
        """
        if self._store is not None:
            self._store.set(_PUSH_KEY, asdict(record), retention=PUSHES_LAST)


def _upload_key(kind: PictureKind, url: str, sha256: str) -> str:
    return f"oppo_image_upload_{kind}_{hashlib.sha256(f'{url} {sha256}'.encode()).hexdigest()}"


def _is_fresh(uploaded_at: str) -> bool:
    # Airflow removes what is too old when it cleans up, which may be later.
    return _now() - datetime.datetime.fromisoformat(uploaded_at) < UPLOADS_LAST


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
