from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

try:
    from airflow.sdk import ObjectStoragePath
except ImportError:  # Airflow 2
    from airflow.io.path import ObjectStoragePath
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.results import RowResult, build_result, write_results
from airflow_provider_oppo_image.errors import ConfigurationError, StorageError
from airflow_provider_oppo_image.pictures.picture_url import url_problem
from airflow_provider_oppo_image.plugins import results_file
from airflow_provider_oppo_image.plugins.results_file import read_strictly, stamp_of
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, resolve
from tests.support.object_store import ObjectStore
from tests.support.results import lists_of_results

UPLOADED = RowResult(2, "春天, spring", "uploaded", "id_1", None, None, None, None, "https://h/1.png", "http://h:80")
RESULTS = [
    UPLOADED,
    RowResult(4, "", "failed", None, "id_3", "51", 'OPPO said "no"', "picture", None, "https://h/春.png"),
    RowResult(999_999_999_999, "autumn", "not tried"),
]


def write(place: StoragePath, content: bytes) -> StoragePath:
    with atomic_write(place) as file:
        file.write(content)
    return place


@pytest.mark.parametrize("name", ["r.csv", "r.CSV", "r.jsonl", "r.ndjson"])
def test_what_a_batch_writes_is_read(at: Callable[[str], StoragePath], name: str) -> None:
    write_results(at(name), RESULTS)
    assert list(read_strictly(at(name))) == RESULTS


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_no_rows_are_results_too(at: Callable[[str], StoragePath], name: str) -> None:
    write_results(at(name), [])
    stamp_of(at(name))
    assert list(read_strictly(at(name))) == []


def test_results_that_were_written_before_there_were_urls_are_read(tmp_path: Path) -> None:
    text = "line,name,state,big_picture_id,small_picture_id,error_code,error,fault\n2,spring,uploaded,id_1,,,,\n"
    assert list(read_strictly(write(tmp_path / "r.csv", text.encode()))) == [RowResult(2, "spring", "uploaded", "id_1")]
    line = (
        '{"line": 2, "name": "spring", "state": "uploaded", "big_picture_id": "id_1", "small_picture_id": null, '
        '"error_code": null, "error": null, "fault": null}\n'
    )
    assert list(read_strictly(write(tmp_path / "r.jsonl", line.encode()))) == [
        RowResult(2, "spring", "uploaded", "id_1")
    ]


@settings(deadline=None)
@given(
    results=lists_of_results(last_line=10**12 - 1),
    name=st.sampled_from(["r.csv", "r.jsonl"]),
)
def test_any_results_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, results: list[RowResult], name: str
) -> None:
    place = tmp_path_factory.getbasetemp() / name
    write_results(place, results)
    assert list(read_strictly(place)) == results


HOSTS = st.sampled_from(
    ["cdn.example.com", "CDN.example.com:8080", "93.184.215.14", "[2606:2800:21f::1]", "例子.example"]
)


@settings(deadline=None)
@given(scheme=st.sampled_from(["https", "HTTP"]), host=HOSTS, rest=st.text("/?#&=:;%@.,\\é春 a") | st.text())
def test_whatever_url_a_row_may_have_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, scheme: str, host: str, rest: str
) -> None:
    url = f"{scheme}://{host}{rest}"
    if url_problem(url, allow_private_addresses=True):
        return
    place = tmp_path_factory.getbasetemp() / "urls.csv"
    row = build_result(1, "a", ("id", None), (), urls=(url, None), missing=False)
    write_results(place, [row])
    assert list(read_strictly(place)) == [row]


def test_a_stamp_is_another_one_when_the_results_are_written_again(tmp_path: Path) -> None:
    place = tmp_path / "r.csv"
    write_results(place, RESULTS)
    first = stamp_of(place)
    assert stamp_of(place) == first
    write_results(place, [*RESULTS[:2], RowResult(999_999_999_999, "winter", "not tried")])
    assert stamp_of(place) != first
    assert stamp_of(place).size == first.size


