"""The threads, with a client that only pretends: how they end."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from airflow_provider_oppo_image.batch.worker_pool import MAX_SERVICE_FAILURES, MAX_UNWRITTEN
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import (
    AccountError,
    NotSentError,
    OppoImageError,
    PictureRefusedError,
    StorageError,
)
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.batch.engines import Run, numbers, pictures
from tests.batch.support import EndedByAirflow, ended_on_signal


def refuse(url: str) -> str:
    raise PictureRefusedError("OPPO refused the picture", code=51)


def test_a_picture_that_fails_is_an_outcome_and_the_others_go_on() -> None:
    run = Run(lambda url: refuse(url) if url == "7" else url)
    engine = run.engine()
    engine.run(pictures(20))
    assert engine.ended_by is None
    assert [outcome.number for outcome in run.recorded if outcome.failure] == [7]
    assert numbers(run.recorded) == list(range(1, 21))


def test_an_error_of_the_account_ends_it_with_no_more_requests_than_were_in_flight() -> None:
    def no(url: str) -> str:
        raise AccountError("Check the AppKey", code=23001)

    run = Run(no)
    engine = run.engine(threads=6)
    engine.run(pictures(3_000))
    assert isinstance(engine.ended_by, AccountError)
    assert run.begun <= 6
    assert numbers(run.recorded) == numbers([outcome for part in run.parts for outcome in part])
    assert len(run.recorded) == run.begun


def test_fail_fast_ends_at_the_first_failure() -> None:
    run = Run(lambda url: refuse(url) if url == "10" else url)
    engine = run.engine(threads=1, fail_fast=True)
    engine.run(pictures(3_000))
    assert isinstance(engine.ended_by, PictureRefusedError)
    assert run.begun == 10


def gone(url: str) -> str:
    raise NotSentError("nobody answers")


def test_a_service_that_is_gone_ends_it() -> None:
    run = Run(gone)
    engine = run.engine(threads=4)
    engine.run(pictures(3_000))
    assert isinstance(engine.ended_by, NotSentError)
    assert MAX_SERVICE_FAILURES <= run.begun <= MAX_SERVICE_FAILURES + 4


def test_failures_of_the_service_between_answers_do_not_end_it() -> None:
    run = Run(lambda url: url if int(url) % MAX_SERVICE_FAILURES == 0 else gone(url))
    engine = run.engine(threads=1)
    engine.run(pictures(500))
    assert engine.ended_by is None
    assert len(run.recorded) == 500


def test_a_refusal_is_an_answer_of_the_service_too() -> None:
    run = Run(lambda url: refuse(url) if int(url) % MAX_SERVICE_FAILURES == 0 else gone(url))
    engine = run.engine(threads=1)
    engine.run(pictures(500))
    assert engine.ended_by is None


def test_what_the_check_says_is_no_answer_of_the_service() -> None:
    def check(kind: PictureKind, url: str) -> PictureReport:
        return PictureReport(kind, url, "wrong" if int(url) % 3 == 0 else "ready")

    run = Run(gone)
    engine = run.engine(threads=1, check=check)
    engine.run(pictures(3_000))
    assert isinstance(engine.ended_by, NotSentError)
    assert run.begun == MAX_SERVICE_FAILURES


def test_a_picture_that_the_check_finds_wrong_or_absent_is_not_uploaded() -> None:
    states = {"1": "ready", "2": "wrong", "3": "absent"}

    def check(kind: PictureKind, url: str) -> PictureReport:
        return PictureReport(kind, url, states[url])  # type: ignore[arg-type]

    run = Run()
    run.engine(check=check).run(pictures(3))
    found = {outcome.number: outcome.failure for outcome in run.recorded}
    assert (run.begun, found[1]) == (1, None)
    assert found[2] is not None
    assert found[3] is not None
    assert (found[2].fault, found[2].transient, found[3].transient) == ("picture", False, True)


def test_a_turnstile_that_is_shut_from_outside_ends_it_and_the_rest_is_not_tried() -> None:
    rate_limiter = RateLimiter(AdaptiveRate(1e9))

    def shut_at_100(url: str) -> str:
        if url == "100":
            rate_limiter.shut()
        return url

    run = Run(shut_at_100)
    engine = run.engine(rate_limiter=rate_limiter, threads=1)
    engine.run(pictures(3_000))
    assert "stopped before its end" in str(engine.ended_by)
    assert engine.ended_by is not None
    assert not engine.ended_by.permanent
    assert len(run.recorded) == run.begun == 100
    assert all(outcome.picture_id for outcome in run.recorded)


def test_to_shut_the_turnstile_when_all_is_done_ends_nothing() -> None:
    rate_limiter = RateLimiter(AdaptiveRate(1e9))

    def shut_at_the_last(url: str) -> str:
        if url == "50":
            rate_limiter.shut()
        return url

    run = Run(shut_at_the_last)
    engine = run.engine(rate_limiter=rate_limiter, threads=1)
    engine.run(pictures(50))
    assert (engine.ended_by, len(run.recorded)) == (None, 50)


def test_who_waits_at_a_turnstile_that_is_shut_has_not_tried() -> None:
    rate_limiter, everybody = RateLimiter(AdaptiveRate(1)), threading.Barrier(4)

    def pass_and_shut(url: str) -> str:
        everybody.wait(timeout=20)
        rate_limiter.acquire()
        rate_limiter.shut()
        return url

    run = Run(pass_and_shut)
    engine = run.engine(rate_limiter=rate_limiter, threads=4)
    engine.run(pictures(4))
    assert len(run.recorded) == 1
    assert "stopped before its end" in str(engine.ended_by)


def test_a_defect_in_a_thread_is_raised_when_what_is_done_is_written() -> None:
    def broken(url: str) -> str:
        if url == "300":
            raise ZeroDivisionError("a defect")
        return url

    run = Run(broken)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        run.engine(threads=1).run(pictures(3_000))
    assert (run.begun, run.written, len(run.recorded)) == (300, 299, 299)


@pytest.mark.parametrize("at", [1, 40, 600, 1_999])
def test_what_airflow_raises_in_the_main_thread_leaves_nothing_unwritten(at: int) -> None:
    def end_at(url: str) -> str:
        if url == str(at):
            os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.0005)
        return url

    run = Run(end_at)
    with ended_on_signal(EndedByAirflow), pytest.raises(EndedByAirflow):
        run.engine(threads=8).run(pictures(20_000))
    assert run.begun < 20_000
    # One may be in the main thread's hands just then, and one in a thread that is just being started.
    assert run.begun - run.written <= 2


def test_storage_that_fails_ends_it_and_a_second_try_to_write_is_made() -> None:
    failures = iter([True])

    def fail_once() -> None:
        if next(failures, False):
            raise StorageError("the bucket is gone")

    run = Run(write_one=fail_once)
    with pytest.raises(StorageError, match="the bucket is gone"):
        run.engine(threads=2).run(pictures(3_000))
    assert run.begun <= MAX_UNWRITTEN
    assert run.begun == run.written


def test_what_tells_may_fail_and_what_is_done_is_written() -> None:
    run = Run()

    def fail() -> None:
        raise OSError("the terminal is gone")

    engine = run.engine(tell_every=0.0)
    engine.tell = fail
    with pytest.raises(OSError, match="the terminal is gone"):
        engine.run(pictures(3_000))
    assert run.begun == run.written < 3_000


def test_the_first_error_that_ends_it_is_the_one_that_is_told() -> None:
    both = threading.Barrier(2)
    errors: dict[str, OppoImageError] = {"1": AccountError("first", code=33), "2": AccountError("second", code=34)}

    def one_after_the_other(url: str) -> str:
        both.wait(timeout=20)
        if url == "2":
            time.sleep(0.2)
        raise errors[url]

    engine = Run(one_after_the_other).engine(threads=2)
    engine.run(pictures(2))
    assert str(engine.ended_by) == "first"
