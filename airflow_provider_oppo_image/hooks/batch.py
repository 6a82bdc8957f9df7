"""The hook's methods for batches: many pictures from a list or a manifest, and a push for each row."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_oppo_image.batch import DEFAULT_THREADS
from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE, OLD_PICTURE_AGE

if TYPE_CHECKING:
    from airflow_provider_oppo_image.batch import OnError
    from airflow_provider_oppo_image.batch.progress import Progress
    from airflow_provider_oppo_image.batch.push_run import PushBatchResult
    from airflow_provider_oppo_image.batch.run import BatchResult
    from airflow_provider_oppo_image.connection import Settings
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.engagelab.push_once import OnUnknownOutcome
    from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
    from airflow_provider_oppo_image.pictures.check_many import Check
    from airflow_provider_oppo_image.pictures.report_cache import ReportCache
    from airflow_provider_oppo_image.pictures.session_pool import SessionPool
    from airflow_provider_oppo_image.storage import AnyPath


class BatchMixin:
    """Adds these methods to `OppoImageHook`."""

    if TYPE_CHECKING:

        @property
        def settings(self) -> Settings:
            """Return the settings of the connection."""

        def open_client(self, *, connections: int = 10, rate_limiter: RateLimiter | None = None) -> EngageLabClient:
            """Return a new client."""

        def make_rate_limiter(self, rate: float | None = None) -> RateLimiter:
            """Return a rate limiter."""

        def make_check(self, report_cache: ReportCache | None = None, session_pool: SessionPool | None = None) -> Check:
            """Return a function that checks a picture."""

    def upload_batch(
        self,
        *,
        pictures: Iterable[Mapping[str, Any]] | None = None,
        manifest: AnyPath | None = None,
        results: AnyPath | None = None,
        check: bool = True,
        on_error: OnError = "fail_at_end",
        resume: bool = True,
        renew_after: datetime.timedelta | None = OLD_PICTURE_AGE,
        task: str | None = None,
        rate_limiter: RateLimiter | None = None,
        threads: int = DEFAULT_THREADS,
        on_progress: Callable[[Progress], None] | None = None,
        progress_interval: float = 5.0,
    ) -> BatchResult:
        """Upload the pictures of a list or of a manifest; resume an earlier run that has the same results path.

        :param pictures: rows with ``name``, and ``big_picture_url``, ``small_picture_url`` or both.
        :param manifest: the path or URL of a manifest, instead of `pictures`.
        :param results: the path or URL of the results; the checkpoint is beside it. None writes no file.
        :param check: check each picture before it is uploaded.
        :param on_error: "fail_at_end", "fail_fast" or "keep_going".
        :param resume: False refuses to continue an earlier run.
        :param renew_after: upload pictures again whose ids of an earlier run are older; None for no limit.
        :param task: the task, as `batch.row_result.task_name` returns it, for the results; None outside a task.
        :param rate_limiter: limits the requests; None for the connection's rate. Closing it stops the batch.
        :param threads: the number of pictures that are processed concurrently.
        :param on_progress: called with the progress at intervals and at the end; None for no calls.
        :param progress_interval: seconds between two of these calls.
        :return: the result; failed rows, pictures and account errors are in it, and are not raised.
        :raises BatchError: if another run works on the same results; it is transient. No request was sent.
        :raises ConfigurationError: if the manifest is not valid, or `results` belongs to another manifest, AppKey or
            data center. No request was sent.
        :raises StorageError: if a file cannot be read or written.
        """
        from airflow_provider_oppo_image.batch.manifest import parse_rows, read_manifest
        from airflow_provider_oppo_image.batch.run import Batch, run_batch
        from airflow_provider_oppo_image.engagelab.push_once import account_of
        from airflow_provider_oppo_image.pictures.check_many import with_circuit_breaker
        from airflow_provider_oppo_image.pictures.session_pool import SessionPool
        from airflow_provider_oppo_image.storage import resolve

        rate_limiter = rate_limiter or self.make_rate_limiter()
        rows = parse_rows(pictures or ()) if manifest is None else read_manifest(resolve(manifest))
        with (
            SessionPool(threads) as sessions,
            self.open_client(connections=threads, rate_limiter=rate_limiter) as client,
        ):
            batch = Batch(
                client.upload,
                rate_limiter,
                # Without the circuit breaker, a host that never answers would occupy all threads.
                with_circuit_breaker(self.make_check(session_pool=sessions), max(1, threads // 4)) if check else None,
                on_error=on_error,
                threads=threads,
                on_progress=on_progress or (lambda _: None),
                progress_interval=progress_interval,
                resume=resume,
                account=account_of(self.settings.app_key, self.settings.base_url),
                task=task,
                renew_after=renew_after,
            )
            return run_batch(batch, rows, None if results is None else resolve(results))

    def push_batch(
        self,
        results: AnyPath,
        message: Mapping[str, Any],
        *,
        manifest: AnyPath | None = None,
        pushes: AnyPath | None = None,
        same_audience: bool = False,
        on_missing_picture: Literal["fail", "text"] = "fail",
        max_picture_age: datetime.timedelta | None = MAX_PICTURE_AGE,
        validate_only: bool = False,
        on_error: OnError = "fail_at_end",
        on_unknown_outcome: OnUnknownOutcome = "fail",
        not_after: datetime.datetime | None = None,
        resume: bool = True,
        task: str | None = None,
        earlier_since: datetime.datetime | None = None,
        rate_limiter: RateLimiter | None = None,
        threads: int = DEFAULT_THREADS,
        on_progress: Callable[[Progress], None] | None = None,
        progress_interval: float = 5.0,
    ) -> PushBatchResult:
        """Push each row of an upload's results once; resume an earlier run that has the same path of pushes.

        :param results: the path or URL of the results of `upload_batch`.
        :param message: the vendor's push body; ``${column}`` in its texts is the row's value of a column.
        :param manifest: the path or URL of the manifest, whose columns the message may have too; None without them.
        :param pushes: the path or URL of the results of the pushes; the checkpoint is beside it. The default is beside
            `results`, such as ``night.results.pushes.csv``.
        :param same_audience: allow that `to` is the same in all rows, so that everybody gets all pushes.
        :param on_missing_picture: what to do with rows without all their ids: "fail" them, or push them as "text".
        :param max_picture_age: the maximum age of the ids, inclusive; None for any age.
        :param validate_only: let the service check the pushes without sending them; no file is written.
        :param on_error: "fail_at_end", "fail_fast" or "keep_going".
        :param on_unknown_outcome: what to do with a row that may have been sent, once the service would not recognise a
            repeat: "fail", or "send_again", which can send it twice.
        :param not_after: the latest time to send, with a zone; None for no limit.
        :param resume: False refuses to continue an earlier run.
        :param task: the task, as `batch.row_result.task_name` returns it, for the `cid` of each row; None outside a
            task, and then the `cid` is of the rows and the message.
        :param earlier_since: the earliest time at which an earlier try of the task can have sent pushes; None if there
            was none. It is used without a checkpoint.
        :param rate_limiter: limits the requests; None for the connection's rate. Closing it stops the batch.
        :param threads: the number of pushes that are sent concurrently.
        :param on_progress: called with the progress at intervals and at the end; None for no calls.
        :param progress_interval: seconds between two of these calls.
        :return: the result; failed rows and account errors are in it, and are not raised.
        :raises BatchError: if another run works on the same pushes; it is transient. Nothing was sent.
        :raises ConfigurationError: if the message needs an unknown column, all rows have the same audience, or `pushes`
            belongs to another task, AppKey or data center. Nothing was sent.
        :raises StorageError: if a file cannot be read or written.
        """
        from airflow_provider_oppo_image.batch.manifest import read_manifest
        from airflow_provider_oppo_image.batch.push_result import default_pushes_path
        from airflow_provider_oppo_image.batch.push_run import run_push_batch
        from airflow_provider_oppo_image.batch.push_work import PushBatch
        from airflow_provider_oppo_image.batch.results import read_results
        from airflow_provider_oppo_image.engagelab.push_once import account_of
        from airflow_provider_oppo_image.storage import resolve

        rate_limiter = rate_limiter or self.make_rate_limiter()
        with self.open_client(connections=threads, rate_limiter=rate_limiter) as client:
            batch = PushBatch(
                lambda push, until: client.push(push, until=until).msg_id,
                client.validate_push,
                rate_limiter,
                account_of(self.settings.app_key, self.settings.base_url),
                namespace=self.settings.cid_namespace,
                task=task,
                same_audience=same_audience,
                on_missing_picture=on_missing_picture,
                max_picture_age=max_picture_age,
                on_error=on_error,
                on_unknown_outcome=on_unknown_outcome,
                not_after=not_after,
                earlier_since=earlier_since,
                validate_only=validate_only,
                threads=threads,
                on_progress=on_progress or (lambda _: None),
                progress_interval=progress_interval,
                resume=resume,
            )
            return run_push_batch(
                batch,
                message,
                read_results(results),
                None if manifest is None else read_manifest(resolve(manifest)),
                resolve(pushes or default_pushes_path(results)),
            )
