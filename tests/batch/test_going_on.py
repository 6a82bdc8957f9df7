"""Batches that ended before their time, however that came about, and the runs that go on with them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.run import ON_ERROR, Batch, BatchResult, run_batch
from airflow_provider_oppo_image.batch.worker_pool import MAX_UNWRITTEN
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import (
    AccountError,
    BatchError,
    ConfigurationError,
    OppoImageError,
    PictureRefusedError,
    RequestRefusedError,
    ServiceUnavailableError,
    StorageError,
)
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.storage import StoragePath, resolve
from tests.batch.support import EndedByAirflow, counts, ended_on_signal, number_of, rows, states
from tests.support.fault_server import refusal
from tests.support.object_store import ObjectStore
from tests.support.upload_service import UploadService, id_of, rows_of, urls


def test_only_what_has_no_id_is_sent_again(
    service: UploadService, run: Callable[..., BatchResult], at: Callable[[str], StoragePath]
) -> None:
    place = at("night.results.csv")
    service.judge = lambda url: refusal(23100, 500) if number_of(url) % 3 == 0 else None
    first = run(rows_of(urls(300)), place)
    assert counts(first) == (200, 100, 0)
    service.judge = lambda _: None
    second = run(rows_of(urls(300)), place)
    assert (second.error, second.already_complete, counts(second)) == (None, False, (300, 0, 0))
    assert service.asked == {url: 2 if number_of(url) % 3 == 0 else 1 for url in urls(300)}
    assert [row.big_picture_id for row in read_results(place)] == list(map(id_of, urls(300)))
    assert run(rows_of(urls(300)), place).already_complete


def test_an_earlier_run_is_gone_on_with_only_where_that_is_wanted(
    service: UploadService, run: Callable[..., BatchResult], results: Path
) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) == 3 else None
    assert run(rows_of(urls(10)), results, resume=False).error is not None
    with pytest.raises(ConfigurationError, match="--resume"):
        run(rows_of(urls(10)), results, resume=False)
    assert sum(service.asked.values()) == 10


def test_results_that_belong_to_another_manifest_are_refused_before_the_first_request(
    service: UploadService, run: Callable[..., BatchResult], results: Path
) -> None:
    run(rows_of(urls(10)), results)
    content = results.read_bytes()
    for other in (rows_of(urls(11)), rows_of(urls(10, "?v=2")), rows_of(urls(10))[1:], []):
        with pytest.raises(ConfigurationError, match="another manifest"):
            run(other, results)
    assert (sum(service.asked.values()), results.read_bytes()) == (10, content)


def test_what_is_no_manifest_fails_before_the_first_request(service: UploadService, results: Path) -> None:
    def broken() -> Iterator[Row]:
        yield from rows(rows_of(urls(500)))
        raise ConfigurationError("no manifest")

    rate_limiter = RateLimiter(AdaptiveRate(100_000))
    with service.client(rate_limiter) as client, pytest.raises(ConfigurationError, match="no manifest"):
        run_batch(Batch(client, rate_limiter), broken(), results)
    assert (sum(service.asked.values()), list(results.parent.iterdir())) == (0, [])


def test_a_batch_that_is_stopped_goes_on_later(
    service: UploadService, run: Callable[..., BatchResult], results: Path
) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100_000))
    service.judge = lambda url: rate_limiter.close() if number_of(url) == 200 else None  # type: ignore[func-returns-value]
    first = run(rows_of(urls(1_000)), results, rate_limiter=rate_limiter)
    assert isinstance(first.error, BatchError)
    assert not first.error.permanent
    assert "stopped before its end" in str(first.error)
    assert first.summary.failed == 0
    assert set(states(results)) == {"uploaded", "not tried"}
    service.judge = lambda _: None
    assert counts(run(rows_of(urls(1_000)), results)) == (1_000, 0, 0)
    assert service.asked == dict.fromkeys(urls(1_000), 1)


def test_storage_that_fails_in_the_middle_is_said_and_a_later_run_goes_on(
    service: UploadService, run: Callable[..., BatchResult], store: ObjectStore
) -> None:
    place = resolve("s3://stub@bucket/night.results.csv")
    store.fail_at = 3
    with pytest.raises(StorageError, match="Please reduce your request rate"):
        run(rows_of(urls(1_500)), place)
    assert sum(service.asked.values()) <= 2 * MAX_UNWRITTEN
    assert not place.exists()
    assert counts(run(rows_of(urls(1_500)), place)) == (1_500, 0, 0)
    assert sum(service.asked.values()) <= 1_500 + MAX_UNWRITTEN


def test_results_that_cannot_be_written_are_written_by_a_later_run_that_sends_nothing(
    service: UploadService, run: Callable[..., BatchResult], store: ObjectStore
) -> None:
    place = resolve("s3://stub@bucket/night.results.csv")
    store.fail_at = 3
    with pytest.raises(StorageError, match=r"Writing s3://stub@bucket/night\.results\.csv"):
        run(rows_of(urls(50)), place)
    assert counts(run(rows_of(urls(50)), place)) == (50, 0, 0)
    assert service.asked == dict.fromkeys(urls(50), 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, EndedByAirflow])
def test_what_is_raised_in_the_main_thread_loses_nothing_that_was_done(
    service: UploadService, run: Callable[..., BatchResult], results: Path, error: type[BaseException]
) -> None:
    def judge(url: str) -> None:
        if number_of(url) == 600:
            os.kill(os.getpid(), signal.SIGUSR1)

    service.judge = judge  # type: ignore[assignment]
    with ended_on_signal(error), pytest.raises(error):
        run(rows_of(urls(3_000)), results)
    assert 600 <= sum(service.asked.values()) < 3_000
    service.judge = lambda _: None
    assert counts(run(rows_of(urls(3_000)), results)) == (3_000, 0, 0)
    assert sum(service.asked.values()) <= 3_001, "one may be in the main thread's hands just then"


def test_a_defect_in_a_thread_is_raised_and_a_later_run_goes_on(
    service: UploadService, run: Callable[..., BatchResult], results: Path
) -> None:
    def check(kind: PictureKind, url: str) -> PictureReport:
        if number_of(url) == 100:
            raise ZeroDivisionError("a defect")
        return PictureReport(kind, url, "ready")

    with pytest.raises(ZeroDivisionError, match="a defect"):
        run(rows_of(urls(1_000)), results, check=check)
    assert not results.exists()
    assert counts(run(rows_of(urls(1_000)), results)) == (1_000, 0, 0)
    assert service.asked == dict.fromkeys(urls(1_000), 1)


ENDS: dict[str, Callable[[], OppoImageError]] = {
    "refused": lambda: PictureRefusedError("no", code=51),
    "bad request": lambda: RequestRefusedError("no", code=21003),
    "down": lambda: ServiceUnavailableError("no", http_status=500),
    "account": lambda: AccountError("no", code=23001),
}


class Pretended:
    """A client to whom things happen: by the picture's number, in one run."""

    def __init__(self, happens: dict[int, str]) -> None:
        self.happens = happens
        self.accepted: list[str] = []

    def upload(self, kind: PictureKind, url: str) -> str:
        if end := self.happens.get(number_of(url)):
            raise ENDS[end]()
        self.accepted.append(url)
        return id_of(url)


