"""Reporting of a task's inputs and outputs to Airflow's hook lineage and, if its provider is installed, to OpenLineage.

Errors in lineage never fail a task.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from airflow_provider_oppo_image.airflow_compat import collect_lineage
from airflow_provider_oppo_image.net.redaction import NOT_A_URL, strip_query

log = logging.getLogger(__name__)

MAX_DATASETS: Final = 50
"""Maximum number of inputs and of outputs, inclusive. Our own limit: half of what Airflow keeps for a task."""


@dataclass(frozen=True)
class Lineage:
    """A task's inputs and outputs.

    :param inputs: URIs that the task read, without user info and query.
    :param outputs: URIs that it wrote, likewise.
    :param ids: the ids that the service returned, by the vendor's names.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)


class LineageMixin:
    """Operator or sensor that reports lineage when it succeeds."""

    _lineage: Lineage | None = None

    def _report_lineage(
        self, inputs: Iterable[str] = (), outputs: Iterable[str] = (), ids: Mapping[str, str | None] | None = None
    ) -> None:
        """Report inputs and outputs to Airflow, and keep them for OpenLineage.

        :param inputs: URLs and paths; user info, queries and fragments are removed.
        :param outputs: likewise.
        :param ids: the ids that the service returned, by name; those that are None are left out.
        """
        try:
            known_ids = {name: value for name, value in (ids or {}).items() if value is not None}
            self._lineage = Lineage(_uris(inputs), _uris(outputs), known_ids)
            collect_lineage(self, self._lineage.inputs, self._lineage.outputs)
        except Exception:
            log.debug("The lineage of this task was not reported", exc_info=True)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return the task's lineage; called by the OpenLineage provider.

        :return: None if the task reported no lineage, for example because it failed.
        """
        if self._lineage is None:
            return None
        from airflow_provider_oppo_image.hooks.openlineage import operator_lineage

        return operator_lineage(self._lineage.inputs, self._lineage.outputs, self._lineage.ids)


def dataset_uri(location: str) -> str | None:
    """Return a dataset's URI without user info, query and fragment; None for an invalid URL.

    :param location: a URL, or a local path.
    """
    if "://" not in location:
        return Path(location).absolute().as_uri()
    if location.startswith("file://"):
        return location
    uri = strip_query(location)
    return None if uri == NOT_A_URL else uri


def _uris(locations: Iterable[str]) -> tuple[str, ...]:
    # A batch's list can have 100,000 pictures: only the first are read.
    uris = dict.fromkeys(uri for uri in map(dataset_uri, islice(locations, 2 * MAX_DATASETS)) if uri)
    return tuple(islice(uris, MAX_DATASETS))
