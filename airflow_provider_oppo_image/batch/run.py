"""Run of a batch: plan, resume from the checkpoint, upload, write the results."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint, storage_of
from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.progress import Progress, ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import Origin, RowResult
from airflow_provider_oppo_image.batch.worker_pool import Batch, UploadWork, WorkerPool
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.storage import StoragePath


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch.

    :param summary: the counts and the causes of failures.
    :param error: the error to raise; None if the batch succeeded, or `on_error` ignores its failures.
    :param rows: the results, if they were not written to a file.
    :param already_complete: whether an earlier run had already uploaded all rows.
    """

    summary: Summary
    error: OppoImageError | None = None
    rows: Sequence[RowResult] = ()
    already_complete: bool = False


def run_batch(batch: Batch, rows: Iterable[Row], results: StoragePath | None = None) -> BatchResult:
    """Upload the pictures of all rows, once each; resume an earlier run that has the same results path.

    :param batch: the options.
    :param rows: the rows; they are all read before the first request.
    :param results: the path of the results; the checkpoint is beside it. None writes no files.
    :return: the result; failed rows, pictures and account errors are in it, and are not raised.
    :raises ConfigurationError: if the manifest is not valid, or `results` belongs to another batch. No request was
        sent.
    :raises StorageError: if a file cannot be read or written.
    """
    with Plan(rows) as plan:
        origin = Origin(plan.fingerprint, batch.account, batch.task)
        if results is None:
            stop_reason = _upload(batch, plan, None)
            return _finish(batch, plan, origin, None, stop_reason)
        with Checkpoint(results, origin) as checkpoint:
            now = datetime.datetime.now(datetime.UTC)
            renew_before = None if batch.renew_after is None else now - batch.renew_after
            checkpoint.open(plan.row_count)
            if summary := checkpoint.completed(renew_before):
                return BatchResult(summary, already_complete=True)
            if checkpoint.has_progress and not batch.resume:
                raise ConfigurationError(
                    f"The file {results} was started by an earlier run. Resume it (--resume) to try only the pictures "
                    "without an id, or choose another path for the results."
                )
            plan.restore(checkpoint.outcomes(), renew_before)
            stop_reason = _upload(batch, plan, checkpoint)
            return _finish(batch, plan, origin, checkpoint, stop_reason)


def _upload(batch: Batch, plan: Plan, checkpoint: Checkpoint | None) -> OppoImageError | None:
    progress = Progress(plan.pending_count, time.monotonic())
    pool = WorkerPool(batch, UploadWork(batch), progress, plan.record, *storage_of(checkpoint))
    pool.run(plan.pending_pictures())
    batch.on_progress(progress)
    return pool.stop_reason


def _finish(
    batch: Batch, plan: Plan, origin: Origin, checkpoint: Checkpoint | None, stop_reason: OppoImageError | None
) -> BatchResult:
    counter = ResultCounter()
    counted = counter.count(plan.results(origin))
    found: list[RowResult] = []
    if checkpoint is None:
        found = list(counted)
    else:
        write_results(checkpoint.results, counted)
    summary = counter.summary(str(checkpoint.results) if checkpoint else None, plan.renewed_count)
    if checkpoint and summary.uploaded == summary.rows:
        checkpoint.complete(summary, plan.oldest)
    failed = summary.failed_rows_error(
        batch.on_error, "it tries only pictures without an id", permanent=not plan.transient_failures
    )
    return BatchResult(summary, stop_reason or failed, found)
