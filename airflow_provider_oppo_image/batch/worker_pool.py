"""Worker pool that checks and uploads pictures. The main thread feeds it and writes checkpoints.

At most `MAX_UNWRITTEN` pictures are in progress or not yet written to the checkpoint. This limits memory and the work
that is repeated after a crash. The number of threads limits the requests in flight.
"""

from __future__ import annotations

import datetime
import queue
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from airflow_provider_oppo_image.batch import DEFAULT_THREADS, OnError
from airflow_provider_oppo_image.batch.plan import PlannedPicture
from airflow_provider_oppo_image.batch.progress import Progress
from airflow_provider_oppo_image.batch.row_result import Outcome
from airflow_provider_oppo_image.contract import OLD_PICTURE_AGE, PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.errors import (
    BatchError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureError,
    failure_from,
)
from airflow_provider_oppo_image.pictures.report import PictureReport, error_for

MAX_UNWRITTEN: Final = 1_000
"""Maximum number of started pictures whose outcome is not in the checkpoint; a crash repeats at most these uploads."""

FLUSH_SIZE: Final = 250
"""A part is written when this many outcomes are ready; smaller than `MAX_UNWRITTEN`, so that uploads continue."""

FLUSH_INTERVAL_S: Final = 2.0
"""A part is written after this many seconds, even if it is small."""

MAX_SERVICE_FAILURES: Final = 50
"""This many consecutive service failures stop the batch. Our own limit: each used up its retry budget."""

_POLL_INTERVAL_S: Final = 0.01


@dataclass(frozen=True)
class Batch:
    """Options of a batch.

    :param upload: uploads a picture and returns its id; its requests pass the rate limiter.
    :param rate_limiter: the rate limiter; closing it stops the batch, and a batch that stops closes it.
    :param check: checks each picture before it is uploaded; None uploads without a check.
    :param on_error: "fail_at_end" tries every row and then reports an error, "fail_fast" stops at the first failure,
        "keep_going" reports no error for failed rows. A permanent account
        error, or a spent daily limit, stops the batch in any case.
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


@dataclass
class Uploader:
    """Checks and uploads pictures concurrently.

    :param batch: the options.
    :param progress: counts the outcomes.
    :param on_outcome: called with each outcome, in the thread that calls `run`.
    :param write: writes outcomes, at least one, to the checkpoint.
    """

    batch: Batch
    progress: Progress
    on_outcome: Callable[[Outcome], None]
    write: Callable[[Sequence[Outcome]], None]
    stop_reason: OppoImageError | None = field(default=None, init=False)
    """Why `run` stopped before all pictures were tried; None if all were tried."""
    _unexpected_error: BaseException | None = field(default=None, init=False)
    _finished: queue.SimpleQueue[Outcome | BaseException] = field(default_factory=queue.SimpleQueue, init=False)
    _unwritten: list[Outcome] = field(default_factory=list, init=False)
    _in_progress: int = field(default=0, init=False)
    _service_failures: int = field(default=0, init=False)
    _last_write: float = field(default=0.0, init=False)
    _last_progress: float = field(default=0.0, init=False)

    def run(self, pictures: Iterable[PlannedPicture]) -> None:
        """Upload pictures until none is left, or until `stop_reason` is set.

        :param pictures: the pictures; they are read as threads become free.
        :raises StorageError: if a part cannot be written.
        """
        self._last_write = self._last_progress = time.monotonic()
        with ThreadPoolExecutor(self.batch.threads, thread_name_prefix="oppo-image") as pool:
            try:
                for picture in pictures:
                    if self.batch.rate_limiter.closed:
                        self._stop(_stopped_error())
                        break
                    pool.submit(self._process, picture)
                    self._in_progress += 1
                    self._drain(max_in_progress=MAX_UNWRITTEN - FLUSH_SIZE)
                self._drain(max_in_progress=0)
            finally:
                # Also when Airflow stops the task: requests in flight are completed, so that no retry repeats them.
                self.batch.rate_limiter.close()
                self._flush()  # before the pool ends, since Airflow kills a task that takes long to stop
                pool.shutdown(cancel_futures=True)
                self._flush()
        if self._unexpected_error:
            raise self._unexpected_error

    def _process(self, picture: PlannedPicture) -> None:
        try:
            self._finished.put(self._upload(picture))
        except BaseException as error:  # noqa: BLE001 - raised at the end of the run
            self.batch.rate_limiter.close()
            self._finished.put(error)

    def _upload(self, picture: PlannedPicture) -> Outcome:
        try:
            if self.batch.rate_limiter.closed:
                return Outcome(picture.number)
            if self.batch.check and (not_ready := error_for([self.batch.check(picture.kind, picture.url)])):
                raise not_ready
            picture_id = self.batch.upload(picture.kind, picture.url)
        except Exception as cause:  # noqa: BLE001 - an unexpected error of one picture must not end the batch
            error = cause if isinstance(cause, OppoImageError) else _unexpected_error(cause)
            if self.batch.rate_limiter.closed and isinstance(error, NotSentError):
                return Outcome(picture.number)
            failure = failure_from(error)
            if failure.fault == "service":
                self._service_failures += 1
            elif not isinstance(error, PictureError):  # a failed check says nothing about the service
                self._service_failures = 0
            if self.batch.on_error == "fail_fast" or error.ends_batch or self._service_failures >= MAX_SERVICE_FAILURES:
                self._stop(error)
            return Outcome(picture.number, failure=failure)
        self._service_failures = 0
        uploaded_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return Outcome(picture.number, picture_id, uploaded_at=uploaded_at)

    def _stop(self, error: OppoImageError) -> None:
        self.stop_reason = self.stop_reason or error
        self.batch.rate_limiter.close()

    def _drain(self, *, max_in_progress: int) -> None:
        """Handle outcomes until at most `max_in_progress` pictures are in progress."""
        while self._in_progress > max_in_progress and not self._unexpected_error:
            time.sleep(_POLL_INTERVAL_S)  # measured: waking up for each outcome costs more than all other work here
            self._handle_finished()
            self._tick()

    def _flush(self) -> None:
        self._handle_finished()
        self._write()

    def _handle_finished(self) -> None:
        while not self._finished.empty():
            self._handle(self._finished.get())

    def _handle(self, outcome: Outcome | BaseException) -> None:
        self._in_progress -= 1
        if isinstance(outcome, BaseException):
            self._unexpected_error = self._unexpected_error or outcome
        elif outcome.picture_id is None and outcome.failure is None:
            self._stop(_stopped_error())
        else:
            self.on_outcome(outcome)
            self.progress.record(outcome)
            self._unwritten.append(outcome)

    def _tick(self) -> None:
        now = time.monotonic()
        if len(self._unwritten) >= FLUSH_SIZE or now >= self._last_write + FLUSH_INTERVAL_S:
            self._write()
        if now >= self._last_progress + self.batch.progress_interval:
            self._last_progress = now
            self.batch.on_progress(self.progress)

    def _write(self) -> None:
        if self._unwritten:
            self.write(self._unwritten)
            self._unwritten = []
        self._last_write = time.monotonic()


def _unexpected_error(cause: Exception) -> OutcomeUnknownError:
    """Return the error of a row for an exception that this package does not know, without its text."""
    error = OutcomeUnknownError(
        f"An unexpected {type(cause).__name__} stopped this picture, so it is unknown whether it was uploaded. Run the "
        "batch again. If it happens again, report it."
    )
    error.__cause__ = cause
    return error


def _stopped_error() -> BatchError:
    return BatchError("The batch was stopped before its end. Run it again to continue it.", permanent=False)
