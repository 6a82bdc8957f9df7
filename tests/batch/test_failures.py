"""What fails on the way, and what ends a batch before its time, on real sockets."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.run import ON_ERROR, Batch, BatchResult, run_batch
from airflow_provider_oppo_image.batch.worker_pool import MAX_SERVICE_FAILURES
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import (
    AccountError,
    BatchError,
    NotSentError,
    PictureRefusedError,
)
from tests.batch.support import THREADS, counts, number_of, rows, states
from tests.support.fault_server import Step, answer, refusal
from tests.support.upload_service import SECRET, UploadService, id_of, rows_of, urls


def test_a_picture_that_is_refused_inside_a_success_fails_its_row_and_no_other(
    service: UploadService, run: Callable[..., BatchResult]
) -> None:
    refused = refusal(51, 200, "Invalid Picture")
    service.judge = lambda url: refused if number_of(url) % 10 == 3 else None
    end = run(rows_of(urls(100)))
    assert counts(end) == (90, 10, 0)
    assert {(row.error_code, row.fault) for row in end.rows if row.state == "failed"} == {("51", "picture")}
    assert [row.line for row in end.rows if row.state == "failed"] == list(range(4, 101, 10))
    assert isinstance(end.error, BatchError)
    assert (end.error.permanent, end.error.summary) == (True, end.summary.to_dict())
    assert "10 of 100 rows failed" in str(end.error)


def test_what_may_pass_makes_the_failure_one_that_a_retry_may_mend(
    service: UploadService, run: Callable[..., BatchResult]
) -> None:
    answers = {1: refusal(51, 200), 2: refusal(23100, 500)}
    service.judge = lambda url: answers.get(number_of(url))
    end = run(rows_of(urls(10)))
    assert (counts(end), end.error and end.error.permanent) == ((8, 2, 0), False)


def test_rows_that_were_never_right_fail_for_good(service: UploadService, run: Callable[..., BatchResult]) -> None:
    end = run([{"name": ""}, *rows_of(urls(1))])
    assert (counts(end), end.error and end.error.permanent) == ((1, 1, 0), True)


def test_one_of_two_pictures_makes_a_row_fail_and_keeps_the_other_s_id(
    service: UploadService, run: Callable[..., BatchResult]
) -> None:
    service.judge = lambda url: refusal(51, 200) if url.endswith(".png") else None
    [row] = run([{"name": "a", "big_picture_url": urls(1)[0], "small_picture_url": "https://h/s.png"}]).rows
    assert (row.state, row.big_picture_id, row.small_picture_id) == ("failed", id_of(urls(1)[0]), None)


def test_keep_going_forgives_what_fails(service: UploadService, run: Callable[..., BatchResult], results: Path) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) == 3 else None
    end = run(rows_of(urls(20)), results, on_error="keep_going")
    assert (end.error, counts(end), states(results).count("failed")) == (None, (19, 1, 0), 1)


def test_fail_fast_ends_with_the_first_failure_and_the_rest_is_not_tried(
    service: UploadService, run: Callable[..., BatchResult], results: Path
) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) == 20 else None
    end = run(rows_of(urls(2_000)), results, on_error="fail_fast", threads=1)
    assert isinstance(end.error, PictureRefusedError)
    assert set(service.asked) == set(urls(21))
    assert counts(end) == (20, 1, 1_979)
    assert states(results)[20:] == ["failed", *["not tried"] * 1_979]


ACCOUNT: dict[str, tuple[Step, bool]] = {
    "wrong secret": (refusal(23001, 401), True),
    "wrong secret, as a proxy says it": (answer(401, b"no"), True),
    "address not in the whitelist": (refusal(23009, 400), True),
    "daily limit": (refusal(34, 200), False),
    "no permission at OPPO": (refusal(27, 200), True),
}


@pytest.mark.parametrize("on_error", ON_ERROR)
@pytest.mark.parametrize(("step", "permanent"), ACCOUNT.values(), ids=ACCOUNT)
def test_what_is_wrong_with_the_account_ends_it_with_no_more_requests_than_were_in_flight(
    service: UploadService,
    run: Callable[..., BatchResult],
    results: Path,
    step: Step,
    permanent: bool,
    on_error: str,
) -> None:
    service.judge = lambda _: step
    end = run(rows_of(urls(3_000)), results, on_error=on_error, retry_budget=60)
    assert isinstance(end.error, AccountError)
    assert end.error.permanent == permanent
    assert sum(service.asked.values()) <= THREADS
    assert end.summary.not_tried >= 3_000 - THREADS
    assert {row.fault for row in read_results(results)} == {"account", None}


def test_when_the_account_is_mended_a_later_run_goes_on(
    service: UploadService, run: Callable[..., BatchResult], results: Path
) -> None:
    limit = itertools.count(1)
    service.judge = lambda _: refusal(33, 200) if next(limit) > 40 else None
    first = run(rows_of(urls(200)), results)
    assert (first.summary.uploaded, isinstance(first.error, AccountError)) == (40, True)
    service.judge = lambda _: None
    second = run(rows_of(urls(200)), results)
    assert (second.error, counts(second)) == (None, (200, 0, 0))
    assert service.accepted == dict.fromkeys(urls(200), 1)


def test_where_the_service_finds_it_too_fast_it_slows_down_and_loses_nothing(
    service: UploadService, run: Callable[..., BatchResult]
) -> None:
    arrivals = itertools.count()
    service.judge = lambda _: refusal(23008, 400) if 20 <= next(arrivals) < 40 else None
    rate_limiter = RateLimiter(AdaptiveRate(400))
    paces: list[float] = []
    end = run(
        rows_of(urls(200)),
        rate_limiter=rate_limiter,
        retry_budget=30,
        tell=lambda _: paces.append(rate_limiter.current_rate),
        tell_every=0.05,
    )
    assert (end.error, counts(end)) == (None, (200, 0, 0))
    assert min(paces) < 400
    assert (service.accepted, service.asked.total()) == (dict.fromkeys(urls(200), 1), 220)


@contextmanager
def refusing_port() -> Iterator[int]:
    """Keep a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("on_error", ON_ERROR)
def test_a_service_that_is_gone_ends_it(on_error: str, results: Path) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100_000))
    with (
        refusing_port() as port,
        EngageLabClient(
            HttpTransport(f"http://127.0.0.1:{port}", "key", SECRET, user_agent="tests"),
            retry_budget=0,
            rate_limiter=rate_limiter,
        ) as client,
    ):
        batch = Batch(client, rate_limiter, threads=THREADS, on_error=on_error)  # type: ignore[arg-type]
        end = run_batch(batch, rows(rows_of(urls(2_000))), results)
    if on_error == "fail_fast":
        assert end.summary.failed <= THREADS
    else:
        assert MAX_SERVICE_FAILURES <= end.summary.failed <= MAX_SERVICE_FAILURES + THREADS
    assert isinstance(end.error, NotSentError)
    assert end.summary.not_tried == 2_000 - end.summary.failed
    assert {row.fault for row in read_results(results) if row.state == "failed"} == {"service"}
