"""Run of a batch of pushes: plan, guard, resume from the checkpoint, push each row once, write the results.

Each row's record is in the checkpoint before its request. After a crash, such a row is *unknown*: within
`push_once.SAFE_REPEAT` it is sent again with the same `cid`, which the service recognises; later it is not sent again.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_oppo_image.batch.checkpoint import storage_of
from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.progress import Progress, ResultCounter
from airflow_provider_oppo_image.batch.push_plan import PushPlan
from airflow_provider_oppo_image.batch.push_result import PushCheckpoint, PushOutcome, PushResult, PushSummary
from airflow_provider_oppo_image.batch.push_template import MessageTemplate
from airflow_provider_oppo_image.batch.push_work import PushBatch, PushWork
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import Origin, RowResult
from airflow_provider_oppo_image.batch.worker_pool import WorkerPool, batch_errors
from airflow_provider_oppo_image.engagelab.push_once import digest_of
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.storage import StoragePath

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PushBatchResult:
    """Result of a batch of pushes.

    :param summary: the counts and the causes of failures.
    :param error: the error to raise; None if the batch succeeded, or `on_error` ignores its failures.
    """

    summary: PushSummary
    error: OppoImageError | None = None


@batch_errors()
def run_push_batch(
    batch: PushBatch,
    message: Mapping[str, Any],
    results: Iterable[RowResult],
    manifest: Iterable[Row] | None,
    pushes: StoragePath,
) -> PushBatchResult:
    """Push each row once; resume an earlier run that has the same path of pushes.

    :param batch: the options.
    :param message: the vendor's push body; its texts may contain ``${column}``.
    :param results: the results of an upload; they are all read before the first request.
    :param manifest: the rows of the manifest, for its columns; None without them.
    :param pushes: the path of the results of the pushes; the checkpoint is beside it.
    :return: the result; failed rows and account errors are in it, and are not raised.
    :raises ConfigurationError: if the message needs an unknown column, all rows have the same audience, or `pushes`
        belongs to another batch. Nothing was sent.
    :raises StorageError: if a file cannot be read or written.
    """
    template = MessageTemplate(message)
    with PushPlan(results, manifest, template, without_picture=batch.on_missing_picture == "text") as plan:
        _guard_audience(batch, plan, template)
        cid_parts = (batch.namespace, batch.task or f"{plan.fingerprint} {digest_of(message)}")
        origin = Origin(plan.fingerprint, batch.account, batch.task)
        if batch.validate_only:
            stop_reason = _run(batch, plan, PushWork(batch, template, cid_parts), None)
            return _finish(batch, plan, origin, None, stop_reason)
        with PushCheckpoint(pushes, origin) as checkpoint:
            work = PushWork(batch, template, cid_parts, _open(batch, plan, checkpoint))
            stop_reason = _run(batch, plan, work, checkpoint)
            return _finish(batch, plan, origin, checkpoint, stop_reason)


def _guard_audience(batch: PushBatch, plan: PushPlan, template: MessageTemplate) -> None:
    pushes, audiences = plan.push_count, plan.audience_count
    log.info("%s pushes to %s different audiences, of %s rows.", f"{pushes:,}", f"{audiences:,}", f"{plan.row_count:,}")
    if batch.same_audience or plan.row_count < 2 or (template.audience_columns and (audiences > 1 or pushes < 2)):
        return
    found = "has no column" if not template.audience_columns else "is the same in all rows"
    raise ConfigurationError(
        f"`to` {found}, so {pushes:,} pushes would go to the same audience. Nothing was sent. Put a column of the row "
        "into `to`, such as ${audience}, or set same_audience=True if everybody shall get all of them."
    )


def _open(batch: PushBatch, plan: PushPlan, checkpoint: PushCheckpoint) -> datetime.datetime | None:
    """Open the checkpoint, and return since when a try without a record can have sent pushes."""
    since = batch.earlier_since
    checkpoint.header = {"earlier_since": since and since.isoformat()}
    checkpoint.open(plan.row_count)
    if not checkpoint.has_progress:
        return since
    if not batch.resume:
        raise ConfigurationError(
            f"The file {checkpoint.results} was started by an earlier run. Resume it (--resume) to push only the rows "
            "that were not pushed."
        )
    for outcome in checkpoint.outcomes():
        plan.record(outcome)
    since_text = checkpoint.header.get("earlier_since")
    return datetime.datetime.fromisoformat(since_text) if since_text else None


def _run(batch: PushBatch, plan: PushPlan, work: PushWork, checkpoint: PushCheckpoint | None) -> OppoImageError | None:
    verb = "validated" if batch.validate_only else "sent"
    progress = Progress(plan.push_count, time.monotonic(), unit="pushes", verb=verb)
    write, renew = storage_of(checkpoint)
    pool = WorkerPool(batch, work, progress, plan.record, write, renew)

    def write_before_sending(outcomes: list[PushOutcome]) -> None:
        if outcomes:
            renew()
            write(outcomes)
        for outcome in outcomes:
            plan.record(outcome)

    if batch.on_error == "fail_fast" and plan.push_count < plan.row_count:
        return None  # rows that cannot be pushed: they are the first failure
    with contextlib.closing(work.prepared(plan.pushes(), write_before_sending)) as items:
        pool.run(items)
    batch.on_progress(progress)
    return work.stop_reason or pool.stop_reason


def _finish(
    batch: PushBatch,
    plan: PushPlan,
    origin: Origin,
    checkpoint: PushCheckpoint | None,
    stop_reason: OppoImageError | None,
) -> PushBatchResult:
    counter = ResultCounter()
    counted = counter.count(plan.results(origin))
    if checkpoint:
        write_results(checkpoint.results, counted, PushResult)
    else:
        deque(counted, maxlen=0)
    summary = PushSummary.build(counter, plan.audience_count, str(checkpoint.results) if checkpoint else None)
    failed = summary.failed_rows_error(
        batch.on_error, "it pushes only rows that are not sent", permanent=not plan.transient_failures
    )
    return PushBatchResult(summary, stop_reason or failed)
