"""What a task read and wrote, told to Airflow's hook lineage and, where its provider is installed, to OpenLineage.

Lineage is for people to look at: whatever goes wrong with it, the task's own end stands.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from airflow_provider_oppo_image.net.redaction import NOT_A_URL, strip_query

log = logging.getLogger(__name__)

MAX_DATASETS: Final = 50
"""Up to so many places of a kind are told, inclusive: ours, half of what Airflow keeps of a task."""


@dataclass(frozen=True)
class Lineage:
    """What a task read and wrote.

    :param inputs: URIs of what it read, fit to be shown.
    :param outputs: URIs of what it wrote, likewise.
    :param ids: what the service gave for it, under the vendor's own names.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)


class LineageMixin:
    """An operator or a sensor that tells what it read and wrote when it has succeeded."""

    _lineage: Lineage | None = None

    def _report_lineage(
        self, inputs: Iterable[str] = (), outputs: Iterable[str] = (), ids: Mapping[str, str | None] | None = None
    ) -> None:
        """Tell Airflow, and remember it for OpenLineage.

        :param inputs: URLs and paths as they are; what may not be shown is left out.
        :param outputs: likewise.
        :param ids: what the service gave, by name; None for what it did not give.
        """
        try:
            known = {name: given for name, given in (ids or {}).items() if given is not None}
            self._lineage = Lineage(_uris(inputs), _uris(outputs), known)
            _collect(self, self._lineage)
        except Exception:
            log.debug("The lineage of this task was not kept", exc_info=True)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return inputs, outputs and ids in OpenLineage's words; its provider calls it.

        :param task_instance: the task that came to its end.
        :return: None where the task told nothing, as when it failed.
        """
        if self._lineage is None:
            return None
        from airflow_provider_oppo_image.hooks.openlineage import operator_lineage

        return operator_lineage(self._lineage.inputs, self._lineage.outputs, self._lineage.ids)


def uri_of(place: str) -> str | None:
    """Return the URI that names a place to everybody: without user info, query and fragment; None where it has none.

    :param place: a URL, or a local path.
    """
    if "://" not in place:
        return Path(place).absolute().as_uri()
    if place.startswith("file://"):
        return place
    uri = strip_query(place)
    return None if uri == NOT_A_URL else uri


def _uris(places: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        islice(dict.fromkeys(uri for uri in map(uri_of, islice(places, 2 * MAX_DATASETS)) if uri), MAX_DATASETS)
    )


def _collect(teller: LineageMixin, lineage: Lineage) -> None:
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    collector: Any = get_hook_lineage_collector()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
    for uri in lineage.inputs:
        collector.add_input_asset(context=teller, uri=uri)
    for uri in lineage.outputs:
        collector.add_output_asset(context=teller, uri=uri)
