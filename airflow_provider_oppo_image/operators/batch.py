"""Operator that uploads many pictures, and the base class of the operators of batches."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow_provider_oppo_image.airflow_compat import BaseOperator, metrics
from airflow_provider_oppo_image.batch import DEFAULT_THREADS, ON_ERROR, OnError
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.contract import OLD_PICTURE_AGE, PICTURE_RULES
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.template_values import check_choice, is_blank

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.batch.progress import Counts, Progress
    from airflow_provider_oppo_image.batch.run import BatchResult
    from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
    from airflow_provider_oppo_image.storage import AnyPath

MAX_RETURNED_ROWS: Final = 1_000
"""Maximum length of a list without `results`, whose rows are returned as an XCom of about 400 bytes each."""


class BatchOperator(LineageMixin, BaseOperator):
    """Base class of the operators of batches."""

    operator_extra_links = LINKS
    ui_color = "#e3f4ea"

    _metric: ClassVar[str] = "oppo_image.batch"
    _rate_limiter: RateLimiter | None = None
    _counted: tuple[int, int] = (0, 0)

    def __init__(
        self, *, on_error: OnError, rate: float | None, threads: int, oppo_image_conn_id: str, **kwargs: Any
    ) -> None:
        """Check and set the options of all batches.

        :raises ConfigurationError: if one is out of range.
        """
        super().__init__(**kwargs)
        check_choice("on_error", on_error, dict.fromkeys(ON_ERROR, ""))
        if rate is not None and not 1 <= rate < math.inf:
            raise ConfigurationError(f"The rate must be at least 1 request per second, not {rate}.")
        if threads < 1:
            raise ConfigurationError(f"The number of threads must be at least 1, not {threads}.")
        self.on_error: OnError = on_error
        self.rate = rate
        self.threads = threads
        self.oppo_image_conn_id = oppo_image_conn_id

    def on_kill(self) -> None:
        """Stop the batch: requests that are in progress finish, and all outcomes are written to the checkpoint."""
        if self._rate_limiter:
            self._rate_limiter.close()

    def _end(self, context: Context, summary: Counts, error: OppoImageError | None) -> dict[str, Any]:
        """Log why rows failed, add the summary to the events of the task's outlets, and return it as data.

        :raises OppoImageError: the error of the batch, after the summary was stored as an XCom.
        """
        from airflow_provider_oppo_image.hooks.task_record import log_group

        data = summary.to_dict()
        if summary.causes:
            with log_group("Why rows failed"):
                self.log.error("%s", summary)
        if error:
            context["ti"].xcom_push(key="summary", value=data)
            raise error
        if self.outlets:
            from airflow_provider_oppo_image.operators.asset_events import announce_batch

            announce_batch(context, self.outlets, data)
        return data

    def _report_progress(self, progress: Progress) -> None:
        self.log.info("%s", progress.describe(time.monotonic()))
        done, failed = self._counted
        metrics().incr(f"{self._metric}.{progress.verb}", progress.uploaded - done)
        metrics().incr(f"{self._metric}.failed", progress.failed - failed)
        metrics().gauge(f"{self._metric}.left", progress.total - progress.done)
        self._counted = (progress.uploaded, progress.failed)


class OppoImageBatchUploadOperator(BatchOperator):
    """Checks and uploads many pictures, each of them once, within the service's rate limit.

    The rows come from a list or from a manifest. The results of a list are returned; the results of a manifest are
    written to a file, in the manifest's order. The results are also the checkpoint: a retry, or a later run with the
    same manifest and results, uploads only the pictures that have no id yet. A list has a checkpoint if `results` is
    given.

    Returns ``{"rows", "uploaded", "failed", "not_tried", "causes", "results", "renewed"}``, and for a list without
    `results` also ``"pictures"``: one result per row, with the fields of `batch.row_result.RowResult`.
    If the task fails, the same value is an XCom with the key ``summary``.

    :param pictures: rows with ``name``, and ``big_picture_url``, ``small_picture_url`` or both (templated). More than
        1,000 rows need `results`.
    :param manifest: the path or URL of a manifest, instead of `pictures`: CSV or JSON Lines (templated).
    :param results: the path or URL of the results (templated). The default for a manifest is a file beside it, such as
        ``night.results.csv`` for ``night.csv``.
    :param on_error: "fail_at_end" tries every row and then fails if a row failed, "fail_fast" stops at the first
        failure, "keep_going" succeeds even if rows failed. An account error, such as a wrong secret, always stops the
        batch.
    :param rate: maximum requests per second, at least 1; None for the connection's. Everything that uses the AppKey
        shares the service's limit, 500 by default.
    :param threads: the number of pictures that are processed at the same time.
    :param check: check the pictures before the upload. Without it, only the service and OPPO check them.
    :param renew_after: upload pictures again whose ids of an earlier run are older; None for no limit.
    :param oppo_image_conn_id: the id of the connection (templated).
    :raises ConfigurationError: for arguments that exclude each other or are out of range.
    """

    template_fields: Sequence[str] = ("pictures", "manifest", "results", "oppo_image_conn_id")
    template_fields_renderers = {"pictures": "json"}  # noqa: RUF012  # Airflow's own declaration

    def __init__(
        self,
        *,
        pictures: Sequence[Mapping[str, str | None]] | None = None,
        manifest: AnyPath | None = None,
        results: AnyPath | None = None,
        on_error: OnError = "fail_at_end",
        rate: float | None = None,
        threads: int = DEFAULT_THREADS,
        check: bool = True,
        renew_after: datetime.timedelta | None = OLD_PICTURE_AGE,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(on_error=on_error, rate=rate, threads=threads, oppo_image_conn_id=oppo_image_conn_id, **kwargs)
        if (pictures is None) == (manifest is None):
            raise ConfigurationError("Give either `pictures` or `manifest`, and not both.")
        self.pictures = pictures
        self.manifest = manifest
        self.results = results
        if renew_after is not None and renew_after < datetime.timedelta(0):
            raise ConfigurationError(f"renew_after must not be negative, and is {renew_after}.")
        self.check = check
        self.renew_after = renew_after

    def execute(self, context: Context) -> dict[str, Any]:
        """Check and upload the pictures, and return a summary; called by Airflow."""
        from airflow_provider_oppo_image.batch.row_result import task_name
        from airflow_provider_oppo_image.hooks.task_record import record_task

        with airflow_errors(), record_task(context, "batch") as record:
            ti = context["ti"]
            result = self._upload(task_name(ti.dag_id, ti.run_id, ti.task_id, ti.map_index))
            record.batch = result.summary
            summary = self._end(context, result.summary, result.error)
        done = "An earlier run uploaded all of it: " if result.already_complete else ""
        self.log.info("%s%s", done, result.summary.headline)
        self._report_lineage(self._inputs(), [summary["results"]] if summary["results"] else [])
        return summary if summary["results"] else {**summary, "pictures": [row.to_dict() for row in result.rows]}

    def _upload(self, task: str) -> BatchResult:
        from airflow_provider_oppo_image.batch.split import default_results_path
        from airflow_provider_oppo_image.hooks.task_record import log_group

        manifest, results = (None if is_blank(path) else path for path in (self.manifest, self.results))
        if self.manifest is not None and manifest is None:
            raise ConfigurationError("manifest is empty after template rendering; check the task's rendered values.")
        if isinstance(self.pictures, str):
            raise ConfigurationError(
                "`pictures` must be a list of mappings, not text. If it comes from a template, set "
                "render_template_as_native_obj=True on the DAG, or pass a task's output."
            )
        if results is None and self.pictures is not None and len(self.pictures) > MAX_RETURNED_ROWS:
            raise ConfigurationError(
                f"`pictures` has {len(self.pictures):,} rows, and no `results` is given. Without it, at most "
                f"{MAX_RETURNED_ROWS:,} rows are returned as an XCom. Give `results`, the path of a results file."
            )
        hook = OppoImageHook(self.oppo_image_conn_id)
        self._rate_limiter = hook.make_rate_limiter(self.rate)
        with log_group("Progress"):
            return hook.upload_batch(
                pictures=self.pictures,
                manifest=manifest,
                results=results or (default_results_path(manifest) if manifest else None),
                check=self.check,
                on_error=self.on_error,
                renew_after=self.renew_after,
                task=task,
                rate_limiter=self._rate_limiter,
                threads=self.threads,
                on_progress=self._report_progress,
            )

    def _inputs(self) -> Iterator[str]:
        """Yield the manifest, or the URLs of the list's pictures."""
        if self.manifest is not None:
            yield str(self.manifest)
        for row in self.pictures or ():
            yield from (
                str(row[rule.url_key]) for rule in PICTURE_RULES.values() if not is_blank(row.get(rule.url_key))
            )
