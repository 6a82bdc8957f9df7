from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.batch.results import RowResult, write_results
from airflow_provider_oppo_image.errors import ConfigurationError, StorageError
from airflow_provider_oppo_image.plugins import results_cache
from airflow_provider_oppo_image.plugins.results_cache import ResultsTables
from airflow_provider_oppo_image.storage import StoragePath

ROWS = [RowResult(2, "spring", "uploaded", "id_1"), RowResult(3, "summer", "not tried")]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as they are."""
    names: list[str] = []
    read_strictly = results_cache.read_strictly

    def noted(place: StoragePath) -> Iterator[RowResult]:
        names.append(place.name)
        return read_strictly(place)

    monkeypatch.setattr(results_cache, "read_strictly", noted)
    return names


def write(folder: Path, *names: str) -> list[str]:
    for name in names:
        write_results(folder / name, ROWS)
    return [str(folder / name) for name in names]


def test_results_are_read_once(at: Callable[[str], StoragePath], read: list[str]) -> None:
    write_results(at("r.csv"), ROWS)
    tables = ResultsTables()
    table = tables.get(str(at("r.csv")))
    assert table.page().rows == tuple(ROWS)
    assert table.summary.results == str(at("r.csv"))
    assert tables.get(str(at("r.csv"))) is table
    assert read == ["r.csv"]


def test_results_that_changed_are_read_again(at: Callable[[str], StoragePath]) -> None:
    tables = ResultsTables()
    for rows in (ROWS, ROWS[:1], []):
        write_results(at("r.csv"), rows)
        assert tables.get(str(at("r.csv"))).page().rows == tuple(rows)


def test_the_tables_that_were_looked_at_last_are_kept(tmp_path: Path, read: list[str]) -> None:
    a, b, c = write(tmp_path, "a.csv", "b.csv", "c.csv")
    tables = ResultsTables(keep=2)
    for path in (a, b, a, c, a, c, b, a):
        tables.get(path)
    assert read == ["a.csv", "b.csv", "c.csv", "b.csv", "a.csv"]


def test_results_that_change_take_one_place(tmp_path: Path, read: list[str]) -> None:
    a, b = write(tmp_path, "a.csv", "b.csv")
    tables = ResultsTables(keep=2)
    tables.get(a)
    for _ in range(3):
        write(tmp_path, "b.csv")
        tables.get(b)
    tables.get(a)
    assert read == ["a.csv", "b.csv", "b.csv", "b.csv"]


def test_a_table_that_is_kept_no_longer_serves_who_looks_at_it(tmp_path: Path) -> None:
    a, b = write(tmp_path, "a.csv", "b.csv")
    tables = ResultsTables(keep=1)
    table = tables.get(a)
    tables.get(b)
    assert table.page().rows == tuple(ROWS)


def test_results_that_are_gone_are_not_shown_from_memory(tmp_path: Path) -> None:
    [path] = write(tmp_path, "r.csv")
    tables = ResultsTables()
    tables.get(path)
    Path(path).unlink()
    with pytest.raises(StorageError, match="There is nothing"):
        tables.get(path)


def test_what_could_not_be_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [path] = write(tmp_path, "r.csv")
    tables = ResultsTables()
    with monkeypatch.context() as patch:
        patch.setattr(results_cache, "read_strictly", fail)
        with pytest.raises(StorageError, match="busy"):
            tables.get(path)
    assert tables.get(path).page().rows == tuple(ROWS)


def fail(_: StoragePath) -> Iterator[RowResult]:
    raise StorageError("The store is busy.")


class Counted(Future[Any]):
    """A promise that counts who waits for it."""

    waiting: threading.Semaphore

    def result(self, timeout: float | None = None) -> Any:
        self.waiting.release()
        return super().result(timeout)


@pytest.mark.parametrize("goes_well", [True, False])
def test_of_many_who_ask_at_once_one_reads_and_the_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_well: bool
) -> None:
    [path] = write(tmp_path, "r.csv")
    tables, entered = ResultsTables(), []

    def read(_: StoragePath) -> Iterator[RowResult]:
        entered.append(threading.get_ident())
        for _ in range(7):
            assert Counted.waiting.acquire(timeout=20)
        if not goes_well:
            raise ConfigurationError("This is not shown.")
        return iter(ROWS)

    monkeypatch.setattr(Counted, "waiting", threading.Semaphore(0), raising=False)
    monkeypatch.setattr(results_cache, "Future", Counted)
    monkeypatch.setattr(results_cache, "read_strictly", read)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(tables.get, path) for _ in range(8)]
        errors = [future.exception() for future in asked]
    assert len(entered) == 1
    if goes_well:
        assert len({id(future.result()) for future in asked}) == 1
    else:
        assert {str(error) for error in errors} == {"This is not shown."}


def test_others_are_read_while_one_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = write(tmp_path, "slow.csv", "quick.csv")
    tables, begun, go_on = ResultsTables(), threading.Event(), threading.Event()

    def read(place: StoragePath) -> Iterator[RowResult]:
        if place.name == "slow.csv":
            begun.set()
            assert go_on.wait(20)
        return iter(ROWS)

    monkeypatch.setattr(results_cache, "read_strictly", read)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(tables.get, slow)
        assert begun.wait(20)
        assert tables.get(quick).summary.rows == 2
        assert not waiting.done()
        go_on.set()
        assert waiting.result().summary.rows == 2
