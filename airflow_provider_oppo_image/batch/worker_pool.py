"""Worker pool of a batch: each item is one call of the service. The main thread feeds it and writes checkpoints.

At most `MAX_UNWRITTEN` items are in progress or not yet written to the checkpoint. This limits memory and the work
that is repeated after a crash. The number of threads limits the requests in flight.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from airflow_provider_oppo_image.batch import OnError
from airflow_provider_oppo_image.batch.progress import Progress
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.errors import (
    BatchError,
    Failure,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureError,
    failure_from,
)
from airflow_provider_oppo_image.net.deadline import ThreadPool
from airflow_provider_oppo_image.net.redaction import without_query

MAX_UNWRITTEN: Final = 1_000
"""Maximum number of started items whose outcome is not in the checkpoint; a crash repeats at most these requests."""

FLUSH_SIZE: Final = 250
"""A part is written when this many outcomes are ready; smaller than `MAX_UNWRITTEN`, so that requests continue."""

FLUSH_INTERVAL_S: Final = 2.0
"""A part is written after this many seconds, even if it is small."""

MAX_SERVICE_FAILURES: Final = 50
"""This many consecutive service failures stop the batch. Our own limit: each used up its retry budget."""

_POLL_INTERVAL_S: Final = 0.01


class PoolOptions(Protocol):
    """Options of a worker pool: what `Batch` and the options of a batch of pushes have in common."""

    @property
    def rate_limiter(self) -> RateLimiter:
        """The rate limiter; closing it stops the pool, and a pool that stops closes it."""

    @property
    def on_error(self) -> OnError:
        """The effect of a failed item."""

    @property
    def threads(self) -> int:
        """The number of items that are processed concurrently."""

    @property
    def on_progress(self) -> Callable[[Progress], None]:
        """Called with the progress at intervals."""

    @property
    def progress_interval(self) -> float:
        """Seconds between two of these calls."""


class ItemOutcome(Protocol):
    """Outcome of an item."""

    @property
    def failure(self) -> Failure | None:
        """Why the item failed; None if it did not, or was not tried."""

    @property
    def tried(self) -> bool:
        """Whether the item was tried."""

    @property
    def is_stored(self) -> bool:
        """Whether the outcome is written to the checkpoint."""


T = TypeVar("T")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
OutcomeT = TypeVar("OutcomeT", bound=ItemOutcome)
OutcomeT_co = TypeVar("OutcomeT_co", bound=ItemOutcome, covariant=True)


class Work(Protocol[ItemT_contra, OutcomeT_co]):
    """What a pool does with an item."""

    def run(self, item: ItemT_contra) -> OutcomeT_co:
        """Process the item, in a thread of the pool.

        :raises OppoImageError: if it failed.
        """

    def failed(self, item: ItemT_contra, error: OppoImageError, failure: Failure | None) -> OutcomeT_co:
        """Return the outcome of an item that raised an error.

        :param failure: the error as data; None if the item was not tried, since the pool stops.
        """


@dataclass
class WorkerPool(Generic[T, OutcomeT]):
    """Processes items concurrently.

    :param options: the options.
    :param work: what is done with an item.
    :param progress: counts the outcomes.
    :param on_outcome: called with each outcome, in the thread that calls `run`.
    :param write: writes outcomes, at least one, to the checkpoint.
    :param renew: called often; renews the lease of the checkpoint if that is due.
    """

    options: PoolOptions
    work: Work[T, OutcomeT]
    progress: Progress
    on_outcome: Callable[[OutcomeT], None]
    write: Callable[[Sequence[OutcomeT]], None]
    renew: Callable[[], None] = lambda: None
    stop_reason: OppoImageError | None = field(default=None, init=False)
    """Why `run` stopped before all items were tried; None if all were tried."""
    _unexpected_error: BaseException | None = field(default=None, init=False)
    _finished: deque[Any] = field(default_factory=deque, init=False)
    _unwritten: list[OutcomeT] = field(default_factory=list, init=False)
    _in_progress: int = field(default=0, init=False)
    _service_failures: int = field(default=0, init=False)
    _last_write: float = field(default=0.0, init=False)
    _last_progress: float = field(default=0.0, init=False)

    def run(self, items: Iterable[T]) -> None:
        """Process items until none is left, or until `stop_reason` is set.

        :param items: the items; they are read as threads become free.
        :raises StorageError: if a part cannot be written.
        """
        self._last_write = self._last_progress = time.monotonic()
        with ThreadPool(self.options.threads, thread_name_prefix="oppo-image") as pool:
            try:
                for item in items:
                    pool.submit(self._process, item)  # each item that was read, so that each has an outcome
                    self._in_progress += 1
                    self._drain(max_in_progress=MAX_UNWRITTEN - FLUSH_SIZE)
                    if self.options.rate_limiter.closed:
                        self._stop(_stopped_error())
                        break
                self._drain(max_in_progress=0)
            finally:
                # Also when Airflow stops the task: requests in flight are completed, so that no retry repeats them.
                self.options.rate_limiter.close()
                try:
                    self._flush()  # before the pool ends, since Airflow kills a task that takes long to stop
                finally:
                    pool.shutdown()  # items that wait are not cancelled: each ends at once, as "not tried"
                    self._flush()
        if self._unexpected_error:
            raise self._unexpected_error

    def _process(self, item: T) -> None:
        try:
            self._finished.append(self._outcome(item))
        except BaseException as error:  # noqa: BLE001 - raised at the end of the run
            self.options.rate_limiter.close()
            self._finished.append(error)

    def _outcome(self, item: T) -> OutcomeT:
        try:
            if self.options.rate_limiter.closed:
                return self.work.failed(item, _not_sent_error(), None)
            outcome = self.work.run(item)
        except Exception as cause:  # noqa: BLE001 - an unexpected error of one item must not end the batch
            error = cause if isinstance(cause, OppoImageError) else _unexpected_error(cause)
            if self.options.rate_limiter.closed and isinstance(error, NotSentError):
                return self.work.failed(item, error, None)
            failure = failure_from(error)
            if failure.fault == "service":
                self._service_failures += 1
            elif not isinstance(error, PictureError):  # a failed check says nothing about the service
                self._service_failures = 0
            if (
                self.options.on_error == "fail_fast"
                or error.ends_batch
                or self._service_failures >= MAX_SERVICE_FAILURES
            ):
                self._stop(error)
            return self.work.failed(item, error, failure)
        self._service_failures = 0
        return outcome

    def _stop(self, error: OppoImageError) -> None:
        self.stop_reason = self.stop_reason or error
        self.options.rate_limiter.close()

    def _drain(self, *, max_in_progress: int) -> None:
        """Handle outcomes until at most `max_in_progress` items are in progress."""
        while self._in_progress > max_in_progress and not self._unexpected_error:
            time.sleep(_POLL_INTERVAL_S)  # measured: waking up for each outcome costs more than all other work here
            self._handle_finished()
            self._tick()

    def _flush(self) -> None:
        self._handle_finished()
        self._write()

    def _handle_finished(self) -> None:
        # Ctrl-C may interrupt any line. An outcome is removed last, so none is lost; one may be written twice.
        while self._finished:
            try:
                self._handle(self._finished[0])
            except Exception as error:  # noqa: BLE001 - raised at the end of the run, after the outcomes were written
                self.options.rate_limiter.close()
                self._unexpected_error = self._unexpected_error or error
            self._finished.popleft()
            self._in_progress -= 1

    def _handle(self, outcome: OutcomeT | BaseException) -> None:
        if isinstance(outcome, BaseException):
            self._unexpected_error = self._unexpected_error or outcome
        else:
            if outcome.is_stored:
                self._unwritten.append(outcome)
                self.on_outcome(outcome)
            if outcome.tried:
                self.progress.record(outcome.failure)
            else:
                self._stop(_stopped_error())

    def _tick(self) -> None:
        self.renew()
        now = time.monotonic()
        if len(self._unwritten) >= FLUSH_SIZE or now >= self._last_write + FLUSH_INTERVAL_S:
            self._write()
        if now >= self._last_progress + self.options.progress_interval:
            self._last_progress = now
            self.options.on_progress(self.progress)

    def _write(self) -> None:
        if self._unwritten:
            self.write(self._unwritten)
            self._unwritten = []
        self._last_write = time.monotonic()


@contextlib.contextmanager
def batch_errors() -> Iterator[None]:
    """Translate exceptions that this package does not know into a transient error of the batch, without their texts.

    :raises BatchError: in place of such an exception, which is the cause.
    """
    try:
        yield
    except OppoImageError:
        raise
    except Exception as error:  # noqa: BLE001 - callers handle only this package's errors
        raise BatchError(
            f"An unexpected {type(error).__name__} stopped the batch. What was done until then is in the checkpoint. "
            "Run the batch again to continue it. If it happens again, report it.",
            permanent=False,
        ) from without_query(error)


def _unexpected_error(cause: Exception) -> OutcomeUnknownError:
    """Return the error of a row for an exception that this package does not know, without its text."""
    error = OutcomeUnknownError(
        f"An unexpected {type(cause).__name__} stopped this row, so it is unknown whether the service acted. Run the "
        "batch again. If it happens again, report it."
    )
    error.__cause__ = without_query(cause)
    return error


def _not_sent_error() -> NotSentError:
    return NotSentError("Nothing was sent, because the batch is stopping.")


def _stopped_error() -> BatchError:
    return BatchError("The batch was stopped before its end. Run it again to continue it.", permanent=False)
