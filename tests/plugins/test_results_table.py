from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.progress import Cause, Summary
from airflow_provider_oppo_image.batch.results import RowResult
from airflow_provider_oppo_image.errors import FAULTS, StorageError
from airflow_provider_oppo_image.plugins import results_table
from airflow_provider_oppo_image.plugins.results_table import ALL, Filter, Page, ResultsTable


def uploaded(line: int, name: str = "") -> RowResult:
    return RowResult(line, name or f"c{line}", "uploaded", f"id_{line}", big_picture_url=f"https://h/{line}.png")


def failed(line: int, code: str = "51", words: str = "OPPO said no") -> RowResult:
    return RowResult(line, f"c{line}", "failed", None, None, code, words, "picture", f"https://h/{line}.png")


NO_NAME = RowResult(8, "", "failed", None, None, "row_missing_name", "The row has no name.", "manifest")
ROWS = [
    uploaded(2, "Spring SALE"),
    failed(3),
    failed(4, "wrong_dimensions", "876 x 324 px; export it at 984 x 369 px"),
    RowResult(
        5, "春天, Straße", "uploaded", "ID_B", "ID_S", None, None, None, "https://CDN.h/B.png", "https://h/S.png"
    ),
    failed(6),
    RowResult(7, "autumn 100% [off]_", "not tried"),
    NO_NAME,
]


def lines(table: ResultsTable, wanted: Filter = ALL) -> list[int]:
    return [row.line for row in table.page(wanted, size=500).rows]


@pytest.fixture(scope="module")
def table() -> ResultsTable:
    return ResultsTable(ROWS, "s3://bucket/r.csv")


def test_rows_are_as_they_were_and_in_their_order(table: ResultsTable) -> None:
    assert table.page() == Page(tuple(ROWS), matching=7, number=1, pages=1)


def test_it_counts_them_by_state_and_by_cause(table: ResultsTable) -> None:
    assert table.summary == Summary(
        rows=7,
        uploaded=2,
        failed=4,
        not_tried=1,
        causes=(
            Cause("picture", "51", 2, 3, "OPPO said no"),
            Cause("picture", "wrong_dimensions", 1, 4, "876 x 324 px; export it at 984 x 369 px"),
            Cause("manifest", "row_missing_name", 1, 8, "The row has no name."),
        ),
        results="s3://bucket/r.csv",
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter("uploaded"), [2, 5]),
        (Filter("failed"), [3, 4, 6, 8]),
        (Filter("not tried"), [7]),
        (Filter(fault="picture"), [3, 4, 6]),
        (Filter(fault="service"), []),
        (Filter(code="51"), [3, 6]),
        (Filter(fault="manifest", code="row_missing_name"), [8]),
        (Filter(fault="picture", code="row_missing_name"), []),
        (Filter(code="5"), []),
        (Filter("uploaded", code="51"), []),
        (Filter("failed", text="no"), [3, 6, 8]),
        (Filter("failed", "picture", "51", "/6.PNG"), [6]),
    ],
)
def test_a_filter_lets_pass_what_all_of_it_fits(table: ResultsTable, wanted: Filter, found: list[int]) -> None:
    assert lines(table, wanted) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sale", [2]),
        ("SALE", [2]),
        (" sale ", [2]),
        ("spring s", [2]),
        ("春", [5]),
        ("STRASSE", [5]),
        ("straße", [5]),
        ("id_s", [5]),
        ("cdn.H/b", [5]),
        ("H/s.PNG", [5]),
        ("876 X", [4]),
        ("the row has no name", [8]),
        ("100% [off]_", [7]),
        ("%", [7]),
        ("_", [2, 5, 7]),
        ("[", [7]),
        ("*", []),
        ("' OR 1 --", []),
        ("wrong_dimensions", []),
        ("uploaded", []),
        ("straßeid", []),
        ("straße\0id", []),
        ("id_b\nid_s", []),
        ("", [2, 3, 4, 5, 6, 7, 8]),
        (" \0\t", [2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_text_is_looked_for_in_what_a_person_reads_and_stands_for_itself(
    table: ResultsTable, text: str, found: list[int]
) -> None:
    assert lines(table, Filter(text=text)) == found


def test_pages_follow_one_another() -> None:
    table = ResultsTable(map(uploaded, range(2, 103)), "r.csv")
    pages = [table.page(number=number) for number in (1, 2, 3)]
    assert [(page.matching, page.number, page.pages) for page in pages] == [(101, 1, 3), (101, 2, 3), (101, 3, 3)]
    assert [[page.rows[0].line, page.rows[-1].line] for page in pages] == [[2, 51], [52, 101], [102, 102]]
    assert table.page(Filter(text="c1"), 2, 10).rows == tuple(map(uploaded, (100, 101, 102)))


@pytest.mark.parametrize(("number", "shown"), [(-1, 1), (0, 1), (2, 2), (3, 2), (10**30, 2)])
def test_a_page_that_is_not_there_is_the_nearest_one(number: int, shown: int) -> None:
    table = ResultsTable(map(uploaded, range(2, 9)), "r.csv")
    assert table.page(number=number, size=4).number == shown


@pytest.mark.parametrize(("size", "rows"), [(-1, 1), (0, 1), (500, 500), (501, 500), (10**30, 500)])
def test_a_page_is_no_longer_than_it_may_be(size: int, rows: int) -> None:
    assert len(ResultsTable(map(uploaded, range(2, 700)), "r.csv").page(size=size).rows) == rows


def test_no_rows_are_one_empty_page(table: ResultsTable) -> None:
    assert ResultsTable([], "r.csv").page() == Page((), 0, 1, 1)
    assert table.page(Filter(text="nowhere")) == Page((), 0, 1, 1)


def test_all_rows_of_a_filter_come_in_pieces() -> None:
    rows = [uploaded(line) if line % 3 else failed(line) for line in range(1, 2_001)]
    table = ResultsTable(rows, "r.csv")
    assert [row for piece in table.pieces() for row in piece] == rows
    found = list(table.pieces(Filter("failed")))
    assert [len(piece) for piece in found] == [500, 166]
    assert [row for piece in found for row in piece] == [row for row in rows if row.state == "failed"]


def test_many_threads_look_at_once() -> None:
    rows = [uploaded(line) if line % 3 else failed(line) for line in range(1, 1_001)]
    table = ResultsTable(rows, "r.csv")

    def look(number: int) -> bool:
        state = "failed" if number % 2 else "uploaded"
        expected = [row for row in rows if row.state == state]
        page = table.page(Filter(state), number % 7 + 1)
        in_pieces = [row for piece in table.pieces(Filter(state)) for row in piece]
        return page.rows == tuple(expected[number % 7 * 50 :][:50]) and in_pieces == expected

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(look, range(160)))


def test_it_ends_with_the_last_one_who_looks_at_it() -> None:
    table = ResultsTable(ROWS, "r.csv")
    pieces, db = table.pieces(), table._db
    del table
    gc.collect()
    assert [row for piece in pieces for row in piece] == ROWS
    del pieces
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_nothing_of_it_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    table = ResultsTable((uploaded(line, "x" * 500) for line in range(1, 10_001)), "r.csv")
    assert list(tmp_path.iterdir()) == []
    assert table.summary.rows == 10_000


def test_a_disk_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_table, "_TABLES", results_table._TABLES + "PRAGMA max_page_count = 50;")
    with pytest.raises(StorageError, match=r"disk is full(?s:.)*TMPDIR"):
        ResultsTable((uploaded(line, "x" * 500) for line in range(1, 10_001)), "r.csv")


