from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.progress import Cause, Summary
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.errors import FAULTS, ConfigurationError, StorageError
from airflow_provider_oppo_image.plugins import results_table
from airflow_provider_oppo_image.plugins.results_table import NO_FILTER, Filter, Page, ResultsTable, ResultsTableCache
from airflow_provider_oppo_image.storage import StoragePath


def uploaded(line: int, name: str = "") -> RowResult:
    return RowResult(line, name or f"c{line}", "uploaded", f"id_{line}", big_picture_url=f"https://h/{line}.png")


def failed(line: int, code: str = "51", message: str = "OPPO said no") -> RowResult:
    return RowResult(line, f"c{line}", "failed", None, None, code, message, "picture", f"https://h/{line}.png")


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


def lines(table: ResultsTable, where: Filter = NO_FILTER) -> list[int]:
    return [row.line for row in table.page(where, size=500).rows]


@pytest.fixture(scope="module")
def table() -> ResultsTable:
    return ResultsTable(ROWS, "s3://bucket/r.csv")


def test_table_keeps_the_rows_and_their_order(table: ResultsTable) -> None:
    assert table.page() == Page(tuple(ROWS), matching=7, number=1, pages=1)


def test_table_has_the_summary(table: ResultsTable) -> None:
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
    ("where", "found"),
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
def test_filter_combines_its_conditions(table: ResultsTable, where: Filter, found: list[int]) -> None:
    assert lines(table, where) == found


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
def test_filter_searches_text_literally(table: ResultsTable, text: str, found: list[int]) -> None:
    assert lines(table, Filter(text=text)) == found


def test_page_returns_consecutive_rows() -> None:
    table = ResultsTable(map(uploaded, range(2, 103)), "r.csv")
    pages = [table.page(number=number) for number in (1, 2, 3)]
    assert [(page.matching, page.number, page.pages) for page in pages] == [(101, 1, 3), (101, 2, 3), (101, 3, 3)]
    assert [[page.rows[0].line, page.rows[-1].line] for page in pages] == [[2, 51], [52, 101], [102, 102]]
    assert table.page(Filter(text="c1"), 2, 10).rows == tuple(map(uploaded, (100, 101, 102)))


@pytest.mark.parametrize(("number", "shown"), [(-1, 1), (0, 1), (2, 2), (3, 2), (10**30, 2)])
def test_page_number_is_clamped(number: int, shown: int) -> None:
    table = ResultsTable(map(uploaded, range(2, 9)), "r.csv")
    assert table.page(number=number, size=4).number == shown


@pytest.mark.parametrize(("size", "rows"), [(-1, 1), (0, 1), (500, 500), (501, 500), (10**30, 500)])
def test_page_size_is_clamped(size: int, rows: int) -> None:
    assert len(ResultsTable(map(uploaded, range(2, 700)), "r.csv").page(size=size).rows) == rows


def test_page_without_rows_is_empty(table: ResultsTable) -> None:
    assert ResultsTable([], "r.csv").page() == Page((), 0, 1, 1)
    assert table.page(Filter(text="nowhere")) == Page((), 0, 1, 1)


def test_chunks_return_all_matching_rows() -> None:
    rows = [uploaded(line) if line % 3 else failed(line) for line in range(1, 2_001)]
    table = ResultsTable(rows, "r.csv")
    assert [row for chunk in table.chunks() for row in chunk] == rows
    found = list(table.chunks(Filter("failed")))
    assert [len(chunk) for chunk in found] == [500, 166]
    assert [row for chunk in found for row in chunk] == [row for row in rows if row.state == "failed"]


def test_table_serves_many_threads() -> None:
    rows = [uploaded(line) if line % 3 else failed(line) for line in range(1, 1_001)]
    table = ResultsTable(rows, "r.csv")

    def query(number: int) -> bool:
        state = "failed" if number % 2 else "uploaded"
        expected = [row for row in rows if row.state == state]
        page = table.page(Filter(state), number % 7 + 1)
        in_chunks = [row for chunk in table.chunks(Filter(state)) for row in chunk]
        return page.rows == tuple(expected[number % 7 * 50 :][:50]) and in_chunks == expected

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(query, range(160)))


