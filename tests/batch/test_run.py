"""A batch from its rows to its results, on real sockets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_oppo_image.batch import worker_pool as engine_module
from airflow_provider_oppo_image.batch.results import read_results
from airflow_provider_oppo_image.batch.run import BatchResult
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.report import Code, PictureReport, Problem
from airflow_provider_oppo_image.storage import StoragePath
from tests.batch.support import counts, number_of
from tests.support.fault_server import answer, refusal
from tests.support.upload_service import UploadService, id_of, rows_of, urls


def test_each_picture_is_uploaded_once_and_each_row_has_its_ids(
    service: UploadService, run: Callable[..., BatchResult]
) -> None:
    pictures = urls(300)
    end = run(rows_of(pictures))
    assert (end.error, end.already_complete, counts(end)) == (None, False, (300, 0, 0))
    assert [(row.line, row.name, row.state, row.big_picture_id) for row in end.rows] == [
        (number + 1, f"c{number}", "uploaded", id_of(url)) for number, url in enumerate(pictures)
    ]
    assert service.asked == dict.fromkeys(pictures, 1)


def test_both_kinds_go_and_the_same_picture_goes_once(service: UploadService, run: Callable[..., BatchResult]) -> None:
    logo, big = "https://cdn.example.com/logo.png", "https://cdn.example.com/big.jpg"
    entries = [
        {"name": "a", "big_picture_url": big, "small_picture_url": logo},
        {"name": "b", "small_picture_url": logo},
        {"name": "c", "big_picture_url": big},
        {"name": "d", "big_picture_url": logo},
    ]
    end = run(entries)
    assert [(row.big_picture_id, row.small_picture_id) for row in end.rows] == [
        (id_of(big), id_of(logo)),
        (None, id_of(logo)),
        (id_of(big), None),
        (id_of(logo), None),
    ]
    assert service.asked == {big: 1, logo: 2}


def test_no_more_requests_are_in_flight_than_threads(service: UploadService, run: Callable[..., BatchResult]) -> None:
    everybody = threading.Barrier(6)

    def wait_for_all(_: str) -> None:
        everybody.wait(timeout=20)

    service.judge = wait_for_all
    run(rows_of(urls(60)), threads=6)
    assert service.most_in_flight == 6


def test_results_are_written_in_the_order_of_the_rows(
    run: Callable[..., BatchResult], at: Callable[[str], StoragePath]
) -> None:
    place = at("night.results.csv")
    end = run([*rows_of(urls(100)), {"name": "c5", "big_picture_url": "https://h/x"}, {"name": "no url"}], place)
    found = list(read_results(place))
    assert [row.line for row in found] == list(range(1, 103))
    assert [row.big_picture_id for row in found[:100]] == list(map(id_of, urls(100)))
    assert [(row.state, row.error_code, row.fault) for row in found[100:]] == [
        ("failed", "row_duplicate_name", "manifest"),
        ("failed", "row_no_url", "manifest"),
    ]
    assert (end.summary.results, end.rows, counts(end)) == (str(place), [], (100, 2, 0))


def test_a_finished_batch_does_nothing_when_it_is_run_again(
    service: UploadService, run: Callable[..., BatchResult], at: Callable[[str], StoragePath]
) -> None:
    place = at("night.results.jsonl")
    first = run(rows_of(urls(20)), place)
    content = place.read_bytes()
    second = run(rows_of(urls(20)), place)
    assert (second.already_complete, second.error, second.summary) == (True, None, first.summary)
    assert (sum(service.asked.values()), place.read_bytes()) == (20, content)


def test_no_rows_are_a_finished_batch(run: Callable[..., BatchResult], results: Path) -> None:
    assert counts(run([], results)) == (0, 0, 0)
    assert run([], results).already_complete


def report(kind: PictureKind, url: str, state: str, code: Code) -> PictureReport:
    return PictureReport(kind, url, state, (Problem(code, "found", "expected", "advice"),))  # type: ignore[arg-type]


def test_what_the_check_refuses_is_never_sent(service: UploadService, run: Callable[..., BatchResult]) -> None:
    def check(kind: PictureKind, url: str) -> PictureReport:
        if number_of(url) == 3:
            return report(kind, url, "wrong", "wrong_dimensions")
        if number_of(url) == 4:
            return report(kind, url, "absent", "http_status")
        return PictureReport(kind, url, "ready")

    end = run(rows_of(urls(10)), check=check)
    found = {row.line: (row.error_code, row.fault) for row in end.rows if row.state == "failed"}
    assert found == {4: ("wrong_dimensions", "picture"), 5: ("http_status", "picture")}
    assert set(service.asked) == set(urls(10)) - set(urls(5)[3:])
    assert end.error is not None
    assert not end.error.permanent, "what is absent may come"


def test_the_same_picture_is_checked_once(run: Callable[..., BatchResult]) -> None:
    checked: list[str] = []

    def check(kind: PictureKind, url: str) -> PictureReport:
        checked.append(url)
        return PictureReport(kind, url, "ready")

    run(rows_of(urls(5) * 20), check=check)
    assert sorted(checked) == urls(5)


def test_progress_is_told_on_the_way_and_at_the_end(service: UploadService, run: Callable[..., BatchResult]) -> None:
    service.judge = lambda url: (time.sleep(0.005), refusal(51, 200) if number_of(url) == 0 else None)[1]
    told: list[tuple[int, int, int]] = []
    run(
        rows_of(urls(100)),
        on_progress=lambda progress: told.append((progress.total, progress.uploaded, progress.failed)),
        progress_interval=0.02,
        threads=2,
    )
    assert told[-1] == (100, 99, 1)
    assert len(told) > 3
    assert told == sorted(told)


def test_progress_counts_what_this_run_has_to_do(
    service: UploadService, run: Callable[..., BatchResult], results: Path
) -> None:
    service.judge = lambda url: refusal(51, 200) if number_of(url) < 4 else None
    run(rows_of(urls(10)), results)
    totals: list[int] = []
    run(rows_of(urls(10)), results, on_progress=lambda progress: totals.append(progress.total))
    assert totals[-1] == 4


def test_nothing_of_what_signs_a_url_is_written_down_or_told(
    service: UploadService, run: Callable[..., BatchResult], results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "FLUSH_SIZE", 5)
    said = {"error": {"code": 21003, "message": "cannot download https://cdn.example.com/3.jpg?sig=s1gnature"}}
    answers = {3: answer(400, said), 4: refusal(51, 200), 5: answer(200, b"?sig=s1gnature"), 6: refusal(23100, 500)}
    service.judge = lambda url: answers.get(number_of(url))

    def check(kind: PictureKind, url: str) -> PictureReport:
        return report(kind, url.partition("?")[0], "wrong" if number_of(url) == 7 else "ready", "wrong_format")

    entries = rows_of(urls(20, "?sig=s1gnature"))
    entries.append({"name": "x", "big_picture_url": "ftp://cdn.example.com/1.jpg?sig=s1gnature"})
    entries.append({"name": "y", "big_picture_url": "https://u:s1gnature@cdn.example.com/1.jpg"})
    end = run(entries, results, check=check)
    assert end.summary.failed == 7
    assert any("sig=s1gnature" in url for url in service.asked), "the service has to know it"
    assert len(list(Path(f"{results}.parts").iterdir())) > 1
    written = [file.read_text() for file in results.parent.rglob("*") if file.is_file()]
    for text in (*written, str(end), str(end.error), json.dumps(end.summary.to_dict())):
        assert "s1gnature" not in text
