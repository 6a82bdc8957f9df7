"""The decision whether a results file may be opened for a task.

The path comes from an XCom, which some users may edit who write no DAG. The file is read with the permissions and the
connections of Airflow's API server. So a path is opened freely only if the task's rendered fields name it, which no
user can edit. Another path is opened only if its rows name the task. In object storage, the rendered fields of a run of
the task must also name the same connection and bucket. The answer does not depend on whether the file exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_oppo_image.batch.row_result import task_name
from airflow_provider_oppo_image.batch.split import default_results_path
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.plugins.database import load_rendered_fields
from airflow_provider_oppo_image.storage import path_text
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_oppo_image.plugins.queries import BatchQuery


class ResultsNotOfTaskError(ConfigurationError):
    """Nothing shows that the file is that of the task, or it does not exist. The message says neither."""


def required_task(session: Session, path: str, query: BatchQuery) -> str | None:
    """Return the task that each row of a results file must name; None if the rows need not name it.

    :param path: the path in the task's record.
    :param query: the requested DAG, run, task and map index.
    :raises ResultsNotOfTaskError: if the file must not be opened at all.
    """
    results = _normalize(path)
    if results in _rendered_results(
        load_rendered_fields(session, query.dag_id, query.task_id, query.run_id, query.map_index)
    ):
        return None
    if storage := _storage(results):
        in_any_run = _rendered_results(load_rendered_fields(session, query.dag_id, query.task_id))
        if storage not in map(_storage, in_any_run):
            raise ResultsNotOfTaskError("The task's rendered fields name no file in this storage.")
    return task_name(query.dag_id, query.run_id, query.task_id, query.map_index)


def _rendered_results(all_fields: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the paths of the results that the operator writes with these rendered fields."""
    found = set()
    for fields in all_fields:
        results, manifest = fields.get("results"), fields.get("manifest")
        if isinstance(results, str) and not is_blank(results):
            found.add(_normalize(results))
        elif isinstance(manifest, str) and not is_blank(manifest):
            found.add(_normalize(default_results_path(manifest)))
    return found


def _normalize(path: str) -> str:
    """Return the text that `storage.resolve` returns for a path, without a connection to the storage."""
    text = path_text(path)
    scheme, separator, _ = text.partition("://")
    if separator and scheme != "file":
        return text
    return str(Path(unquote(urlsplit(text).path) if separator else text))


def _storage(path: str) -> tuple[str, str] | None:
    """Return the scheme, and the connection and bucket, of a URL; None for a local path."""
    scheme, separator, rest = path.partition("://")
    return (scheme, rest.partition("/")[0]) if separator else None
