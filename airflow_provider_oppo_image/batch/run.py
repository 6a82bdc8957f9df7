"""Run of a batch: plan, resume from the checkpoint, upload, write the results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.progress import Progress, ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import RowResult, write_results
from airflow_provider_oppo_image.batch.worker_pool import Batch, Uploader
from airflow_provider_oppo_image.errors import BatchError, ConfigurationError, OppoImageError
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
    checkpoint = None if results is None else Checkpoint(results)
    with Plan(rows) as plan:
        if checkpoint:
            if summary_data := checkpoint.open(plan.fingerprint):
                return BatchResult(Summary.from_dict(summary_data), already_complete=True)
            if checkpoint.has_progress and not batch.resume:
                raise ConfigurationError(
                    f"The file {results} was started by an earlier run. Resume it (--resume) to try only the pictures "
                    "without an id, or choose another path for the results."
                )
            for outcome in checkpoint.outcomes():
                plan.record(outcome)
        stop_reason = _upload(batch, plan, checkpoint)
        counter = ResultCounter()
        counted = counter.count(plan.results())
        found: list[RowResult] = []
        if checkpoint is None:
            found = list(counted)
        else:
            write_results(checkpoint.results, counted)
        summary = counter.summary(None if results is None else str(results))
        if checkpoint and summary.uploaded == summary.rows:
            checkpoint.complete(plan.fingerprint, summary.to_dict())
        return BatchResult(summary, stop_reason or _failed_rows_error(batch, summary, plan), found)


def _upload(batch: Batch, plan: Plan, checkpoint: Checkpoint | None) -> OppoImageError | None:
    progress = Progress(plan.pending_count, time.monotonic())
    uploader = Uploader(batch, progress, plan.record, checkpoint.write if checkpoint else lambda _: None)
    uploader.run(plan.pending_pictures())
    batch.on_progress(progress)
    return uploader.stop_reason


def _failed_rows_error(batch: Batch, summary: Summary, plan: Plan) -> BatchError | None:
    if not summary.failed or batch.on_error == "keep_going":
        return None
    cause = summary.causes[0]
    location = f" The file {summary.results} has the results." if summary.results else ""
    return BatchError(
        f"{summary.failed:,} of {summary.rows:,} rows failed, {cause.rows:,} of them with {cause.code}.{location} "
        f"Correct the causes in the table, then run the batch again: it tries only pictures without an id.\n{summary}",
        permanent=not plan.transient_failures,
        summary=summary.to_dict(),
    )
