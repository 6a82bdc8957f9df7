from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_oppo_image.batch import worker_pool
from airflow_provider_oppo_image.batch.plan import PlannedPicture
from airflow_provider_oppo_image.batch.progress import Progress
from airflow_provider_oppo_image.batch.worker_pool import FLUSH_SIZE, MAX_SERVICE_FAILURES, MAX_UNWRITTEN
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import (
    AccountError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureRefusedError,
    RateLimitedError,
    StorageError,
)
from airflow_provider_oppo_image.net.environment import setting_error
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.batch.support import EndedByAirflow, FakeUpload, numbers, pictures, raise_on_signal


def test_uploader_uploads_records_and_writes_each_picture_once() -> None:
    fake = FakeUpload()
    assert fake.run(pictures(3_000)).stop_reason is None
    assert numbers(fake.recorded) == list(range(1, 3_001))
    assert [outcome for part in fake.parts for outcome in part] == fake.recorded
    assert all(outcome.picture_id == f"id_{outcome.number}" for outcome in fake.recorded)


def test_uploader_without_pictures_does_nothing() -> None:
    fake = FakeUpload()
    assert (fake.run(pictures(0)).stop_reason, fake.parts, fake.started) == (None, [], 0)


def test_uploader_uses_all_threads() -> None:
    barrier = threading.Barrier(5)

    def wait_for_all(url: str) -> str:
        barrier.wait(timeout=20)
        return url

    fake = FakeUpload(wait_for_all)
    fake.run(pictures(50), threads=5)
    assert fake.max_in_flight == 5


def slow_pictures() -> Iterator[PlannedPicture]:
    for picture in pictures(3_000):
        yield picture
        if picture.number % 20 == 0:
            time.sleep(0.001)


@pytest.mark.parametrize("read", [lambda: pictures(5_000), slow_pictures])
@pytest.mark.parametrize("write_s", [0.0, 0.1])
def test_uploader_limits_unwritten_pictures(read: Callable[[], Iterator[PlannedPicture]], write_s: float) -> None:
    fake = FakeUpload(before_write=lambda: time.sleep(write_s))
    fake.run(read())
    assert fake.max_unwritten <= MAX_UNWRITTEN == 1_000
    assert max(map(len, fake.parts)) <= MAX_UNWRITTEN
    assert not write_s or fake.max_unwritten > FLUSH_SIZE


def test_uploader_uploads_while_a_part_is_written() -> None:
    fake = FakeUpload(lambda url: time.sleep(0.0005) or url)
    uploads_meanwhile = []

    def wait_for_uploads() -> None:
        before, deadline = fake.started, time.monotonic() + 10
        while not fake.parts and fake.started < before + 100 and time.monotonic() < deadline:
            time.sleep(0.001)
        uploads_meanwhile.append(fake.started - before)

    fake.before_write = wait_for_uploads
    fake.run(pictures(1_000), threads=4)
    assert uploads_meanwhile[0] >= 100


def test_uploader_checks_and_uploads_concurrently() -> None:
    both = threading.Barrier(2)

    def check(kind: PictureKind, url: str) -> PictureReport:
        if url == "2":
            both.wait(timeout=20)
        return PictureReport(kind, url, "ready")

    def upload(url: str) -> str:
        if url == "1":
            both.wait(timeout=20)
        return url

    fake = FakeUpload(upload)
    fake.run(pictures(2), check=check, threads=2)
    assert numbers(fake.recorded) == [1, 2]


def test_uploader_reads_pictures_as_threads_become_free() -> None:
    counter = itertools.count(1)
    read = 0
    fake = FakeUpload()

    def counted() -> Iterator[PlannedPicture]:
        nonlocal read
        for picture in pictures(5_000):
            read = next(counter)
            assert read - len(fake.recorded) <= MAX_UNWRITTEN
            yield picture

    fake.run(counted())
    assert read == 5_000


