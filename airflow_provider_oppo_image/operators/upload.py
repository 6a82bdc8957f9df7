"""Operator that checks and uploads one picture or both."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.airflow_compat import (
    BaseOperator,
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
        from airflow_provider_oppo_image.operators.task_state import UploadState

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