def test_a_stamp_of_an_object_is_what_its_store_says_of_it(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    place, facts = resolve("s3://stub@bucket/r.csv"), {"size": 9, "type": "file", "ETag": "a"}
    monkeypatch.setattr(store, "info", lambda *_: dict(facts))
    first = stamp_of(place)
    assert stamp_of(place) == first
    facts["ETag"] = "b"
    assert stamp_of(place) != first


def test_results_that_are_not_written_yet_are_said_to_come(at: Callable[[str], StoragePath]) -> None:
    Checkpoint(at("r.csv")).claim("1" * 64)
    with pytest.raises(StorageError, match=r"no results at \S*r\.csv yet(?s:.)*when the batch ends") as raised:
        stamp_of(at("r.csv"))
    assert not raised.value.permanent


def test_where_nothing_is_a_place_that_both_reach_is_asked_for(at: Callable[[str], StoragePath]) -> None:
    with pytest.raises(StorageError, match=r"nothing at \S*r\.csv, as seen from Airflow's API server(?s:.)*worker"):
        stamp_of(at("r.csv"))


@pytest.mark.parametrize("name", ["passwd", "r.txt", "r.csv.gz", "r.csv.parts", "airflow.cfg", ".csv"])
def test_what_is_not_named_as_results_is_not_looked_at(tmp_path: Path, name: str) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    (tmp_path / "r.csv").rename(tmp_path / name)
    with pytest.raises(ConfigurationError, match=r"is not shown: its name ends in none of \.csv, \.jsonl, \.ndjson"):
        stamp_of(tmp_path / name)


def test_a_link_to_results_is_as_good_as_they_are(tmp_path: Path) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    (tmp_path / "latest.csv").symlink_to(tmp_path / "r.csv")
    assert stamp_of(tmp_path / "latest.csv") == stamp_of(tmp_path / "r.csv")
    assert list(read_strictly(tmp_path / "latest.csv")) == RESULTS


def fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("lay", [fifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("place", [Path, lambda path: ObjectStoragePath(f"file://{path}")])
def test_what_is_no_file_is_not_waited_for(
    tmp_path: Path, lay: Callable[[Path], Any], place: Callable[[Path], StoragePath]
) -> None:
    lay(tmp_path / "r.csv")
    with pytest.raises(ConfigurationError, match="is not shown: it is no file"):
        stamp_of(place(tmp_path / "r.csv"))


def test_a_pipe_that_took_the_files_place_since_is_not_waited_for(tmp_path: Path) -> None:
    fifo(tmp_path / "r.csv")
    with pytest.raises(ConfigurationError, match="is not shown: it is no file"):
        next(read_strictly(tmp_path / "r.csv"))


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "r.csv").open("wb") as file:
        file.truncate(results_file.MAX_BYTES)
    assert stamp_of(tmp_path / "r.csv").size == 200_000_000
    with (tmp_path / "r.csv").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ConfigurationError, match="it has 200,000,001 bytes; 200,000,000 are the most"):
        stamp_of(tmp_path / "r.csv")


def test_no_more_is_read_than_may_be_whatever_a_store_says_of_the_size(
    at: Callable[[str], StoragePath], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(at("r.csv"), RESULTS)
    size = len(at("r.csv").read_bytes())
    monkeypatch.setattr(results_file, "MAX_BYTES", size)
    assert list(read_strictly(at("r.csv"))) == RESULTS
    monkeypatch.setattr(results_file, "MAX_BYTES", size - 1)
    with pytest.raises(ConfigurationError, match=r"more than \d+ bytes"):
        list(read_strictly(at("r.csv")))


def test_no_more_rows_are_read_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    monkeypatch.setattr(results_file, "MAX_ROWS", 3)
    assert list(read_strictly(tmp_path / "r.csv")) == RESULTS
    monkeypatch.setattr(results_file, "MAX_ROWS", 2)
    with pytest.raises(ConfigurationError, match="it has more than 2 rows"):
        list(read_strictly(tmp_path / "r.csv"))


def test_a_storage_that_is_slow_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    monkeypatch.setattr(results_file, "MAX_SECONDS", -1)
    with pytest.raises(StorageError, match="takes longer than -1 seconds") as raised:
        list(read_strictly(tmp_path / "r.csv"))
    assert not raised.value.permanent


def test_a_line_may_be_as_long_as_the_limit_says_and_no_longer(tmp_path: Path) -> None:
    longest = "春" * results_file.MAX_FIELD
    row = RowResult(1, longest, "uploaded", longest, "x" * results_file.MAX_FIELD)
    write_results(tmp_path / "r.csv", [row])
    left = results_file.MAX_LINE - len((tmp_path / "r.csv").read_bytes().splitlines(keepends=True)[1])
    row = replace(row, error="x" * left)
    write_results(tmp_path / "r.csv", [row])
    assert list(read_strictly(tmp_path / "r.csv")) == [row]
    write_results(tmp_path / "r.csv", [replace(row, error_code="x")])
    with pytest.raises(ConfigurationError, match="65,536 in one line"):
        list(read_strictly(tmp_path / "r.csv"))


def test_a_value_may_be_as_long_as_the_limit_says_and_no_longer(tmp_path: Path) -> None:
    write_results(tmp_path / "r.csv", [RowResult(1, "春" * 8_192, "uploaded")])
    assert len(list(read_strictly(tmp_path / "r.csv"))) == 1
    write_results(tmp_path / "r.csv", [RowResult(1, "x" * 8_193, "uploaded")])
    with pytest.raises(ConfigurationError, match="its line 2 is no row"):
        list(read_strictly(tmp_path / "r.csv"))