def test_uploader_writes_a_small_part_after_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "FLUSH_INTERVAL_S", 0.05)
    fake = FakeUpload()

    def wait_until_the_others_are_written(url: str) -> str:
        deadline = time.monotonic() + 20
        while url == "3" and fake.written < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        return url

    fake.upload_one = wait_until_the_others_are_written
    fake.run(pictures(3), threads=3)
    assert [numbers(part) for part in fake.parts][-1] == [3]


def test_uploader_reports_progress_at_intervals() -> None:
    fake = FakeUpload(lambda url: time.sleep(0.02) or url)
    start = time.monotonic()
    fake.run(pictures(20), threads=1, progress_interval=0.05)
    assert 3 <= fake.progress_calls <= (time.monotonic() - start) / 0.05


# Failures.


def refuse(url: str) -> str:
    raise PictureRefusedError("OPPO refused the picture", code=51)


def refuse_connection(url: str) -> str:
    raise NotSentError("connection refused")


def test_uploader_continues_after_a_failed_picture() -> None:
    fake = FakeUpload(lambda url: refuse(url) if url == "7" else url)
    assert fake.run(pictures(20)).stop_reason is None
    assert [outcome.number for outcome in fake.recorded if outcome.failure] == [7]
    assert numbers(fake.recorded) == list(range(1, 21))


@pytest.mark.parametrize(
    "error", [AccountError("Check the AppKey", code=23001), setting_error("HTTPS_PROXY", "is not valid", "Correct it.")]
)
def test_uploader_stops_at_an_error_of_every_request(error: OppoImageError) -> None:
    def fail(url: str) -> str:
        raise error

    fake = FakeUpload(fail)
    assert fake.run(pictures(3_000), threads=6).stop_reason is error
    assert len(fake.recorded) == fake.written == fake.started <= 6


def test_uploader_goes_on_after_a_passing_account_error() -> None:
    def fail(url: str) -> str:
        raise RateLimitedError("wait", code=55, scope="account")

    fake = FakeUpload(fail)
    assert fake.run(pictures(20)).stop_reason is None
    assert fake.started == 20


def test_uploader_keeps_the_first_stop_reason() -> None:
    both = threading.Barrier(2)
    errors: dict[str, OppoImageError] = {"1": AccountError("first", code=33), "2": AccountError("second", code=34)}

    def fail_in_order(url: str) -> str:
        both.wait(timeout=20)
        if url == "2":
            time.sleep(0.2)
        raise errors[url]

    assert str(FakeUpload(fail_in_order).run(pictures(2), threads=2).stop_reason) == "first"


def test_uploader_stops_at_the_first_failure_with_fail_fast() -> None:
    fake = FakeUpload(lambda url: refuse(url) if url == "10" else url)
    uploader = fake.run(pictures(3_000), threads=1, on_error="fail_fast")
    assert isinstance(uploader.stop_reason, PictureRefusedError)
    assert fake.started == 10


def test_uploader_stops_after_consecutive_service_failures() -> None:
    fake = FakeUpload(refuse_connection)
    assert isinstance(fake.run(pictures(3_000), threads=4).stop_reason, NotSentError)
    assert MAX_SERVICE_FAILURES <= fake.started <= MAX_SERVICE_FAILURES + 4


@pytest.mark.parametrize("answer", [str, refuse])
def test_uploader_resets_the_failure_count_at_an_answer(answer: Callable[[str], str]) -> None:
    fake = FakeUpload(lambda url: answer(url) if int(url) % MAX_SERVICE_FAILURES == 0 else refuse_connection(url))
    assert fake.run(pictures(500), threads=1).stop_reason is None
    assert len(fake.recorded) == 500


def test_uploader_keeps_the_failure_count_at_a_failed_check() -> None:
    def check(kind: PictureKind, url: str) -> PictureReport:
        return PictureReport(kind, url, "wrong" if int(url) % 3 == 0 else "ready")

    fake = FakeUpload(refuse_connection)
    assert isinstance(fake.run(pictures(3_000), threads=1, check=check).stop_reason, NotSentError)
    assert fake.started == MAX_SERVICE_FAILURES


