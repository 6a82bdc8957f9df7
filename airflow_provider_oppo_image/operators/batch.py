"""The operator that uploads many pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.airflow_compat import BaseOperator, metrics
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.contract import PICTURE_RULES
from airflow_provider_oppo_image.engagelab.rate_limiter import DEFAULT_RATE, AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_oppo_image.batch.progress import Progress
    from airflow_provider_oppo_image.batch.run import BatchResult, OnError


class OppoImageBatchUploadOperator(LineageMixin, BaseOperator):
    """Checks and uploads many pictures, each once, no faster than the service allows.

    The rows come from a list, whose results are returned, or from a manifest, whose results are written to a file in
    its order. What is written is the checkpoint as well: a retry, and any later run with the same manifest and results,
    uploads only what has no id yet. It works for a list too, where `results` is given.

    Returns ``{"rows", "uploaded", "failed", "not_tried", "causes", "results"}``, and for a list without `results`
    ``"pictures"``: a result for each row, with ``line``, ``name``, ``state``, ``big_picture_id``, ``small_picture_id``,
    ``error_code``, ``error``, ``fault``, ``big_picture_url`` and ``small_picture_url``, these two without their query.
    Where it fails, the same is an XCom with the key ``summary``.

    :param pictures: rows with ``name``, and ``big_picture_url``, ``small_picture_url`` or both (templated).
    :param manifest: in its place, the path or URL of a manifest: CSV or JSON Lines (templated).
    :param results: the path or URL of the results (templated); None puts a manifest's beside it, as
        ``night.results.csv`` for ``night.csv``.
    :param on_error: "fail_at_end" tries every row and then fails if one did, "fail_fast" ends at the first failure,
        "keep_going" succeeds whatever failed. An error of the account, such as a wrong secret, ends it in any case.
    :param rate: requests a second at most; the service's limit of 500 is shared by all that use the AppKey.
    :param threads: how many pictures are under way at once.
    :param check: look at the pictures first, as the service will. Without it, the service and OPPO judge alone.
    :param oppo_image_conn_id: the id of the connection (templated).
    :raises ConfigurationError: for arguments that do not go together.
    """

    template_fields: Sequence[str] = ("pictures", "manifest", "results", "oppo_image_conn_id")
    operator_extra_links = LINKS
    ui_color = "#e3f4ea"

    def __init__(
        self,
        *,
        pictures: Sequence[Mapping[str, str | None]] | None = None,
        manifest: str | None = None,
        results: str | None = None,
        on_error: OnError = "fail_at_end",
        rate: float = DEFAULT_RATE,
        threads: int = 64,
        check: bool = True,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (pictures is None) == (manifest is None):
            raise ConfigurationError("Give either `pictures` or `manifest`, and not both.")
        if on_error not in ("fail_at_end", "fail_fast", "keep_going"):
            raise ConfigurationError(f"on_error is {on_error!r}; it must be fail_at_end, fail_fast or keep_going.")
        if rate < 1 or threads < 1:
            raise ConfigurationError(f"rate is {rate} and threads is {threads}; both must be 1 or more.")
        self.pictures = pictures
        self.manifest = manifest
        self.results = results
        self.on_error: OnError = on_error
        self.rate = rate
        self.threads = threads
        self.check = check
        self.oppo_image_conn_id = oppo_image_conn_id
        self._rate_limiter: RateLimiter | None = None
        self._counted = (0, 0)

    def execute(self, context: Context) -> dict[str, Any]:
        """Check, upload, and return how it ended; Airflow calls it.

        :param context: the context of the running task.
        """
        from airflow_provider_oppo_image.hooks.task_errors import log_group
        from airflow_provider_oppo_image.hooks.task_record import record_task

        with airflow_errors(), record_task(context, "batch") as record:
            end = self._upload()
            record.batch = end.summary
            told = end.summary.to_dict()
            if end.summary.causes:
                with log_group("Why rows failed"):
                    self.log.error("%s", end.summary)
            if end.error:
                context["ti"].xcom_push(key="summary", value=told)
                raise end.error
        self.log.info("%s%s", "An earlier run did all of it: " if end.already_complete else "", end.summary.headline)
        self._report_lineage(self._read_from(), [told["results"]] if told["results"] else [])
        if self.outlets:
            from airflow_provider_oppo_image.operators.asset_events import announce_batch

            announce_batch(context, self.outlets, told)
        return told if told["results"] else {**told, "pictures": [row.to_dict() for row in end.rows]}

    def on_kill(self) -> None:
        """End the batch: what is in flight comes to its end, and all that has an id is written down."""
        if self._rate_limiter:
            self._rate_limiter.close()

    def _upload(self) -> BatchResult:
        from airflow_provider_oppo_image.batch.split import default_results_path
        from airflow_provider_oppo_image.hooks.batch import upload_batch
        from airflow_provider_oppo_image.hooks.task_errors import log_group

        manifest, results = (None if is_blank(path) else path for path in (self.manifest, self.results))
        if self.manifest is not None and manifest is None:
            raise ConfigurationError("manifest is empty after its template was rendered; look at the rendered values.")
        if isinstance(self.pictures, str):
            raise ConfigurationError(
                "`pictures` is text; it must be a list of mappings. Where a template makes it, set "
                "render_template_as_native_obj=True on the DAG, or hand over a task's output."
            )
        self._rate_limiter = RateLimiter(AdaptiveRate(self.rate))
        hook = OppoImageHook(self.oppo_image_conn_id)
        _ = hook.settings  # what is odd about them is not folded
        with log_group("Progress"):
            return upload_batch(
                hook,
                pictures=self.pictures,
                manifest=manifest,
                results=results or (default_results_path(manifest) if manifest else None),
                check=self.check,
                on_error=self.on_error,
                rate_limiter=self._rate_limiter,
                threads=self.threads,
                tell=self._tell,
            )

    def _read_from(self) -> Iterator[str]:
        """Yield where the pictures came from: the manifest, which stands for all of its rows, or those of the list."""
        if self.manifest is not None:
            yield self.manifest
        for row in self.pictures or ():
            yield from (
                str(row[rule.url_key]) for rule in PICTURE_RULES.values() if not is_blank(row.get(rule.url_key))
            )

    def _tell(self, progress: Progress) -> None:
        now = time.monotonic()
        self.log.info("%s", progress.line(now))
        uploaded, failed = self._counted
        metrics().incr("oppo_image.batch.uploaded", progress.uploaded - uploaded)
        metrics().incr("oppo_image.batch.failed", progress.failed - failed)
        metrics().gauge("oppo_image.batch.left", progress.total - progress.done)
        self._counted = (progress.uploaded, progress.failed)
