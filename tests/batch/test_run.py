"""A batch from its rows to its results, on loopback sockets."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch import ON_ERROR, worker_pool
from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.manifest import Row
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.run import Batch, BatchResult, run_batch
from airflow_provider_oppo_image.batch.worker_pool import MAX_SERVICE_FAILURES, MAX_UNWRITTEN
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import (
    AccountError,
    BatchError,
    ConfigurationError,
    NotSentError,
    OppoImageError,
    PictureRefusedError,
    RequestRefusedError,
    ServiceUnavailableError,
    StorageError,
)
from airflow_provider_oppo_image.pictures.report import Code, PictureReport, Problem
from airflow_provider_oppo_image.storage import StoragePath, resolve
from tests.batch.support import THREADS, EndedByAirflow, counts, number_of, raise_on_signal, rows, states
from tests.support.fault_server import Step, answer, refusal
from tests.support.hostile import raising
from tests.support.object_store import ObjectStore
from tests.support.upload_service import SECRET, UploadService, id_of, rows_of, urls

RunBatch = Callable[..., BatchResult]


def test_batch_uploads_each_picture_once(service: UploadService, run: RunBatch) -> None:
    pictures = urls(300)
    result = run(rows_of(pictures))
    assert (result.error, result.already_complete, counts(result)) == (None, False, (300, 0, 0))
    assert [(row.line, row.name, row.state, row.big_picture_id) for row in result.rows] == [
        (number + 1, f"c{number}", "uploaded", id_of(url)) for number, url in enumerate(pictures)
    ]
    assert service.asked == dict.fromkeys(pictures, 1)


def test_batch_shares_a_picture_between_rows(service: UploadService, run: RunBatch) -> None:
    logo, big = "https://cdn.example.com/logo.png", "https://cdn.example.com/big.jpg"
    result = run(
        [
            {"name": "a", "big_picture_url": big, "small_picture_url": logo},
            {"name": "b", "small_picture_url": logo},
            {"name": "c", "big_picture_url": big},
            {"name": "d", "big_picture_url": logo},
        ]
    )
    assert [(row.big_picture_id, row.small_picture_id) for row in result.rows] == [
        (id_of(big), id_of(logo)),
        (None, id_of(logo)),
        (id_of(big), None),
        (id_of(logo), None),
    ]
    assert service.asked == {big: 1, logo: 2}


def test_batch_writes_results_in_the_order_of_the_rows(run: RunBatch, at: Callable[[str], StoragePath]) -> None:
    path = at("night.results.csv")
    result = run([*rows_of(urls(100)), {"name": "c5", "big_picture_url": "https://h/x"}, {"name": "no url"}], path)
    found = list(read_results(path))
    assert [row.line for row in found] == list(range(1, 103))
    assert [row.big_picture_id for row in found[:100]] == list(map(id_of, urls(100)))
    assert [(row.state, row.error_code, row.fault) for row in found[100:]] == [
        ("failed", "row_duplicate_name", "manifest"),
        ("failed", "row_no_url", "manifest"),
    ]
    assert (result.summary.results, result.rows, counts(result)) == (str(path), [], (100, 2, 0))


def test_complete_batch_sends_nothing_again(
    service: UploadService, run: RunBatch, at: Callable[[str], StoragePath]
) -> None:
    path = at("night.results.jsonl")
    first = run(rows_of(urls(20)), path)
    content = path.read_bytes()
    second = run(rows_of(urls(20)), path)
    assert (second.already_complete, second.error, second.summary) == (True, None, first.summary)
    assert (service.asked.total(), path.read_bytes()) == (20, content)


def test_batch_without_rows_is_complete(run: RunBatch, results: Path) -> None:
    assert counts(run([], results)) == (0, 0, 0)
    assert run([], results).already_complete


# The check.


def report(kind: PictureKind, url: str, state: str, code: Code) -> PictureReport:
    return PictureReport(kind, url, state, (Problem(code, "found", "expected", "advice"),))  # type: ignore[arg-type]


def test_batch_does_not_send_what_the_check_rejects(service: UploadService, run: RunBatch) -> None:
    def check(kind: PictureKind, url: str) -> PictureReport:
        if number_of(url) == 3:
            return report(kind, url, "wrong", "wrong_dimensions")
        if number_of(url) == 4:
            return report(kind, url, "absent", "http_status")
        return PictureReport(kind, url, "ready")

    result = run(rows_of(urls(10)), check=check)
    failed = {row.line: (row.error_code, row.fault) for row in result.rows if row.state == "failed"}
    assert failed == {4: ("wrong_dimensions", "picture"), 5: ("http_status", "picture")}
    assert set(service.asked) == set(urls(10)) - set(urls(5)[3:])
    assert result.error is not None
    assert not result.error.permanent, "an absent picture may appear"


def test_batch_checks_a_picture_once(run: RunBatch) -> None:
    checked: list[str] = []

    def check(kind: PictureKind, url: str) -> PictureReport:
        checked.append(url)
        return PictureReport(kind, url, "ready")

    run(rows_of(urls(5) * 20), check=check)
    assert sorted(checked) == urls(5)


# Progress.


def test_batch_reports_progress(service: UploadService, run: RunBatch) -> None:
    service.judge = lambda url: (time.sleep(0.005), refusal(51, 200) if number_of(url) == 0 else None)[1]
    reported: list[tuple[int, int, int]] = []
    run(
        rows_of(urls(100)),
        on_progress=lambda progress: reported.append((progress.total, progress.uploaded, progress.failed)),
        progress_interval=0.02,
        threads=2,
    )
    assert reported[-1] == (100, 99, 1)
    assert len(reported) > 3
    assert reported == sorted(reported)


def test_progress_counts_only_pending_pictures(service: UploadService, run: RunBatch, results: Path) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) < 4 else None
    run(rows_of(urls(10)), results)
    totals: list[int] = []
    run(rows_of(urls(10)), results, on_progress=lambda progress: totals.append(progress.total))
    assert totals[-1] == 4


def test_batch_writes_no_signature(
    service: UploadService, run: RunBatch, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "FLUSH_SIZE", 5)
    body = {"error": {"code": 21003, "message": "cannot download https://cdn.example.com/3.jpg?sig=s1gnature"}}
    answers = {3: answer(400, body), 4: refusal(51, 200), 5: answer(200, b"?sig=s1gnature"), 6: refusal(23100, 500)}
    service.judge = lambda url: answers.get(number_of(url))

    def check(kind: PictureKind, url: str) -> PictureReport:
        return report(kind, url.partition("?")[0], "wrong" if number_of(url) == 7 else "ready", "wrong_format")

    entries = rows_of(urls(20, "?sig=s1gnature"))
    entries.append({"name": "x", "big_picture_url": "ftp://cdn.example.com/1.jpg?sig=s1gnature"})
    entries.append({"name": "y", "big_picture_url": "https://u:s1gnature@cdn.example.com/1.jpg"})
    result = run(entries, results, check=check)
    assert result.summary.failed == 7
    assert any("sig=s1gnature" in url for url in service.asked), "the service needs it"
    assert len(list(Path(f"{results}.parts").iterdir())) > 1
    written = [file.read_text() for file in results.parent.rglob("*") if file.is_file()]
    for text in (*written, str(result), str(result.error), json.dumps(result.summary.to_dict())):
        assert "s1gnature" not in text


# Failures.


def test_refused_picture_fails_only_its_row(service: UploadService, run: RunBatch) -> None:
    refused = refusal(51, 200, "Invalid Picture")
    service.judge = lambda url: refused if number_of(url) % 10 == 3 else None
    result = run(rows_of(urls(100)))
    assert counts(result) == (90, 10, 0)
    assert {(row.error_code, row.fault) for row in result.rows if row.state == "failed"} == {("51", "picture")}
    assert [row.line for row in result.rows if row.state == "failed"] == list(range(4, 101, 10))
    assert isinstance(result.error, BatchError)
    assert (result.error.permanent, result.error.summary) == (True, result.summary.to_dict())
    assert "10 of 100 rows failed" in str(result.error)


def test_error_is_not_permanent_after_a_transient_failure(service: UploadService, run: RunBatch) -> None:
    answers = {1: refusal(51, 200), 2: refusal(23100, 500)}
    service.judge = lambda url: answers.get(number_of(url))
    result = run(rows_of(urls(10)))
    assert (counts(result), result.error and result.error.permanent) == ((8, 2, 0), False)


def test_error_is_permanent_after_a_row_problem(service: UploadService, run: RunBatch) -> None:
    result = run([{"name": ""}, *rows_of(urls(1))])
    assert (counts(result), result.error and result.error.permanent) == ((1, 1, 0), True)


def test_row_fails_with_one_of_two_pictures_and_keeps_the_id(service: UploadService, run: RunBatch) -> None:
    service.judge = lambda url: refusal(51, 200) if url.endswith(".png") else None
    [row] = run([{"name": "a", "big_picture_url": urls(1)[0], "small_picture_url": "https://h/s.png"}]).rows
    assert (row.state, row.big_picture_id, row.small_picture_id) == ("failed", id_of(urls(1)[0]), None)


def test_keep_going_reports_no_error(service: UploadService, run: RunBatch, results: Path) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) == 3 else None
    result = run(rows_of(urls(20)), results, on_error="keep_going")
    assert (result.error, counts(result), states(results).count("failed")) == (None, (19, 1, 0), 1)


def test_fail_fast_does_not_try_the_remaining_rows(service: UploadService, run: RunBatch, results: Path) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) == 20 else None
    result = run(rows_of(urls(2_000)), results, on_error="fail_fast", threads=1)
    assert isinstance(result.error, PictureRefusedError)
    assert set(service.asked) == set(urls(21))
    assert counts(result) == (20, 1, 1_979)
    assert states(results)[20:] == ["failed", *["not tried"] * 1_979]


ACCOUNT: dict[str, tuple[Step, bool]] = {
    "wrong secret": (refusal(23001, 401), True),
    "wrong secret, answered by a proxy": (answer(401, b"no"), True),
    "address not in the whitelist": (refusal(23009, 400), True),
    "daily limit": (refusal(34, 200), False),
    "no permission at OPPO": (refusal(27, 200), True),
}


@pytest.mark.parametrize("on_error", ON_ERROR)
@pytest.mark.parametrize(("step", "permanent"), ACCOUNT.values(), ids=ACCOUNT)
def test_account_error_stops_the_batch(
    service: UploadService, run: RunBatch, results: Path, step: Step, permanent: bool, on_error: str
) -> None:
    service.judge = lambda _: step
    result = run(rows_of(urls(1_000)), results, on_error=on_error, retry_budget=60)
    assert isinstance(result.error, AccountError)
    assert result.error.permanent == permanent
    assert service.asked.total() <= THREADS
    assert result.summary.not_tried >= 1_000 - THREADS
    assert {row.fault for row in read_results(results)} == {"account", None}


def test_batch_resumes_after_an_account_error(service: UploadService, run: RunBatch, results: Path) -> None:
    limit = itertools.count(1)
    service.judge = lambda _: refusal(33, 200) if next(limit) > 40 else None
    first = run(rows_of(urls(200)), results)
    assert (first.summary.uploaded, isinstance(first.error, AccountError)) == (40, True)
    service.judge = lambda _: None
    second = run(rows_of(urls(200)), results)
    assert (second.error, counts(second)) == (None, (200, 0, 0))
    assert service.accepted == dict.fromkeys(urls(200), 1)


def test_batch_slows_down_when_rate_limited(service: UploadService, run: RunBatch) -> None:
    arrivals = itertools.count()
    service.judge = lambda _: refusal(23008, 400) if 20 <= next(arrivals) < 40 else None
    rate_limiter = RateLimiter(AdaptiveRate(400))
    rates: list[float] = []
    result = run(
        rows_of(urls(200)),
        rate_limiter=rate_limiter,
        retry_budget=30,
        on_progress=lambda _: rates.append(rate_limiter.current_rate),
        progress_interval=0.05,
    )
    assert (result.error, counts(result)) == (None, (200, 0, 0))
    assert min(rates) < 400
    assert (service.accepted, service.asked.total()) == (dict.fromkeys(urls(200), 1), 220)


@pytest.mark.parametrize("on_error", ON_ERROR)
def test_batch_stops_when_the_service_refuses_connections(on_error: str, results: Path) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100_000))
    with socket.socket() as reserved:  # nothing listens on its port
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with EngageLabClient(
            HttpTransport(url, "key", SECRET, user_agent="tests"), retry_budget=0, rate_limiter=rate_limiter
        ) as client:
            batch = Batch(client.upload, rate_limiter, threads=THREADS, on_error=on_error)  # type: ignore[arg-type]
            result = run_batch(batch, rows(rows_of(urls(1_000))), results)
    limit = 0 if on_error == "fail_fast" else MAX_SERVICE_FAILURES
    assert limit <= result.summary.failed <= limit + THREADS
    assert isinstance(result.error, NotSentError)
    assert result.summary.not_tried == 1_000 - result.summary.failed
    assert {row.fault for row in read_results(results) if row.state == "failed"} == {"service"}


# Resuming.


def test_batch_sends_only_pictures_without_an_id_again(
    service: UploadService, run: RunBatch, at: Callable[[str], StoragePath]
) -> None:
    path = at("night.results.csv")
    service.judge = lambda url: refusal(23100, 500) if number_of(url) % 3 == 0 else None
    first = run(rows_of(urls(300)), path)
    assert counts(first) == (200, 100, 0)
    service.judge = lambda _: None
    second = run(rows_of(urls(300)), path)
    assert (second.error, second.already_complete, counts(second)) == (None, False, (300, 0, 0))
    assert service.asked == {url: 2 if number_of(url) % 3 == 0 else 1 for url in urls(300)}
    assert [row.big_picture_id for row in read_results(path)] == list(map(id_of, urls(300)))


def test_batch_does_not_resume_without_resume(service: UploadService, run: RunBatch, results: Path) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) == 3 else None
    assert run(rows_of(urls(10)), results, resume=False).error is not None
    with pytest.raises(ConfigurationError, match="--resume"):
        run(rows_of(urls(10)), results, resume=False)
    assert service.asked.total() == 10


def test_batch_refuses_results_of_another_manifest(service: UploadService, run: RunBatch, results: Path) -> None:
    run(rows_of(urls(10)), results)
    content = results.read_bytes()
    for other in (rows_of(urls(11)), rows_of(urls(10, "?v=2")), rows_of(urls(10))[1:], []):
        with pytest.raises(ConfigurationError, match="another manifest"):
            run(other, results)
    assert (service.asked.total(), results.read_bytes()) == (10, content)


def test_invalid_manifest_fails_before_the_first_request(service: UploadService, results: Path) -> None:
    def invalid() -> Iterator[Row]:
        yield from rows(rows_of(urls(500)))
        raise ConfigurationError("not a manifest")

    rate_limiter = RateLimiter(AdaptiveRate(100_000))
    with service.client(rate_limiter) as client, pytest.raises(ConfigurationError, match="not a manifest"):
        run_batch(Batch(client.upload, rate_limiter), invalid(), results)
    assert (service.asked.total(), list(results.parent.iterdir())) == (0, [])


def test_batch_resumes_after_it_was_stopped(service: UploadService, run: RunBatch, results: Path) -> None:
    rate_limiter = RateLimiter(AdaptiveRate(100_000))
    service.judge = lambda url: rate_limiter.close() if number_of(url) == 200 else None  # type: ignore[func-returns-value]
    first = run(rows_of(urls(1_000)), results, rate_limiter=rate_limiter)
    assert isinstance(first.error, BatchError)
    assert (first.error.permanent, first.summary.failed) == (False, 0)
    assert set(states(results)) == {"uploaded", "not tried"}
    service.judge = lambda _: None
    assert counts(run(rows_of(urls(1_000)), results)) == (1_000, 0, 0)
    assert service.asked == dict.fromkeys(urls(1_000), 1)


@pytest.mark.parametrize("count", [50, 1_500])
def test_batch_resumes_after_a_storage_error(
    service: UploadService, run: RunBatch, store: ObjectStore, count: int
) -> None:
    path = resolve("s3://stub@bucket/night.results.csv")
    store.fail_at = 4  # the results of the small batch, a part of the large one
    with pytest.raises(StorageError, match="Please reduce your request rate"):
        run(rows_of(urls(count)), path)
    assert service.asked.total() <= 2 * MAX_UNWRITTEN
    assert not path.exists()
    assert counts(run(rows_of(urls(count)), path)) == (count, 0, 0)
    assert service.asked.total() <= (count if count == 50 else count + MAX_UNWRITTEN)


@pytest.mark.parametrize("error", [KeyboardInterrupt, EndedByAirflow])
def test_batch_resumes_after_an_error_in_the_main_thread(
    service: UploadService, run: RunBatch, results: Path, error: type[BaseException]
) -> None:
    def judge(url: str) -> None:
        if number_of(url) == 600:
            os.kill(os.getpid(), signal.SIGUSR1)

    service.judge = judge  # type: ignore[assignment]
    with raise_on_signal(error), pytest.raises(error):
        run(rows_of(urls(2_000)), results)
    assert 600 <= service.asked.total() < 2_000
    service.judge = lambda _: None
    assert counts(run(rows_of(urls(2_000)), results)) == (2_000, 0, 0)
    assert service.asked.total() <= 2_001, "the main thread may lose the one outcome that it handles"


def test_unexpected_error_fails_one_row(service: UploadService, run: RunBatch, results: Path) -> None:
    def check(kind: PictureKind, url: str) -> PictureReport:
        if number_of(url) == 100:
            raise ZeroDivisionError("a defect")
        return PictureReport(kind, url, "ready")

    first = run(rows_of(urls(1_000)), results, check=check)
    assert (first.summary.failed, first.summary.causes[0].code) == (1, "outcome_unknown")
    assert counts(run(rows_of(urls(1_000)), results)) == (1_000, 0, 0)
    assert service.asked == dict.fromkeys(urls(1_000), 1)


ERRORS: dict[str, Callable[[], OppoImageError]] = {
    "refused": lambda: PictureRefusedError("no", code=51),
    "bad request": lambda: RequestRefusedError("no", code=21003),
    "down": lambda: ServiceUnavailableError("no", http_status=500),
    "account": lambda: AccountError("no", code=23001),
}


@given(
    runs=st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, 11), st.sampled_from([*ERRORS]), max_size=6), st.sampled_from(ON_ERROR)
        ),
        max_size=4,
    )
)
def test_any_runs_upload_each_picture_once(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[dict[int, str], str]]
) -> None:
    results = tmp_path_factory.mktemp("runs") / "r.csv"
    accepted: list[str] = []
    for failures, on_error in [*runs, ({}, "fail_at_end")]:

        def upload(kind: PictureKind, url: str, failures: dict[int, str] = failures) -> str:
            if name := failures.get(number_of(url)):
                raise ERRORS[name]()
            accepted.append(url)
            return id_of(url)

        batch = Batch(upload, RateLimiter(AdaptiveRate(1e9)), on_error=on_error, threads=2)  # type: ignore[arg-type]
        result = run_batch(batch, rows(rows_of(urls(12))), results)
        found = list(read_results(results))
        assert [row.line for row in found] == list(range(1, 13))
        assert {row.big_picture_id for row in found if row.state == "uploaded"} == set(map(id_of, accepted))
        assert counts(result) == tuple(states(results).count(state) for state in ("uploaded", "failed", "not tried"))
        is_ignored = on_error == "keep_going" and "account" not in {row.fault for row in found}
        assert (result.error is None) == (is_ignored or not result.summary.failed)
    assert sorted(accepted) == sorted(urls(12))


@pytest.mark.parametrize("owner", [Plan, Checkpoint])
def test_unexpected_error_ends_batch_after_all_is_written(
    service: UploadService, run: RunBatch, results: Path, owner: type
) -> None:
    name = "record" if owner is Plan else "write"
    error = RuntimeError("https://bucket.example.com/?X-Amz-Signature=hush")
    with raising(owner, name, error), pytest.raises(BatchError, match="unexpected RuntimeError") as raised:
        run(rows_of(urls(100)), results)
    assert (raised.value.permanent, raised.value.__cause__) == (False, None)
    assert run(rows_of(urls(100)), results).error is None
    assert service.asked == dict.fromkeys(urls(100), 1)
