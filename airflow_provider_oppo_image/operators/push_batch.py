"""Operator that pushes what a batch uploaded."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_oppo_image.airflow_compat import earlier_try_since
from airflow_provider_oppo_image.batch import DEFAULT_THREADS, OnError
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE
from airflow_provider_oppo_image.engagelab.push_pictures import check_max_age
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.operators.batch import BatchOperator
from airflow_provider_oppo_image.operators.push import require_audience
from airflow_provider_oppo_image.template_values import check_choice, is_blank, is_rendered, read_flag, read_time

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.batch.push_run import PushBatchResult
    from airflow_provider_oppo_image.engagelab.push_once import OnUnknownOutcome
    from airflow_provider_oppo_image.storage import AnyPath


class OppoImageBatchPushOperator(BatchOperator):
    """Sends one push for each row that a batch uploaded, with the row's picture ids, each of them once.

    Each text of the message may contain ``${column}``, the row's value of a column of the results, or of the manifest
    if it is given. It is filled for each row, after Airflow has rendered the message. ``$$`` is a dollar sign.

    Each push has a `cid` that is derived from the connection's namespace, the task's DAG, run, name and map index, and
    the row's name. Its record is in the checkpoint, beside the results of the pushes, before it is sent. So a retry
    sends only what was not sent. A row whose outcome is not known is sent again within 50 minutes, with the same `cid`,
    by which the service recognises it. Later it is not sent again: see `on_unknown_outcome`.

    Returns ``{"rows", "sent", "refused", "unknown", "not_tried", "valid", "audiences", "causes", "results",
    "failed"}``. If the task fails, the same value is an XCom with the key ``summary``.

    :param results: the path or URL of the results of a batch upload (templated).
    :param message: the vendor's push body (templated): an object with `to` and `body`, without a `cid`.
    :param manifest: the path or URL of the manifest that was uploaded (templated), whose columns the message may have
        too. Rows are joined by name and by their pictures' URLs without the queries.
    :param pushes: the path or URL of the results of the pushes (templated). The default is a file beside `results`,
        such as ``night.results.pushes.csv``.
    :param same_audience: allow that `to` is the same in all rows. Without it, `to` must contain a column of the row if
        there is more than one row.
    :param on_missing_picture: what to do with rows without all their picture ids: "fail" them, or push them as "text".
    :param max_picture_age: the maximum age of the ids, inclusive; None for any age.
    :param validate_only: let the service check the pushes without sending them (templated: "true" or "false"). No file
        is written.
    :param on_error: "fail_at_end" tries every row and then fails if a row failed, "fail_fast" stops at the first
        failure, "keep_going" succeeds even if rows failed. An account error, such as a wrong secret, always stops the
        batch.
    :param on_unknown_outcome: what to do with a row that an earlier try may have sent, if the service would no longer
        recognise a repeat: "fail", or "send_again", which can send it twice.
    :param not_after: the latest time to send, with a zone (templated); None for no limit. Then the task fails, and the
        rest of the rows is not tried.
    :param rate: maximum requests per second, at least 1; None for the connection's. Everything that uses the AppKey
        shares the service's limit, 500 by default.
    :param threads: the number of pushes that are sent at the same time.
    :param oppo_image_conn_id: the id of the connection (templated).
    :raises ConfigurationError: if an argument that is not templated has another value.
    """

    template_fields: Sequence[str] = (
        "results",
        "message",
        "manifest",
        "pushes",
        "validate_only",
        "not_after",
        "oppo_image_conn_id",
    )
    template_fields_renderers = {"message": "json"}  # noqa: RUF012  # Airflow's own declaration
    _metric = "oppo_image.batch_push"

    def __init__(
        self,
        *,
        results: AnyPath,
        message: Mapping[str, Any],
        manifest: AnyPath | None = None,
        pushes: AnyPath | None = None,
        same_audience: bool = False,
        on_missing_picture: Literal["fail", "text"] = "fail",
        max_picture_age: datetime.timedelta | None = MAX_PICTURE_AGE,
        validate_only: bool | str = False,
        on_error: OnError = "fail_at_end",
        on_unknown_outcome: OnUnknownOutcome = "fail",
        not_after: str | datetime.datetime | None = None,
        rate: float | None = None,
        threads: int = DEFAULT_THREADS,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(on_error=on_error, rate=rate, threads=threads, oppo_image_conn_id=oppo_image_conn_id, **kwargs)
        check_choice("on_missing_picture", on_missing_picture, {"fail": "", "text": "push without pictures"})
        check_choice("on_unknown_outcome", on_unknown_outcome, {"fail": "", "send_again": "may push twice"})
        check_max_age(max_picture_age)
        require_audience(self, message)
        if is_rendered(not_after):
            read_time("not_after", not_after)
        self.results = results
        self.message = message
        self.manifest = manifest
        self.pushes = pushes
        self.same_audience = same_audience
        self.on_missing_picture = on_missing_picture
        self.max_picture_age = max_picture_age
        self.validate_only = validate_only
        self.on_unknown_outcome: OnUnknownOutcome = on_unknown_outcome
        self.not_after = not_after

    def execute(self, context: Context) -> dict[str, Any]:
        """Push the rows, and return a summary; called by Airflow."""
        with airflow_errors():
            result = self._push(context)
            summary = self._end(context, result.summary, result.error)
        self.log.info("%s", result.summary.headline)
        inputs = [str(path) for path in (self.results, self.manifest) if not is_blank(path)]
        self._report_lineage(inputs, [summary["results"]] if summary["results"] else [])
        return summary

    def _push(self, context: Context) -> PushBatchResult:
        from airflow_provider_oppo_image.batch.row_result import task_name
        from airflow_provider_oppo_image.hooks.task_record import log_group

        if is_blank(self.results):
            raise ConfigurationError("results is empty after template rendering; check the task's rendered values.")
        manifest, pushes = (None if is_blank(path) else path for path in (self.manifest, self.pushes))
        ti = context["ti"]
        hook = OppoImageHook(self.oppo_image_conn_id)
        self._rate_limiter = hook.make_rate_limiter(self.rate)
        with log_group("Progress"):
            return hook.push_batch(
                self.results,
                self.message,
                manifest=manifest,
                pushes=pushes,
                same_audience=self.same_audience,
                on_missing_picture=self.on_missing_picture,
                max_picture_age=self.max_picture_age,
                validate_only=read_flag("validate_only", self.validate_only),
                on_error=self.on_error,
                on_unknown_outcome=self.on_unknown_outcome,
                not_after=read_time("not_after", self.not_after),
                task=task_name(ti.dag_id, ti.run_id, ti.task_id, ti.map_index),
                earlier_since=earlier_try_since(context),
                rate_limiter=self._rate_limiter,
                threads=self.threads,
                on_progress=self._report_progress,
            )
