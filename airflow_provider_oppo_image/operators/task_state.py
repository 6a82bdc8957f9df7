"""State that a task keeps between tries, in Airflow's task state store (3.3 and later).

Clearing a task keeps the store, and a picture may have been replaced at its URL. A stored upload is therefore valid
only for the same bytes.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.airflow_compat import TaskStateStore
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.push_once import StoredPush
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.report import PictureReport

UPLOAD_RETENTION: Final = datetime.timedelta(days=1)
"""Retention of the id of an uploaded picture. Our own limit, well below the 30 days that are
documented for the vendor's sibling service."""

PUSH_RETENTION: Final = datetime.timedelta(days=30)
"""Retention of the record of a push. Our own limit: Airflow's default retention of task state."""

_PUSH_KEY: Final = "oppo_image_push"


@dataclass(frozen=True)
class StoredUpload:
    """A picture that an earlier try uploaded.

    :param picture_id: the picture id.
    :param uploaded_at: the time of the upload, in ISO 8601 with the offset.
    """

    picture_id: str
    uploaded_at: str


class UploadState:
    """Picture ids that an earlier try uploaded, by kind, URL and SHA-256. Without a check, no ids are stored.

    :param store: the task's state store; None stores nothing.
    :param pictures: the pictures' URLs, by kind.
    :param reports: the reports of the check, by kind.
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

    def load(self) -> dict[PictureKind, StoredUpload]:
        """Return the stored uploads that have not expired, by kind."""
        if self._store is None:
            return {}
        entries = {kind: self._store.get(key) for kind, key in self._keys.items()}
        uploads = {kind: StoredUpload(entry["id"], entry["uploaded_at"]) for kind, entry in entries.items() if entry}
        return {kind: upload for kind, upload in uploads.items() if not _is_expired(upload.uploaded_at)}

    def save(self, ids: Mapping[PictureKind, str], uploaded_at: str) -> None:
        """Store the ids of uploaded pictures.

        :param ids: picture ids by kind.
        :param uploaded_at: the time of the upload, in ISO 8601 with the offset.
        """
        for kind, key in self._keys.items():
            if self._store is not None and kind in ids:
                entry = {"id": ids[kind], "uploaded_at": uploaded_at}
                self._store.set(key, entry, retention=UPLOAD_RETENTION)

    def clear(self) -> None:
        """Delete the stored uploads of all of these pictures."""
        for key in self._keys.values():
            if self._store is not None:
                self._store.delete(key)


class PushState:
    """The record of a task's push, for `engagelab.push_once`.

    :param store: the task's state store.
    """

    def __init__(self, store: TaskStateStore) -> None:
        self._store = store

    def load(self) -> StoredPush | None:
        """Return the record of an earlier try; None if no record is stored.

        :raises ConfigurationError: if it cannot be read.
        """
        entry = self._store.get(_PUSH_KEY)
        return None if entry is None else StoredPush.from_dict(entry)

    def save(self, record: StoredPush) -> None:
        """Store the record in place of an earlier one.

        :param record: the record.
        """
        self._store.set(_PUSH_KEY, record.to_dict(), retention=PUSH_RETENTION)


def _upload_key(kind: PictureKind, url: str, sha256: str) -> str:
    return f"oppo_image_upload_{kind}_{hashlib.sha256(f'{url} {sha256}'.encode()).hexdigest()}"


def _is_expired(uploaded_at: str) -> bool:
    # Airflow deletes expired state only when it cleans up.
    return _now() - datetime.datetime.fromisoformat(uploaded_at) >= UPLOAD_RETENTION


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