def test_what_goes_wrong_with_the_rows_is_not_hidden() -> None:
    def rows() -> Iterator[RowResult]:
        yield uploaded(2)
        raise StorageError("gone")

    with pytest.raises(StorageError, match="gone"):
        ResultsTable(rows(), "r.csv")


LETTERS = st.text("aA%_\\'ßİs春S\u0307\ufb01fI é") | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
SOME = st.none() | LETTERS
RESULTS = st.lists(
    st.builds(
        RowResult,
        st.integers(1, 9),
        LETTERS,
        st.sampled_from(["uploaded", "failed", "not tried"]),
        SOME,
        SOME,
        st.none() | st.sampled_from(["51", "bad_url"]),
        SOME,
        st.none() | st.sampled_from(FAULTS[:2]),
        SOME,
        SOME,
    ),
    max_size=9,
)
FILTERS = st.builds(
    Filter,
    st.none() | st.sampled_from(["uploaded", "failed", "not tried"]),
    st.none() | st.sampled_from(FAULTS[:2]),
    st.none() | st.sampled_from(["51", "bad_url"]),
    st.just("") | LETTERS,
)


def fits(row: RowResult, wanted: Filter) -> bool:
    text = wanted.text.strip().casefold()
    values = (row.name, row.big_picture_id, row.small_picture_id, row.big_picture_url, row.small_picture_url, row.error)
    return (
        wanted.state in (None, row.state)
        and wanted.fault in (None, row.fault)
        and wanted.code in (None, row.error_code)
        and (not text or any(text in value.casefold() for value in values if value))
    )


@settings(deadline=None)
@given(rows=RESULTS, wanted=FILTERS, number=st.integers(-1, 5), size=st.integers(1, 4))
def test_a_page_has_what_a_look_at_each_row_finds(
    rows: list[RowResult], wanted: Filter, number: int, size: int
) -> None:
    matching = [row for row in rows if fits(row, wanted)]
    table = ResultsTable(rows, "r.csv")
    page = table.page(wanted, number, size)
    assert page.matching == len(matching)
    assert page.pages == max(1, (len(matching) + size - 1) // size)
    assert page.number == min(max(number, 1), page.pages)
    assert list(page.rows) == matching[(page.number - 1) * size :][:size]
    assert [row for piece in table.pieces(wanted) for row in piece] == matching


@settings(deadline=None)
@given(rows=RESULTS)
def test_the_counts_are_those_of_the_filters(rows: list[RowResult]) -> None:
    table = ResultsTable(rows, "r.csv")
    summary = table.summary
    by_state = {"uploaded": summary.uploaded, "failed": summary.failed, "not tried": summary.not_tried}
    assert {state: table.page(Filter(state)).matching for state in by_state} == by_state  # type: ignore[arg-type]
    for cause in summary.causes:
        page = table.page(Filter(fault=cause.fault, code=cause.code))
        assert (page.matching, page.rows[0].line, page.rows[0].error or "") == (cause.rows, cause.line, cause.error)
