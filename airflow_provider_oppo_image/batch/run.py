"""A batch from its rows to its results: plan, go on from the checkpoint, upload, write the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_oppo_image.batch import DEFAULT_THREADS, OnError
from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.progress import Progress, ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import Outcome, RowResult, write_results
from airflow_provider_oppo_image.batch.worker_pool import Check, Uploader, Uploads
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.errors import BatchError, ConfigurationError, OppoImageError
from airflow_provider_oppo_image.storage import StoragePath


@dataclass(frozen=True)
class Batch:
    """How pictures are brought to the service.

    :param uploads: the client, whose requests pass the rate_limiter.
    :param rate_limiter: the rate; shut, it ends the batch.
    :param check: looks at a picture first; None for not.
    :param on_error: "fail_at_end" tries every row, "fail_fast" ends at the first failure, "keep_going" forgives what
        fails. What is wrong with the account ends the batch in any case.
    :param threads: how many pictures are under way at once.
    :param on_progress: called with the progress at intervals and at the end.
    :param progress_interval: seconds between two of these calls.
    :param resume: go on where an earlier run ended; otherwise its results are in the way.
    """

    uploads: Uploads
    rate_limiter: RateLimiter
    check: Check | None = None
    on_error: OnError = "fail_at_end"
    threads: int = DEFAULT_THREADS
    on_progress: Callable[[Progress], None] = lambda _: None
    progress_interval: float = 5.0
    resume: bool = True


@dataclass(frozen=True)
class BatchResult:
    """How a batch ended.

    :param summary: in numbers.
    :param error: what to raise because of it; None where all is well, or all that is not is forgiven.
    :param rows: the results, where there is no file of them.
    :param already_complete: whether an earlier run had done all there is to do.
    """

    summary: Summary
    error: OppoImageError | None = None
    rows: Sequence[RowResult] = ()
    already_complete: bool = False


def run_batch(batch: Batch, rows: Iterable[Row], results: StoragePath | None = None) -> BatchResult:
    """Upload the pictures of all rows, once each, going on where an earlier run with the same results ended.

    :param batch: how.
    :param rows: the rows; read once, before the first request.
    :param results: where the results are written to, and the checkpoint beside them; None for nowhere.
    :return: how it ended; what is wrong with rows, pictures or the account is in it, and is not raised.
    :raises ConfigurationError: if the rows are no manifest, or `results` belongs to another batch. Nothing was sent.
    :raises StorageError: if a place cannot be read or written.
    """
    checkpoint = None if results is None else Checkpoint(results)
    with Plan(rows) as plan:
        if checkpoint and (known := checkpoint.claim(plan.fingerprint)):
            return BatchResult(Summary.from_dict(known), already_complete=True)
        if checkpoint and checkpoint.is_begun and not batch.resume:
            raise ConfigurationError(
                f"An earlier run has begun with {checkpoint.results}. Resume it (--resume), and what has no id yet is "
                "tried. Or choose another place for the results."
            )
        for outcome in checkpoint.outcomes() if checkpoint else ():
            plan.record(outcome)
        ended_by = _upload(batch, plan, checkpoint)
        tally = ResultCounter()
        counted = tally.count(plan.results())
        found: list[RowResult] = []
        if checkpoint is None:
            found = list(counted)
        else:
            write_results(checkpoint.results, counted)
        summary = tally.summary(None if results is None else str(results))
        if checkpoint and summary.uploaded == summary.rows:
            checkpoint.end(plan.fingerprint, summary.to_dict())
        return BatchResult(summary, ended_by or _rows_failed(batch, summary, plan), found)


def _upload(batch: Batch, plan: Plan, checkpoint: Checkpoint | None) -> OppoImageError | None:
    progress = Progress(plan.pictures - plan.uploaded, time.monotonic())

    def record(outcome: Outcome) -> None:
        plan.record(outcome)
        progress.note(outcome)

    engine = Uploader(
        batch.uploads,
        batch.rate_limiter,
        record=record,
        write=checkpoint.write if checkpoint else lambda _: None,
        on_progress=lambda: batch.on_progress(progress),
        check=batch.check,
        threads=batch.threads,
        fail_fast=batch.on_error == "fail_fast",
        progress_interval=batch.progress_interval,
    )
    engine.run(plan.to_upload())
    batch.on_progress(progress)
    return engine.ended_by


def _rows_failed(batch: Batch, summary: Summary, plan: Plan) -> BatchError | None:
    if not summary.failed or batch.on_error == "keep_going":
        return None
    place = f" The results are in {summary.results}." if summary.results else ""
    most = summary.causes[0]
    return BatchError(
        f"{summary.failed:,} of {summary.rows:,} rows failed, {most.rows:,} of them by {most.code}.{place} Mend what "
        f"the table says and run it again: only what has no id is tried then.\n{summary}",
        permanent=not plan.may_pass,
        summary=summary.to_dict(),
    )
