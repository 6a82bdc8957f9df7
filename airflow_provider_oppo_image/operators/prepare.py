"""The operator that makes a picture of artwork."""

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
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_oppo_image.artwork.files import PreparedFile
    from airflow_provider_oppo_image.net.picture_url import PictureUrl


class OppoImagePrepareOperator(LineageMixin, BaseOperator):
    """Makes a picture that passes the check of any artwork that Pillow reads, and returns its public URL.

    It crops or pads, scales, converts the colours to sRGB, and writes the finest file that fits: a PNG where one fits
    without loss, else a JPEG. The artwork stays as it is. A picture is written whole or not at all, and a retry makes
    the same one. Artwork that is not there yet is left to Airflow's retries; artwork of which no picture can be made
    fails the task at once.

    :param source: the artwork: a path, or a URL of Airflow's object storage, such as ``s3://connection@bucket/art.psd``
        (templated).
    :param destination: where the picture goes, likewise (templated). A name that ends in .png or .jpg says the format;
        any other gets the ending of what was made.
    :param kind: "big" or "small".
    :param fit: "cover" fills the picture and crops what is too much; "contain" shows all of the artwork and pads.
    :param focus: the point of the artwork around which it is cropped, as fractions from its left and from its top, 0 to
        1, inclusive (templated).
    :param background: the colour behind transparent artwork and of the padding, such as "white" or "#ff8800"
        (templated); "transparent" keeps transparency.
    :param enlarge: enlarge artwork that is too small, with a warning, instead of refusing it.
    :param campaign: what people call what the picture is for (templated): the page of a run's pictures shows it.
    :param public_url: where the public finds the picture; ``{name}`` in it stands for the file's name (templated). None
        has the object storage sign a URL, good for a day; where it cannot, nothing is written.
    :raises ConfigurationError: for a kind or a fit that is none.
    """

    template_fields: Sequence[str] = ("source", "destination", "focus", "background", "campaign", "public_url")
    operator_extra_links = LINKS
    ui_color = "#e3f4ea"

    def __init__(
        self,
        *,
        source: str,
        destination: str,
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
            raise ConfigurationError(f"kind is {kind!r}; it must be big or small.")
        if fit not in FITS:
            raise ConfigurationError(f"fit is {fit!r}; it must be cover or contain.")
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
        """Make the picture, and return its public URL; Airflow calls it.

        :param context: the context of the running task.
        """
        from airflow_provider_oppo_image.hooks.task_record import PictureRecord, record_task

        with airflow_errors(), record_task(context, "prepare", self.campaign) as record:
            mended = self._mend()
            url = cast("PictureUrl", mended.url)
            record.pictures.append(PictureRecord(self.kind, url.redacted, report=mended.report))
        for note in mended.notes:
            self.log.warning("%s", note)
        self.log.info("%s, made of %s", mended.report, redact_path(self.source))
        self._report_lineage([self.source], [mended.path, url.redacted])
        return url.full

    def _mend(self) -> PreparedFile:
        from airflow_provider_oppo_image.artwork.files import prepare_file
        from airflow_provider_oppo_image.artwork.layout import Layout

        for field in ("source", "destination", "public_url"):
            value = getattr(self, field)
            if is_blank(value) and not (field == "public_url" and value is None):
                raise ConfigurationError(
                    f"{field} is empty after its template was rendered; look at the rendered values."
                )
        layout = Layout(self.fit, self.focus, self.background, self.enlarge)
        return prepare_file(self.kind, self.source, self.destination, layout, publish=True, public_url=self.public_url)