@settings(max_examples=60, deadline=None)
@given(
    nights=st.lists(
        st.tuples(st.dictionaries(st.integers(0, 11), st.sampled_from([*ENDS]), max_size=6), st.sampled_from(ON_ERROR)),
        max_size=4,
    )
)
def test_after_any_nights_each_row_has_one_result_and_each_picture_went_once(
    tmp_path_factory: pytest.TempPathFactory, nights: list[tuple[dict[int, str], str]]
) -> None:
    results = tmp_path_factory.mktemp("nights") / "r.csv"
    accepted: list[str] = []
    for happens, on_error in [*nights, ({}, "fail_at_end")]:
        client, rate_limiter = Pretended(happens), RateLimiter(AdaptiveRate(1e9))
        batch = Batch(client, rate_limiter, on_error=on_error, threads=2)  # type: ignore[arg-type]
        end = run_batch(batch, rows(rows_of(urls(12))), results)
        accepted += client.accepted
        found = list(read_results(results))
        assert [row.line for row in found] == list(range(1, 13))
        assert {row.big_picture_id for row in found if row.state == "uploaded"} == set(map(id_of, accepted))
        assert counts(end) == tuple(states(results).count(state) for state in ("uploaded", "failed", "not tried"))
        of_the_account = "account" in {row.fault for row in found}
        forgiven = on_error == "keep_going" and not of_the_account
        assert (end.error is None) == (forgiven or not end.summary.failed)
    assert sorted(accepted) == sorted(urls(12))
