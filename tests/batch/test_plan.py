from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.manifest import Row, RowProblem
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.row_result import Outcome
from airflow_provider_oppo_image.errors import Failure, StorageError

REFUSED = Failure("51", "OPPO refused the picture", "picture")
BUSY = Failure("http_503", "the service failed", "service", transient=True)
NO_NAME = RowProblem("row_missing_name", "The row has no name.")


def big(line: int, url: str | None = None, name: str | None = None) -> Row:
    return Row(line, name or f"c{line}", {"big": url or f"https://h/{line}"})


def test_plan_shares_a_picture_between_rows() -> None:
    rows = [big(1, "https://h/a"), big(2, "https://h/b"), big(3, "https://h/a")]
    rows.append(Row(4, "c4", {"small": "https://h/a"}))
    with Plan(rows) as plan:
        assert [(picture.kind, picture.url) for picture in plan.pending_pictures()] == [
            ("big", "https://h/a"),
            ("big", "https://h/b"),
            ("small", "https://h/a"),
        ]
        plan.record(Outcome(1, "id_a"))
        plan.record(Outcome(2, failure=REFUSED))
        plan.record(Outcome(3, "id_small"))
        assert [(row.state, row.big_picture_id, row.small_picture_id) for row in plan.results()] == [
            ("uploaded", "id_a", None),
            ("failed", None, None),
            ("uploaded", "id_a", None),
            ("uploaded", None, "id_small"),
        ]


def test_plan_uses_the_first_row_of_a_name() -> None:
    with Plan([big(2, name="a"), big(3, name="b"), big(4, name="a"), big(5, name="a"), big(6, name="A")]) as plan:
        assert [picture.url for picture in plan.pending_pictures()] == ["https://h/2", "https://h/3", "https://h/6"]
        found = [(row.line, row.error_code, row.fault) for row in plan.results() if row.state == "failed"]
        assert found == [(4, "row_duplicate_name", "manifest"), (5, "row_duplicate_name", "manifest")]
        assert "Line 2 " in str([row.error for row in plan.results()])


def test_row_with_a_problem_does_not_reserve_its_name() -> None:
    rows = [Row(1, "", problem=NO_NAME), Row(2, "", problem=NO_NAME), Row(3, "a", problem=NO_NAME), big(4, name="a")]
    with Plan(rows) as plan:
        assert plan.pending_count == 1
        assert [(row.name, row.state, row.error_code) for row in plan.results()] == [
            ("", "failed", "row_missing_name"),
            ("", "failed", "row_missing_name"),
            ("a", "failed", "row_missing_name"),
            ("a", "not tried", None),
        ]


def test_row_is_uploaded_with_all_its_pictures() -> None:
    with Plan([Row(1, "a", {"big": "https://h/b", "small": "https://h/s"})]) as plan:

        def end() -> tuple[object, ...]:
            [row] = plan.results()
            return row.state, row.big_picture_id, row.small_picture_id, row.error_code, row.error, row.fault

        assert end() == ("not tried", None, None, None, None, None)
        plan.record(Outcome(2, failure=BUSY))
        assert end() == ("failed", None, None, "http_503", "the service failed", "service")
        plan.record(Outcome(1, failure=REFUSED))
        assert end() == ("failed", None, None, "51", "OPPO refused the picture; the service failed", "picture")
        plan.record(Outcome(1, "id_b"))
        assert end() == ("failed", "id_b", None, "http_503", "the service failed", "service")
        plan.record(Outcome(2, "id_s"))
        assert end() == ("uploaded", "id_b", "id_s", None, None, None)


def test_results_have_urls_without_query() -> None:
    rows = [
        Row(1, "both", {"big": "https://h/b.png?sig=secret#top", "small": "https://h/s.png?"}),
        Row(2, "small", {"small": "HTTPS://h/s.png"}),
        Row(3, "both", {"big": "https://h/other"}),
        Row(4, "", problem=NO_NAME),
    ]
    with Plan(rows) as plan:
        plan.record(Outcome(1, failure=REFUSED))
        assert [(row.state, row.big_picture_url, row.small_picture_url) for row in plan.results()] == [
            ("failed", "https://h/b.png", "https://h/s.png"),
            ("not tried", None, "https://h/s.png"),
            ("failed", None, None),
            ("failed", None, None),
        ]


def test_record_keeps_an_id() -> None:
    with Plan([big(1)]) as plan:
        plan.record(Outcome(1, failure=BUSY))
        plan.record(Outcome(1, "first"))
        plan.record(Outcome(1, "second"))
        plan.record(Outcome(1, failure=REFUSED))
        plan.record(Outcome(99, "unknown"))
        [row] = plan.results()
        assert (row.state, row.big_picture_id, row.error_code) == ("uploaded", "first", None)
        assert list(plan.pending_pictures()) == []


