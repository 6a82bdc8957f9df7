from __future__ import annotations

import json

import pytest

from airflow_provider_oppo_image.batch.progress import MAX_CAUSES, Cause, Progress, ResultCounter, Summary
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.errors import Failure

REFUSED = Failure("51", "no", "picture")


def progress(uploaded: int, failed: int, total: int = 10_000) -> Progress:
    return Progress(total, started_at=100.0, uploaded=uploaded, failed=failed)


def failed(line: int, code: str = "51", message: str = "no") -> RowResult:
    return RowResult(line, f"c{line}", "failed", None, None, code, message, "picture")


def summary_of(*results: RowResult) -> Summary:
    counter = ResultCounter()
    assert list(counter.count(results)) == list(results)
    return counter.summary("r.csv")


@pytest.mark.parametrize("width", [40, 80])
def test_causes_fit_the_terminal(width: int) -> None:
    cause = Cause("picture", "wrong_dimensions", 1_000, 2, "876 x 324 px, where 1016 x 455 px is expected. " * 5)
    text = Summary(1_000, 0, 1_000, 0, (cause,)).describe(width)
    assert max(map(len, text.splitlines())) <= width
    assert " ".join(cause.error.split()) in " ".join(text.split())


def test_progress_counts_outcomes() -> None:
    counted = Progress(3, started_at=0.0)
    for failure in (None, REFUSED, REFUSED):
        counted.record(failure)
    assert (counted.uploaded, counted.failed, counted.done) == (1, 2, 3)


def test_describe_has_the_rate_and_the_time_left() -> None:
    assert progress(4_000, 500).describe(now=110.0) == (
        "4,500 of 10,000 pictures (45 %): 4,000 uploaded, 500 failed; 450 a second, 0:00:12 left"
    )


def test_describe_omits_the_rate_at_start_and_end() -> None:
    assert progress(0, 0).describe(now=100.0) == "0 of 10,000 pictures (0 %): 0 uploaded, 0 failed"
    assert progress(0, 0).describe(now=109.0) == "0 of 10,000 pictures (0 %): 0 uploaded, 0 failed"
    assert progress(9_999, 1).describe(now=110.0) == "10,000 of 10,000 pictures (100 %): 9,999 uploaded, 1 failed"
    assert progress(0, 0, total=0).describe(now=110.0) == "0 of 0 pictures (100 %): 0 uploaded, 0 failed"
    assert "(99 %)" in progress(9_999, 0).describe(now=110.0)


def test_rate_covers_ten_seconds() -> None:
    moving = progress(0, 0)
    rates = []
    for second in range(1, 31):
        moving.uploaded += 100 if second <= 15 else 10
        rates.append(moving.rate(100.0 + second))
    assert rates[0] == rates[14] == 100
    assert rates[29] == 10
    assert 10 < rates[19] < 100


def test_rate_covers_a_longer_interval_between_calls() -> None:
    moving = progress(0, 0)
    moving.uploaded = 100
    assert moving.rate(101.0) == 100
    moving.uploaded = 700
    assert moving.rate(161.0) == 10


def test_rate_samples_are_bounded() -> None:
    moving = progress(0, 0)
    for step in range(10_000):
        moving.rate(100.0 + step / 5)
    assert len(moving._samples) <= 60


def test_summary_has_counts_and_causes() -> None:
    results = [
        RowResult(2, "a", "uploaded", "id"),
        failed(3, "wrong_dimensions", "876 x 324"),
        RowResult(4, "", "failed", None, None, "row_no_url", "The row has no URL.", "manifest"),
        failed(5, "wrong_dimensions", "another"),
        RowResult(6, "b", "not tried"),
    ]
    summary = summary_of(*results)
    assert summary == Summary(
        5,
        1,
        3,
        1,
        (
            Cause("picture", "wrong_dimensions", 2, 3, "876 x 324"),
            Cause("manifest", "row_no_url", 1, 4, "The row has no URL."),
        ),
        "r.csv",
    )
    assert str(summary).splitlines() == [
        "5 rows: 1 uploaded, 3 failed, 1 not tried",
        "     rows  whose fault  code                  first",
        "        2  picture      wrong_dimensions      line 3: 876 x 324",
        "        1  manifest     row_no_url            line 4: The row has no URL.",
    ]


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (Summary(0, 0, 0, 0), "0 rows: nothing to do"),
        (Summary(1, 1, 0, 0), "1 row: 1 uploaded"),
        (Summary(12_000, 10_000, 0, 2_000), "12,000 rows: 10,000 uploaded, 2,000 not tried"),
    ],
)
def test_headline_omits_zero_counts(summary: Summary, text: str) -> None:
    assert str(summary) == text


def test_summary_is_json_serialisable() -> None:
    summary = summary_of(failed(1), RowResult(2, "a", "uploaded", "id"))
    assert Summary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary
    assert Summary.from_dict(json.loads(json.dumps(Summary(0, 0, 0, 0).to_dict()))) == Summary(0, 0, 0, 0)


def test_summary_size_is_bounded() -> None:
    every_other = [failed(line, str(line), "x" * 2_000) for line in range(2_000)]
    summary = summary_of(*every_other, *(failed(line, "51", "first") for line in range(5_000, 5_003)))
    assert len(summary.causes) == MAX_CAUSES
    assert summary.failed == 2_003
    assert len(json.dumps(summary.to_dict())) < 200_000


def test_distinct_causes_are_bounded() -> None:
    counter = ResultCounter()
    for line in range(5_000):
        list(counter.count([failed(line, str(line))]))
    assert len(counter._first) <= 1_001
    assert sum(counter._causes.values()) == 5_000
