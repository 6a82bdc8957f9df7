"""Operator that checks and uploads one picture or both."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_oppo_image.airflow_compat import (
    BaseOperator,
    TaskStateStore,
    is_mapped_instance,
    push_outputs_separately,
    task_state_store,
)
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.hooks.uploads import NO_PICTURE, parse_picture_urls, upload_result
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.hooks.task_record import PictureRecord
    from airflow_provider_oppo_image.net.urls import PictureUrl
    from airflow_provider_oppo_image.pictures.report import PictureReport

UPLOAD_RETENTION: Final = datetime.timedelta(days=1)
"""Retention of the id of an uploaded picture. Our own limit, well below the 30 days that are
documented for the vendor's sibling service."""


class OppoImageUploadOperator(LineageMixin, BaseOperator):
    """Checks one picture or both, uploads them, and returns their ids.

    Returns ``{"big_picture_id": ..., "small_picture_id": ..., "uploaded_at": ...}``, the arguments of a push, with None
    for a picture that was not requested; each is also an XCom of its own. A wrong picture fails the task without
    retries. Airflow retries if a picture is absent or the service fails temporarily. If one of two pictures fails, the
    other's id is in the log and in XCom. On Airflow 3.3 a retry does not upload it again; ``uploaded_at`` is then the
    time of the first upload.

    :param big_picture_url: the big picture's URL (templated); None for no picture.
    :param small_picture_url: the small picture's URL (templated); None for no picture. At least one is required.
    :param check: check the pictures before the upload. Without it, only the service and OPPO check them.
    :param campaign: the campaign's name (templated), for the page that shows a run's pictures.
    :param oppo_image_conn_id: the id of the connection (templated).
    :raises ConfigurationError: if neither URL is given.
    """

    template_fields: Sequence[str] = ("big_picture_url", "small_picture_url", "campaign", "oppo_image_conn_id")
    operator_extra_links = LINKS
    ui_color = "#e3f4ea"

    def __init__(
        self,
        *,
        big_picture_url: str | None = None,
        small_picture_url: str | None = None,
        check: bool = True,
        campaign: str | None = None,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        multiple_outputs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        # Subclasses, such as the decorator's, and mapped tasks get the URLs when they run.
        gets_urls_later = type(self) is not OppoImageUploadOperator or is_mapped_instance(self)
        if is_blank(big_picture_url) and is_blank(small_picture_url) and not gets_urls_later:
            raise ConfigurationError(NO_PICTURE)
        self.big_picture_url = big_picture_url
        self.small_picture_url = small_picture_url
        self.check = check
        self.campaign = campaign
        self.oppo_image_conn_id = oppo_image_conn_id

    @cached_property
    def hook(self) -> OppoImageHook:
        """The hook of the connection."""
        return OppoImageHook(self.oppo_image_conn_id)

    def execute(self, context: Context) -> dict[str, str | None]:
        """Check and upload the pictures, and return their ids and the time; called by Airflow."""
        from airflow_provider_oppo_image.hooks.task_record import PictureRecord, record_task

        with airflow_errors(), record_task(context, "upload", self.campaign) as task_record:
            urls = parse_picture_urls(self.big_picture_url, self.small_picture_url)
            records = {kind: PictureRecord(kind, url.redacted) for kind, url in urls.items()}
            task_record.pictures += records.values()
            reports = self._check(urls, records) if self.check else {}
            self._upload(context, urls, reports, records)
        result = _result(records)
        self._report_lineage(map(str, urls.values()), ids={key: result[key] for key in result if key != "uploaded_at"})
        if self.outlets:
            from airflow_provider_oppo_image.operators.asset_events import announce_uploads

            announce_uploads(context, self.outlets, result=result, urls=urls, reports=reports)
        push_outputs_separately(context, result)
        return result

    def _check(
        self, urls: Mapping[PictureKind, PictureUrl], records: Mapping[PictureKind, PictureRecord]
    ) -> Mapping[PictureKind, PictureReport]:
        from airflow_provider_oppo_image.pictures.report import as_table, error_for

        reports = self.hook.check_each(urls)
        for kind, report in reports.items():
            records[kind].report = report
            self.log.debug("%s", report)
        if error := error_for(list(reports.values())):
            raise error
        for report in reports.values():
            if report.warnings:
                self.log.warning("%s", as_table(report))
        return reports

    def _upload(
        self,
        context: Context,
        urls: Mapping[PictureKind, PictureUrl],
        reports: Mapping[PictureKind, PictureReport],
        records: Mapping[PictureKind, PictureRecord],
    ) -> None:
        from airflow_provider_oppo_image.errors import failure_from

        state = UploadState(task_state_store(context), urls, reports)
        stored = state.load()
        for kind, upload in stored.items():
            self.log.info("An earlier try uploaded the %s picture %s as %s", kind, urls[kind], upload.picture_id)
            records[kind].mark_uploaded(upload.picture_id, upload.uploaded_at)
        outcome = self.hook.upload_each({kind: url for kind, url in urls.items() if kind not in stored})
        for kind, picture_id in outcome.ids.items():
            records[kind].mark_uploaded(picture_id, outcome.uploaded_at)
        for kind, error in outcome.errors.items():
            records[kind].failure = failure_from(error)
        if outcome.errors:
            state.save(outcome.ids, outcome.uploaded_at)
            for key, value in _result(records).items():
                if value is not None:
                    context["ti"].xcom_push(key=key, value=value)
            outcome.raise_for_errors()
        state.clear()


def _result(records: Mapping[PictureKind, PictureRecord]) -> dict[str, str | None]:
    ids = {kind: record.picture_id for kind, record in records.items() if record.picture_id is not None}
    times = [record.uploaded_at for record in records.values() if record.uploaded_at is not None]
    return upload_result(ids, min(times, key=datetime.datetime.fromisoformat, default=None))


@dataclass(frozen=True)
class StoredUpload:
    """A picture that an earlier try uploaded.

    :param picture_id: the picture id.
    :param uploaded_at: the time of the upload, in ISO 8601 with the offset.
    """

    picture_id: str
    uploaded_at: str


class UploadState:
    """Picture ids that an earlier try uploaded, by kind, URL and SHA-256: in Airflow's task state store, from 3.3 on.

    Clearing a task keeps the store, and a picture may have been replaced at its URL. A stored upload is therefore valid
    only for the same bytes. Without a check, no ids are stored.

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


def _upload_key(kind: PictureKind, url: str, sha256: str) -> str:
    return f"oppo_image_upload_{kind}_{hashlib.sha256(f'{url} {sha256}'.encode()).hexdigest()}"


def _is_expired(uploaded_at: str) -> bool:
    # Airflow deletes expired state only when it cleans up.
    return _now() - datetime.datetime.fromisoformat(uploaded_at) >= UPLOAD_RETENTION


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