def test_pending_pictures_are_those_without_an_id() -> None:
    with Plan(map(big, range(1, 6))) as plan:
        plan.record(Outcome(2, "id"))
        plan.record(Outcome(3, failure=REFUSED))
        assert [picture.number for picture in plan.pending_pictures()] == [1, 3, 4, 5]
        assert (plan.pending_count, plan.transient_failures) == (4, 0)
        plan.record(Outcome(4, failure=BUSY))
        assert plan.transient_failures == 1
        plan.record(Outcome(4, "id"))
        assert (plan.pending_count, plan.transient_failures) == (3, 0)


def test_record_while_iterating_pending_pictures() -> None:
    with Plan(map(big, range(1, 1_701))) as plan:
        uploaded = []
        for picture in plan.pending_pictures():
            uploaded.append(picture.number)
            plan.record(Outcome(picture.number, f"id_{picture.number}"))
        assert uploaded == list(range(1, 1_701))
        assert [row.big_picture_id for row in plan.results()] == [f"id_{number}" for number in range(1, 1_701)]


ROWS = [big(1), big(2), Row(3, "", problem=NO_NAME)]


@pytest.mark.parametrize(
    "other",
    [
        [],
        ROWS[:2],
        ROWS[::-1],
        [*ROWS, big(4)],
        [big(1, "https://h/1?v=2"), *ROWS[1:]],
        [big(1, name="x"), *ROWS[1:]],
        [Row(1, "c1", {"small": "https://h/1"}), *ROWS[1:]],
        [Row(9, "c1", {"big": "https://h/1"}), *ROWS[1:]],
        [*ROWS[:2], Row(3, "", problem=RowProblem("row_no_url", ""))],
    ],
)
def test_fingerprint_depends_on_the_rows(other: list[Row]) -> None:
    with Plan(ROWS) as one, Plan(list(ROWS)) as same, Plan(other) as another:
        assert one.fingerprint == same.fingerprint != another.fingerprint
        assert len(one.fingerprint) == 64


def test_plan_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with Plan(big(line, f"https://h/{line}?sig={'x' * 500}") for line in range(1, 10_001)) as plan:
        assert list(tmp_path.iterdir()) == []
        assert plan.pending_count == 10_000


NUMBERS = st.integers(0, 4)
PICTURES = st.dictionaries(st.sampled_from(["big", "small"]), NUMBERS.map("https://h/{}".format), min_size=1)


@given(
    asked=st.lists(st.tuples(NUMBERS.map("name {}".format), PICTURES), max_size=10),
    became=st.lists(st.tuples(NUMBERS, st.sampled_from(["id", "51", None])), max_size=10),
)
def test_results_agree_with_the_outcomes(
    asked: list[tuple[str, dict[str, str]]], became: list[tuple[int, str | None]]
) -> None:
    rows = [Row(line, name, pictures) for line, (name, pictures) in enumerate(asked, start=1)]  # type: ignore[arg-type]
    with Plan(rows) as plan:
        pictures = list(plan.pending_pictures())
        assert len({(picture.kind, picture.url) for picture in pictures}) == len(pictures) == plan.pending_count
        ids: dict[tuple[str, str], str] = {}
        for index, end in became:
            if end is None or index >= len(pictures):
                continue
            picture = pictures[index]
            if end == "id":
                ids.setdefault((picture.kind, picture.url), f"id_{picture.number}")
            plan.record(
                Outcome(
                    picture.number, f"id_{picture.number}" if end == "id" else None, None if end == "id" else REFUSED
                )
            )
        results = list(plan.results())
        assert [(row.line, row.name) for row in results] == [(row.line, row.name) for row in rows]
        seen: set[str] = set()
        for row, result in zip(rows, results, strict=True):
            if row.name in seen:
                assert (result.state, result.error_code) == ("failed", "row_duplicate_name")
                continue
            seen.add(row.name)
            expected = {kind: ids.get((kind, url)) for kind, url in row.pictures.items()}
            assert (result.big_picture_id, result.small_picture_id) == (expected.get("big"), expected.get("small"))
            assert (result.state == "uploaded") == all(expected.values())
            urls = row.pictures.get("big"), row.pictures.get("small")
            assert (result.big_picture_url, result.small_picture_url) == urls


def test_plan_reports_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(plan: Plan, row: Row) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Plan, "_add", full)
    with pytest.raises(StorageError, match=r"disk is full(?s:.)*TMPDIR"):
        Plan([big(1)])
