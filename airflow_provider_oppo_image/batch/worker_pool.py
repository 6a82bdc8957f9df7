"""The threads of a batch: each checks a picture and uploads it, while one reads, writes and decides.

At most `MAX_UNWRITTEN` pictures are in progress or not yet written to the checkpoint. This limits memory and the work
that is repeated after a crash. The number of threads limits the requests in flight.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from airflow_provider_oppo_image.batch.plan import PlannedPicture
from airflow_provider_oppo_image.batch.results import Outcome
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from airflow_provider_oppo_image.errors import BatchError, NotSentError, OppoImageError, PictureError, failure_from
from airflow_provider_oppo_image.pictures.report import PictureReport, error_for

MAX_UNWRITTEN: Final = 1_000
"""A part has at most so many outcomes; no more pictures than that are begun and not yet written down, and so no more
are uploaded again after a crash."""

FLUSH_SIZE: Final = 250
"""A part is written when there are so many outcomes, so that uploads go on while it is being written."""

FLUSH_INTERVAL_S: Final = 2.0
"""A part is written after so many seconds, however small it is."""

MAX_SERVICE_FAILURES: Final = 50
"""So many pictures in a row that fail by the service's fault end the batch: each took a whole retry budget."""

_LOOK_UP_S: Final = 0.01

Check: TypeAlias = Callable[[PictureKind, str], PictureReport]


class Uploads(Protocol):
    """What a batch needs of a client."""

    def upload(self, kind: PictureKind, url: str) -> str:
        """Upload one picture and return its id."""


@dataclass
class Uploader:
    """Brings pictures to the service.

    :param uploads: the client, whose requests pass the rate_limiter.
    :param rate_limiter: is shut when the batch ends before its time.
    :param record: takes each outcome.
    :param write: writes a part down: outcomes, at least one.
    :param tell: is called now and then.
    :param check: looks at a picture first; None for not.
    :param threads: how many pictures are under way at once.
    :param fail_fast: end at the first failure.
    :param tell_every: seconds between two calls of `tell`.
    """

    uploads: Uploads
    rate_limiter: RateLimiter
    record: Callable[[Outcome], None]
    write: Callable[[Sequence[Outcome]], None]
    tell: Callable[[], None]
    check: Check | None = None
    threads: int = 64
    fail_fast: bool = False
    tell_every: float = 5.0
    ended_by: OppoImageError | None = field(default=None, init=False)
    _defect: BaseException | None = field(default=None, init=False)
    _done: queue.SimpleQueue[Outcome | BaseException] = field(default_factory=queue.SimpleQueue, init=False)
    _unwritten: list[Outcome] = field(default_factory=list, init=False)
    _under_way: int = field(default=0, init=False)
    _failures_of_service: int = field(default=0, init=False)
    _written_at: float = field(default=0.0, init=False)
    _told_at: float = field(default=0.0, init=False)

    def run(self, pictures: Iterable[PlannedPicture]) -> None:
        """Upload pictures, until there are no more or `ended_by` says why not.

        :param pictures: the pictures; taken as they are needed.
        :raises StorageError: if a part cannot be written.
        """
        self._written_at = self._told_at = time.monotonic()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="oppo-image") as pool:
            try:
                for picture in pictures:
                    if self.rate_limiter.closed:
                        self._end(_stopped())
                        break
                    pool.submit(self._bring, picture)
                    self._under_way += 1
                    self._take(until=MAX_UNWRITTEN - FLUSH_SIZE)
                self._take(until=0)
            finally:
                # Also when Airflow ends the task: what is in flight comes to its end, and is not done again.
                self.rate_limiter.close()
                self._write_what_is_there()  # at once, since who ends a task kills it when it takes long to end
                pool.shutdown(cancel_futures=True)
                self._write_what_is_there()
        if self._defect:
            raise self._defect

    def _bring(self, picture: PlannedPicture) -> None:
        try:
            self._done.put(self._outcome(picture))
        except BaseException as error:  # noqa: BLE001 - raised at the end of the run
            self.rate_limiter.close()
            self._done.put(error)

    def _outcome(self, picture: PlannedPicture) -> Outcome:
        try:
            if self.rate_limiter.closed:
                return Outcome(picture.number)
            if self.check and (not_ready := error_for([self.check(picture.kind, picture.url)])):
                raise not_ready
            picture_id = self.uploads.upload(picture.kind, picture.url)
        except OppoImageError as error:
            if self.rate_limiter.closed and isinstance(error, NotSentError):
                return Outcome(picture.number)
            failure = failure_from(error)
            if failure.fault == "service":
                self._failures_of_service += 1
            elif not isinstance(error, PictureError):  # which tells nothing about the service
                self._failures_of_service = 0
            if self.fail_fast or error.scope == "account" or self._failures_of_service >= MAX_SERVICE_FAILURES:
                self._end(error)
            return Outcome(picture.number, failure=failure)
        self._failures_of_service = 0
        return Outcome(picture.number, picture_id)

    def _end(self, error: OppoImageError) -> None:
        self.ended_by = self.ended_by or error
        self.rate_limiter.close()

    def _take(self, *, until: int) -> None:
        """Take outcomes, until no more than so many pictures are under way."""
        while self._under_way > until and not self._defect:
            time.sleep(_LOOK_UP_S)  # to wake up for each outcome would cost more than all else that is done here
            self._take_what_is_there()
            self._now_and_then()

    def _write_what_is_there(self) -> None:
        self._take_what_is_there()
        self._write()

    def _take_what_is_there(self) -> None:
        while not self._done.empty():
            self._note(self._done.get())

    def _note(self, outcome: Outcome | BaseException) -> None:
        self._under_way -= 1
        if isinstance(outcome, BaseException):
            self._defect = self._defect or outcome
        elif outcome.picture_id is None and outcome.failure is None:
            self._end(_stopped())
        else:
            self.record(outcome)
            self._unwritten.append(outcome)

    def _now_and_then(self) -> None:
        now = time.monotonic()
        if len(self._unwritten) >= FLUSH_SIZE or now >= self._written_at + FLUSH_INTERVAL_S:
            self._write()
        if now >= self._told_at + self.tell_every:
            self._told_at = now
            self.tell()

    def _write(self) -> None:
        if self._unwritten:
            self.write(self._unwritten)
            self._unwritten = []
        self._written_at = time.monotonic()


def _stopped() -> BatchError:
    return BatchError("The batch was stopped before its end. Run it again: it goes on where it was.", permanent=False)
