"""Operator that prepares a picture from artwork."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_oppo_image.airflow_compat import BaseOperator
from airflow_provider_oppo_image.artwork.layout import CENTER, FITS, Fit
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import airflow_errors
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.net.redaction import redact_path
from airflow_provider_oppo_image.storage import path_text
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.artwork.files import PreparedFile
    from airflow_provider_oppo_image.net.urls import PictureUrl
    from airflow_provider_oppo_image.storage import AnyPath


class OppoImagePrepareOperator(LineageMixin, BaseOperator):
    """Makes a picture that passes the check from any artwork that Pillow can read, and returns its public URL.

    It crops or pads, scales, converts the colours to sRGB, and writes the best file within the size limit: a lossless
    PNG if one fits, otherwise a JPEG. The artwork is not changed. The picture is written atomically, and a retry makes
    the same picture. If the artwork does not exist yet, Airflow retries; artwork that cannot become a picture fails the
    task without retries.

    :param source: the artwork: a path, or a URL of Airflow's object storage, such as ``s3://connection@bucket/art.psd``
        (templated).
    :param destination: the path or URL of the picture (templated). A name that ends in .png or .jpg sets the format;
        any other name gets the extension of the format that was written.
    :param kind: "big" or "small".
    :param fit: "cover" fills the picture and crops the rest; "contain" keeps all of the artwork and pads it.
    :param focus: the point of the artwork to crop around, as fractions from the left and from the top, 0 to 1 inclusive
        (templated).
    :param background: the colour behind transparent artwork and of the padding, such as "white" or "#ff8800"
        (templated); "transparent" keeps transparency.
    :param enlarge: enlarge artwork that is too small, with a warning, instead of refusing it.
    :param campaign: the campaign's name (templated), for the page that shows a run's pictures.
    :param public_url: the public URL of the picture; ``{name}`` in it stands for the file's name (templated). None
        creates a presigned URL, valid for one day; storage that cannot presign URLs fails before anything is written.
    :raises ConfigurationError: for an unknown kind or fit.
    """

    template_fields: Sequence[str] = ("source", "destination", "focus", "background", "campaign", "public_url")
    operator_extra_links = LINKS
    ui_color = "#e3f4ea"

    def __init__(
        self,
        *,
        source: AnyPath,
        destination: AnyPath,
        kind: PictureKind,
        fit: Fit = "cover",
        focus: Sequence[float] = CENTER,
        background: str = "white",
        enlarge: bool = False,
        campaign: str | None = None,
        public_url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in PICTURE_KINDS:
            raise ConfigurationError(f"kind must be big or small, not {kind!r}.")
        if fit not in FITS:
            raise ConfigurationError(f"fit must be cover or contain, not {fit!r}.")
        self.source = source
        self.destination = destination
        self.kind: PictureKind = kind
        self.fit: Fit = fit
        self.focus = focus
        self.background = background
        self.enlarge = enlarge
        self.campaign = campaign
        self.public_url = public_url

    def execute(self, context: Context) -> str:
        """Prepare the picture, and return its public URL; called by Airflow."""
        from airflow_provider_oppo_image.hooks.task_record import PictureRecord, record_task

        with airflow_errors(), record_task(context, "prepare", self.campaign) as record:
            prepared = self._prepare()
            url = cast("PictureUrl", prepared.url)
            record.pictures.append(PictureRecord(self.kind, url.redacted, report=prepared.report))
        for note in prepared.notes:
            self.log.warning("%s", note)
        source = path_text(self.source)
        self.log.info("%s, made from %s", prepared.report, redact_path(source))
        self._report_lineage([source], [prepared.path, url.redacted])
        return url.full

    def _prepare(self) -> PreparedFile:
        from airflow_provider_oppo_image.artwork.files import prepare_file
        from airflow_provider_oppo_image.artwork.layout import Layout

        for field in ("source", "destination", "public_url"):
            value = getattr(self, field)
            if is_blank(value) and not (field == "public_url" and value is None):
                raise ConfigurationError(
                    f"{field} is empty after template rendering; check the task's rendered values."
                )
        layout = Layout(self.fit, self.focus, self.background, self.enlarge)
        return prepare_file(self.kind, self.source, self.destination, layout, publish=True, public_url=self.public_url)