def test_uploader_does_not_upload_what_the_check_rejects() -> None:
    states = {"1": "ready", "2": "wrong", "3": "absent"}

    def check(kind: PictureKind, url: str) -> PictureReport:
        return PictureReport(kind, url, states[url])  # type: ignore[arg-type]

    fake = FakeUpload()
    fake.run(pictures(3), check=check)
    failures = {outcome.number: outcome.failure for outcome in fake.recorded}
    assert (fake.started, failures[1]) == (1, None)
    assert failures[2] is not None
    assert failures[3] is not None
    assert (failures[2].fault, failures[2].transient, failures[3].transient) == ("picture", False, True)


# Stops from outside.


@pytest.mark.parametrize(("count", "is_stopped"), [(3_000, True), (100, False)])
def test_uploader_stops_when_the_rate_limiter_is_closed(count: int, is_stopped: bool) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(1e9))

    def close_at_100(url: str) -> str:
        if url == "100":
            rate_limiter.close()
        return url

    fake = FakeUpload(close_at_100)
    stop_reason = fake.run(pictures(count), rate_limiter=rate_limiter, threads=1).stop_reason
    assert (stop_reason is not None) == is_stopped
    assert stop_reason is None or not stop_reason.permanent
    assert len(fake.recorded) == fake.started == 100
    assert all(outcome.picture_id for outcome in fake.recorded)


def test_uploader_does_not_record_requests_that_were_not_sent() -> None:
    rate_limiter, barrier = RateLimiter(AdaptiveRate(1)), threading.Barrier(4)

    def acquire_and_close(url: str) -> str:
        barrier.wait(timeout=20)
        rate_limiter.acquire()
        rate_limiter.close()
        return url

    fake = FakeUpload(acquire_and_close)
    uploader = fake.run(pictures(4), rate_limiter=rate_limiter, threads=4)
    assert len(fake.recorded) == 1
    assert uploader.stop_reason is not None


def test_uploader_stops_when_each_picture_has_an_unexpected_error() -> None:
    def fail(url: str) -> str:
        raise ZeroDivisionError("a defect")

    fake = FakeUpload(fail)
    stop_reason = fake.run(pictures(3_000), threads=1).stop_reason
    assert isinstance(stop_reason, OutcomeUnknownError)
    assert isinstance(stop_reason.__cause__, ZeroDivisionError)
    assert "a defect" not in str(stop_reason)
    assert fake.written == MAX_SERVICE_FAILURES


@pytest.mark.parametrize("at", [1, 40, 600, 1_999])
def test_uploader_writes_all_outcomes_when_airflow_ends_it(at: int) -> None:
    def end_at(url: str) -> str:
        if url == str(at):
            os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.0005)
        return url

    fake = FakeUpload(end_at)
    with raise_on_signal(EndedByAirflow), pytest.raises(EndedByAirflow):
        fake.run(pictures(20_000), threads=8)
    assert fake.started < 20_000
    # The main thread may be handling one outcome, and a thread that is being started may have another one.
    assert fake.started - fake.written <= 2


def test_uploader_tries_to_write_again_after_a_storage_error() -> None:
    failures = iter([True])

    def fail_once() -> None:
        if next(failures, False):
            raise StorageError("the bucket is gone")

    fake = FakeUpload(before_write=fail_once)
    with pytest.raises(StorageError, match="the bucket is gone"):
        fake.run(pictures(3_000), threads=2)
    assert fake.started == fake.written <= MAX_UNWRITTEN


def test_uploader_writes_all_outcomes_when_on_progress_fails() -> None:
    def fail(_: Progress) -> None:
        raise OSError("the terminal is gone")

    fake = FakeUpload()
    with pytest.raises(OSError, match="the terminal is gone"):
        fake.run(pictures(3_000), on_progress=fail, progress_interval=0.0)
    assert fake.started == fake.written < 3_000
