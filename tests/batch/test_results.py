from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.results import read_results, write_results
from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES, RowResult
from airflow_provider_oppo_image.errors import ConfigurationError, StorageError
from airflow_provider_oppo_image.storage import StoragePath, resolve
from tests.support.object_store import ObjectStore
from tests.support.result_strategies import FIRST_VERSION, lists_of_results

NOW, ACCOUNT, TASK = "2026-11-29T00:00:00+00:00", "a1b2 https://host", '["dag", "run", "task", -1]'
RESULTS = [
    RowResult(
        2,
        'spring, "the" sale\'s; 春天 🌸',
        "uploaded",
        "id_1",
        "id_2",
        None,
        None,
        None,
        "https://h/1",
        "https://h/2",
        NOW,
        "1" * 64,
        "a1b2 https://host",
        '["dag", "run", "task", -1]',
    ),
    RowResult(4, "", "failed", None, "id_3", "51", 'OPPO said "no", twice\nor more', "picture", None, "https://h/3"),
    RowResult(5, "autumn", "not tried"),
]


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.ndjson", "r.CSV"])
def test_results_are_read_back(at: Callable[[str], StoragePath], name: str) -> None:
    write_results(at(name), RESULTS)
    assert list(read_results(at(name))) == RESULTS


def test_csv_columns(at: Callable[[str], StoragePath]) -> None:
    write_results(at("r.csv"), RESULTS)
    header, *lines = csv.reader(at("r.csv").read_bytes().decode().splitlines(keepends=True))
    assert tuple(header) == COLUMN_NAMES
    assert COLUMN_NAMES == (
        "line",
        "name",
        "state",
        "big_picture_id",
        "small_picture_id",
        "error_code",
        "error",
        "fault",
        "big_picture_url",
        "small_picture_url",
        "uploaded_at",
        "manifest",
        "account",
        "task",
    )
    assert lines[0][:8] == ["2", RESULTS[0].name, "uploaded", "id_1", "id_2", "", "", ""]
    assert lines[0][8:] == [
        "https://h/1",
        "https://h/2",
        NOW,
        "1" * 64,
        "a1b2 https://host",
        '["dag", "run", "task", -1]',
    ]
    assert lines[1][6] == RESULTS[1].error
    assert b"\r" not in at("r.csv").read_bytes()


def test_json_lines(at: Callable[[str], StoragePath]) -> None:
    write_results(at("r.jsonl"), RESULTS)
    lines = at("r.jsonl").read_bytes().decode().splitlines()
    assert [json.loads(line) for line in lines] == [result.to_dict() for result in RESULTS]
    assert "春天 🌸" in lines[0]


@pytest.mark.parametrize("name", FIRST_VERSION)
def test_results_of_the_first_version_are_read(tmp_path: Path, name: str) -> None:
    text, results = FIRST_VERSION[name]
    (tmp_path / name).write_text(text)
    assert list(read_results(tmp_path / name)) == results


def test_results_without_rows(at: Callable[[str], StoragePath]) -> None:
    write_results(at("r.csv"), [])
    write_results(at("r.jsonl"), [])
    assert at("r.csv").read_bytes().decode().strip() == ",".join(COLUMN_NAMES)
    assert at("r.jsonl").read_bytes() == b""
    assert list(read_results(at("r.csv"))) == list(read_results(at("r.jsonl"))) == []


@pytest.mark.parametrize("end", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_write_is_atomic(at: Callable[[str], StoragePath], name: str, end: type[BaseException]) -> None:
    write_results(at(name), RESULTS)

    def interrupted() -> Iterator[RowResult]:
        for line in range(3_000):
            yield RowResult(line + 1, "x" * 100, "uploaded", "id")
        raise end

    with pytest.raises((StorageError, KeyboardInterrupt)):
        write_results(at(name), interrupted())
    assert list(read_results(at(name))) == RESULTS


def test_failed_write_keeps_the_old_results(store: ObjectStore) -> None:
    path = resolve("s3://stub@bucket/r.csv")
    write_results(path, RESULTS)
    store.fail_at = 1
    with pytest.raises(StorageError, match=r"Writing s3://stub@bucket/r\.csv"):
        write_results(path, [])
    assert list(read_results(path)) == RESULTS


@pytest.mark.parametrize("name", ["r.txt", "r", "r.csv.gz", "r.parquet"])
def test_unknown_suffix_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"must have a name that ends in \.csv, \.jsonl, \.ndjson"):
        write_results(resolve(name), [])


@given(
    results=lists_of_results(last_line=10**9),
    name=st.sampled_from(["r.csv", "r.jsonl"]),
)
def test_any_results_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, results: list[RowResult], name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    write_results(path, results)
    assert list(read_results(path)) == results


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "@SUM(1)", "+1", "-1", "\t=1", "＝1", "'quoted", "''=1", "a=1"])
def test_formula_is_escaped_and_read_back(tmp_path: Path, name: str) -> None:
    row = RowResult(1, name, "failed", None, None, "51", name, "picture")
    write_results(tmp_path / "r.csv", [row])
    [_, cells] = csv.reader((tmp_path / "r.csv").open())
    assert all(cells[index][0] in "'a" for index in (1, 6))
    assert list(read_results(tmp_path / "r.csv")) == [row]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("r.csv", b"x,a,uploaded,,,,,"),
        ("r.csv", b"1,a"),
        ("r.csv", b"\xff"),
        ("r.csv", b"0,a,uploaded,,,,,"),
        ("r.csv", b"9" * 30 + b",a,uploaded,,,,,"),
        ("r.csv", b"1,a,uploaded,,,,,,ftp://h/,,,,,"),
        ("r.jsonl", b"[" * 99_999),
        ("r.jsonl", b'{"line": 1}'),
        ("r.jsonl", b"NaN"),
        ("r.jsonl", b"\xff\xfe"),
        ("r.jsonl", b"null"),
    ],
)
def test_invalid_line_is_named_and_the_others_are_read(
    tmp_path: Path, name: str, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [RowResult(1, "a", "uploaded", "id"), RowResult(2, "b", "not tried")]
    write_results(tmp_path / name, rows)
    *head, last = (tmp_path / name).read_bytes().splitlines(keepends=True)
    (tmp_path / name).write_bytes(b"".join(head) + line + b"\n" + last)
    assert list(read_results(str(tmp_path / name))) == rows
    assert f"Line {len(head) + 1} of {tmp_path / name} is not valid" in caplog.text


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "name,big_picture_url\na,https://h/1\n"])
def test_file_without_the_header_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.csv").write_text(content)
    with pytest.raises(ConfigurationError, match="not a results file"):
        list(read_results(tmp_path / "r.csv"))
