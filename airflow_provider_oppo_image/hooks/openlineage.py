"""OpenLineage datasets and facets. Imported only if the OpenLineage provider is installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final
from urllib.parse import unquote, urlsplit

from airflow.providers.openlineage.extractors import OperatorLineage
from attr import define
from openlineage.client.event_v2 import Dataset
from openlineage.client.facet_v2 import RunFacet

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.errors import DOCS_URL

PRODUCER: Final = f"{DOCS_URL}#{__version__}"
"""The producer of the facet: this package, with its version."""

SCHEMA_URL: Final = f"{DOCS_URL}/_static/OppoImageIdsRunFacet.json#/$defs/OppoImageIdsRunFacet"
"""JSON schema of the facet, in the documentation's site."""

FACET: Final = "oppoImage_ids"


@define
class OppoImageIdsRunFacet(RunFacet):  # type: ignore[misc]  # untyped if the package is not installed
    """Ids that the service returned for pictures and for a push.

    :param big_picture_id: the big picture's id.
    :param small_picture_id: the small picture's id.
    :param msg_id: the push's message id.
    """

    big_picture_id: str | None = None
    small_picture_id: str | None = None
    msg_id: str | None = None

    _additional_skip_redact: ClassVar[list[str]] = ["big_picture_id", "small_picture_id", "msg_id"]

    @staticmethod
    def _get_schema() -> str:
        return SCHEMA_URL


def operator_lineage(inputs: Iterable[str], outputs: Iterable[str], ids: Mapping[str, str]) -> OperatorLineage:
    """Return a task's lineage as the OpenLineage provider expects it.

    :param inputs: URIs that the task read, without user info and query.
    :param outputs: URIs that it wrote, likewise.
    :param ids: the ids that the service returned, by the vendor's names.
    """
    facets = {FACET: OppoImageIdsRunFacet(**{**ids, "producer": PRODUCER})} if ids else {}
    return OperatorLineage(
        inputs=[_dataset(uri) for uri in inputs],
        outputs=[_dataset(uri) for uri in outputs],
        run_facets=facets,
    )


def _dataset(uri: str) -> Dataset:
    """Return a dataset by OpenLineage's naming rules: a local file by its path, others by host or bucket and path."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Dataset(namespace="file", name=unquote(parts.path))
    return Dataset(namespace=f"{parts.scheme}://{parts.netloc}", name=parts.path.lstrip("/") or "/")
