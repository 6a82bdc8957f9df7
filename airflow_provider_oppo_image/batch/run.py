"""Run of a batch of uploads: its options and work, and the plan, the checkpoint, the uploads and the results."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_oppo_image.batch import DEFAULT_THREADS, OnError
from airflow_provider_oppo_image.batch.checkpoint import Checkpoint, storage_of
from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.plan import Plan, PlannedPicture
from airflow_provider_oppo_image.batch.progress import Progress, ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import Origin, Outcome, RowResult
from airflow_provider_oppo_image.batch.worker_pool import WorkerPool, batch_errors
from airflow_provider_oppo_image.contract import OLD_PICTURE_AGE, PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.errors import ConfigurationError, Failure, OppoImageError
from airflow_provider_oppo_image.pictures.report import PictureReport, error_for
from airflow_provider_oppo_image.storage import StoragePath


@dataclass(frozen=True)
class Batch:
    """Options of a batch.

    :param upload: uploads a picture and returns its id; its requests pass the rate limiter.
    :param rate_limiter: the rate limiter; closing it stops the batch, and a batch that stops closes it.
    :param check: checks each picture before it is uploaded; None uploads without a check.
    :param on_error: "fail_at_end" tries every row and then reports an error, "fail_fast" stops at the first failure,
        "keep_going" reports no error for failed rows. A permanent account error, or a spent daily limit, stops the
        batch in any case.
    :param threads: the number of pictures that are processed concurrently.
    :param on_progress: called with the progress at intervals and at the end.
    :param progress_interval: seconds between two of these calls.
    :param resume: continue an earlier run; False refuses to.
    :param account: the AppKey and the service, as `account_of` returns it.
    :param task: the task, as `task_name` returns it; None outside a task.
    :param renew_after: ids of earlier runs that are older count as not uploaded; None for no limit.
    """

    upload: Callable[[PictureKind, str], str]
    rate_limiter: RateLimiter
    check: Callable[[PictureKind, str], PictureReport] | None = None
    on_error: OnError = "fail_at_end"
    threads: int = DEFAULT_THREADS
    on_progress: Callable[[Progress], None] = lambda _: None
    progress_interval: float = 5.0
    resume: bool = True
    account: str = ""
    task: str | None = None
    renew_after: datetime.timedelta | None = OLD_PICTURE_AGE


class UploadWork:
    """Checks and uploads a picture.

    :param batch: the options.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def run(self, item: PlannedPicture) -> Outcome:
        """Check and upload a picture, and return its id."""
        if self._batch.check and (not_ready := error_for([self._batch.check(item.kind, item.url)])):
            raise not_ready
        picture_id = self._batch.upload(item.kind, item.url)
        uploaded_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return Outcome(item.number, picture_id, uploaded_at=uploaded_at)

    def failed(self, item: PlannedPicture, error: OppoImageError, failure: Failure | None) -> Outcome:
        """Return the outcome of a picture that has no id."""
        return Outcome(item.number, failure=failure)


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


@batch_errors()
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