def test_table_is_closed_after_its_last_use() -> None:
    table = ResultsTable(ROWS, "r.csv")
    chunks, db = table.chunks(), table._db
    del table
    gc.collect()
    assert [row for chunk in chunks for row in chunk] == ROWS
    del chunks
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_table_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    table = ResultsTable((uploaded(line, "x" * 500) for line in range(1, 10_001)), "r.csv")
    assert list(tmp_path.iterdir()) == []
    assert table.summary.rows == 10_000


def test_table_reports_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_table, "_TABLES", results_table._TABLES + "PRAGMA max_page_count = 50;")
    with pytest.raises(StorageError, match=r"disk is full(?s:.)*TMPDIR"):
        ResultsTable((uploaded(line, "x" * 500) for line in range(1, 10_001)), "r.csv")


def test_table_raises_the_errors_of_its_rows() -> None:
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


def fits(row: RowResult, where: Filter) -> bool:
    text = where.text.strip().casefold()
    values = (row.name, row.big_picture_id, row.small_picture_id, row.big_picture_url, row.small_picture_url, row.error)
    return (
        where.state in (None, row.state)
        and where.fault in (None, row.fault)
        and where.code in (None, row.error_code)
        and (not text or any(text in value.casefold() for value in values if value))
    )


@given(rows=RESULTS, where=FILTERS, number=st.integers(-1, 5), size=st.integers(1, 4))
def test_page_agrees_with_a_linear_search(rows: list[RowResult], where: Filter, number: int, size: int) -> None:
    matching = [row for row in rows if fits(row, where)]
    table = ResultsTable(rows, "r.csv")
    page = table.page(where, number, size)
    assert page.matching == len(matching)
    assert page.pages == max(1, (len(matching) + size - 1) // size)
    assert page.number == min(max(number, 1), page.pages)
    assert list(page.rows) == matching[(page.number - 1) * size :][:size]
    assert [row for chunk in table.chunks(where) for row in chunk] == matching


@given(rows=RESULTS)
def test_summary_agrees_with_the_filters(rows: list[RowResult]) -> None:
    table = ResultsTable(rows, "r.csv")
    summary = table.summary
    by_state = {"uploaded": summary.uploaded, "failed": summary.failed, "not tried": summary.not_tried}
    assert {state: table.page(Filter(state)).matching for state in by_state} == by_state  # type: ignore[arg-type]
    for cause in summary.causes:
        page = table.page(Filter(fault=cause.fault, code=cause.code))
        assert (page.matching, page.rows[0].line, page.rows[0].error or "") == (cause.rows, cause.line, cause.error)


# The cache.

TWO_ROWS = [RowResult(2, "spring", "uploaded", "id_1"), RowResult(3, "summer", "not tried")]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    original = results_table.read_untrusted_results

    def recorded(path: StoragePath, task: str | None) -> Iterator[RowResult]:
        names.append(path.name)
        return original(path, task)

    monkeypatch.setattr(results_table, "read_untrusted_results", recorded)
    return names


def write(folder: Path, *names: str) -> list[str]:
    for name in names:
        write_results(folder / name, TWO_ROWS)
    return [str(folder / name) for name in names]


def test_cache_reads_a_file_once(at: Callable[[str], StoragePath], read: list[str]) -> None:
    write_results(at("r.csv"), TWO_ROWS)
    cache = ResultsTableCache()
    table = cache.get(str(at("r.csv")))
    assert table.page().rows == tuple(TWO_ROWS)
    assert table.summary.results == str(at("r.csv"))
    assert cache.get(str(at("r.csv"))) is table
    assert read == ["r.csv"]


def test_cache_reads_a_changed_file_again(at: Callable[[str], StoragePath]) -> None:
    cache = ResultsTableCache()
    for rows in (TWO_ROWS, TWO_ROWS[:1], []):
        write_results(at("r.csv"), rows)
        assert cache.get(str(at("r.csv"))).page().rows == tuple(rows)


def test_cache_drops_the_least_recently_used_table(tmp_path: Path, read: list[str]) -> None:
    a, b, c = write(tmp_path, "a.csv", "b.csv", "c.csv")
    cache = ResultsTableCache(max_tables=2)
    for path in (a, b, a, c, a, c, b, a):
        cache.get(path)
    assert read == ["a.csv", "b.csv", "c.csv", "b.csv", "a.csv"]


def test_cache_keeps_one_table_of_a_file(tmp_path: Path, read: list[str]) -> None:
    a, b = write(tmp_path, "a.csv", "b.csv")
    cache = ResultsTableCache(max_tables=2)
    cache.get(a)
    for _ in range(3):
        write(tmp_path, "b.csv")
        cache.get(b)
    cache.get(a)
    assert read == ["a.csv", "b.csv", "b.csv", "b.csv"]


def test_cache_drop_does_not_close_a_table_in_use(tmp_path: Path) -> None:
    a, b = write(tmp_path, "a.csv", "b.csv")
    cache = ResultsTableCache(max_tables=1)
    table = cache.get(a)
    cache.get(b)
    assert table.page().rows == tuple(TWO_ROWS)


def test_cache_does_not_return_removed_results(tmp_path: Path) -> None:
    [path] = write(tmp_path, "r.csv")
    cache = ResultsTableCache()
    cache.get(path)
    Path(path).unlink()
    with pytest.raises(StorageError, match="does not exist"):
        cache.get(path)


def test_cache_tries_again_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [path] = write(tmp_path, "r.csv")
    cache = ResultsTableCache()
    with monkeypatch.context() as patch:
        patch.setattr(results_table, "read_untrusted_results", fail)
        with pytest.raises(StorageError, match="busy"):
            cache.get(path)
    assert cache.get(path).page().rows == tuple(TWO_ROWS)


def fail(*_: object) -> Iterator[RowResult]:
    raise StorageError("The store is busy.")


class Counted(Future[Any]):
    """A future that counts its waiting threads."""

    waiting: threading.Semaphore

    def result(self, timeout: float | None = None) -> Any:
        self.waiting.release()
        return super().result(timeout)


@pytest.mark.parametrize("succeeds", [True, False])
def test_cache_reads_once_for_concurrent_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, succeeds: bool) -> None:
    [path] = write(tmp_path, "r.csv")
    cache, entered = ResultsTableCache(), []

    def read(_: StoragePath, _task: str | None) -> Iterator[RowResult]:
        entered.append(threading.get_ident())
        for _ in range(7):
            assert Counted.waiting.acquire(timeout=20)
        if not succeeds:
            raise ConfigurationError("refused")
        return iter(TWO_ROWS)

    monkeypatch.setattr(Counted, "waiting", threading.Semaphore(0), raising=False)
    monkeypatch.setattr(results_table, "Future", Counted)
    monkeypatch.setattr(results_table, "read_untrusted_results", read)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(cache.get, path) for _ in range(8)]
        errors = [future.exception() for future in asked]
    assert len(entered) == 1
    if succeeds:
        assert len({id(future.result()) for future in asked}) == 1
    else:
        assert {str(error) for error in errors} == {"refused"}


def test_cache_reads_other_files_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = write(tmp_path, "slow.csv", "quick.csv")
    cache, started, resume = ResultsTableCache(), threading.Event(), threading.Event()

    def read(path: StoragePath, _task: str | None) -> Iterator[RowResult]:
        if path.name == "slow.csv":
            started.set()
            assert resume.wait(20)
        return iter(TWO_ROWS)

    monkeypatch.setattr(results_table, "read_untrusted_results", read)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(cache.get, slow)
        assert started.wait(20)
        assert cache.get(quick).summary.rows == 2
        assert not waiting.done()
        resume.set()
        assert waiting.result().summary.rows == 2
