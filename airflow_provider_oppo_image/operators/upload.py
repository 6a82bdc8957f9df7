"""The operator that checks pictures and uploads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.airflow_compat import BaseOperator, push_outputs_separately, task_state_store
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.hooks.uploads import parse_picture_urls, picture_ids
from airflow_provider_oppo_image.links.oppo_image import LINKS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_oppo_image.hooks.task_record import PictureRecord
    from airflow_provider_oppo_image.net.picture_url import PictureUrl
    from airflow_provider_oppo_image.pictures.report import PictureReport


class OppoImageUploadOperator(LineageMixin, BaseOperator):
    """Checks one picture or both, uploads them, and returns their ids.

    Returns ``{"big_picture_id": ..., "small_picture_id": ...}``, None for a picture that was not asked for; each is
    also an XCom of its own. A picture that is wrong fails the task at once; one that is absent, and a service that
    fails for a passing reason, are tried again by Airflow's retries. Where one of two pictures fails, the other's id
    is in the log and in XCom, and on Airflow 3.3 a retry does not upload it again.

    :param big_picture_url: the big picture's URL (templated); None for none.
    :param small_picture_url: the small picture's URL (templated); None for none. At least one is needed.
    :param check: look at the pictures first, as the service will. Without it, the service and OPPO judge alone.
    :param campaign: what people call what the pictures are for (templated): the page of a run's pictures shows it.
    :param oppo_image_conn_id: the id of the connection (templated).
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
        """Check, upload, and return the ids; Airflow calls it.

        :param context: the context of the running task.
        """
        from airflow_provider_oppo_image.hooks.task_record import PictureRecord, record_task

        with airflow_errors(), record_task(context, "upload", self.campaign) as record:
            pictures = parse_picture_urls(self.big_picture_url, self.small_picture_url)
            told = {kind: PictureRecord(kind, url.redacted) for kind, url in pictures.items()}
            record.pictures += told.values()
            reports = self._check(pictures, told) if self.check else {}
            self._upload(context, pictures, reports, told)
        ids = picture_ids(_known_ids(told))
        self._report_lineage(map(str, pictures.values()), ids=ids)
        if self.outlets:
            from airflow_provider_oppo_image.operators.asset_events import announce_uploads

            announce_uploads(context, self.outlets, ids=ids, pictures=pictures, reports=reports)
        push_outputs_separately(context, ids)
        return ids

    def _check(
        self, pictures: Mapping[PictureKind, PictureUrl], told: Mapping[PictureKind, PictureRecord]
    ) -> Mapping[PictureKind, PictureReport]:
        from airflow_provider_oppo_image.pictures.report import as_table, error_for

        reports = self.hook.check_each(pictures)
        for kind, report in reports.items():
            told[kind].report = report
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
        pictures: Mapping[PictureKind, PictureUrl],
        reports: Mapping[PictureKind, PictureReport],
        told: Mapping[PictureKind, PictureRecord],
    ) -> None:
        from airflow_provider_oppo_image.errors import failure_from
        from airflow_provider_oppo_image.operators.task_memory import UploadState

        memory = UploadState(task_state_store(context), pictures, reports)
        known = memory.recall()
        for kind, upload in known.items():
            self.log.info("An earlier try uploaded the %s picture %s: %s", kind, pictures[kind], upload.picture_id)
            told[kind].note_id(upload.picture_id, upload.uploaded_at)
        outcome = self.hook.upload_each({kind: url for kind, url in pictures.items() if kind not in known})
        for kind, picture_id in outcome.ids.items():
            told[kind].note_id(picture_id)
        for kind, error in outcome.errors.items():
            told[kind].failure = failure_from(error)
        if outcome.errors:
            memory.remember(outcome.ids)
            for kind, picture_id in _known_ids(told).items():
                context["ti"].xcom_push(key=PICTURE_RULES[kind].id_key, value=picture_id)
            outcome.raise_for_errors()
        memory.forget()


def _known_ids(told: Mapping[PictureKind, PictureRecord]) -> dict[PictureKind, str]:
    return {kind: picture.picture_id for kind, picture in told.items() if picture.picture_id is not None}
