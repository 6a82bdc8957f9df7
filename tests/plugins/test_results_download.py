from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES, RowResult
from airflow_provider_oppo_image.plugins.results_download import MEDIA_TYPES, DownloadFormat, download, file_name
from airflow_provider_oppo_image.plugins.results_table import NO_FILTER, Filter, ResultsTable

ROWS = [
    RowResult(2, '春天, "spring"', "uploaded", "id_1", "id_2", None, None, None, "https://h/b.png", "https://h/s.png"),
    RowResult(3, '=HYPERLINK("https://evil.example")', "failed", None, None, "51", "OPPO said no", "picture"),
    RowResult(4, "", "not tried"),
]


def save(rows: list[RowResult], file_format: DownloadFormat, where: Filter = NO_FILTER) -> bytes:
    return b"".join(download(ResultsTable(rows, "r.csv"), file_format, where))


def cells(saved: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(saved.decode("utf-8-sig"), newline="")))


def test_csv_download_starts_with_a_byte_order_mark() -> None:
    saved = save(ROWS, "csv")
    assert saved.startswith(b"\xef\xbb\xbfline,name,state,")
    assert saved.count(b"\xef\xbb\xbf") == 1
    assert cells(saved)[:2] == [
        list(COLUMN_NAMES),
        [
            "2",
            '春天, "spring"',
            "uploaded",
            "id_1",
            "id_2",
            "",
            "",
            "",
            "https://h/b.png",
            "https://h/s.png",
            *[""] * 4,
        ],
    ]


def test_json_download_equals_the_results_file(tmp_path: Path) -> None:
    write_results(tmp_path / "r.jsonl", ROWS)
    assert save(ROWS, "jsonl") == (tmp_path / "r.jsonl").read_bytes()


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠A1", "\u3000=1", "-", "'=1"],
)
def test_csv_download_escapes_formulas(name: str) -> None:
    row = replace(ROWS[1], name=name, big_picture_id=name, error=name, error_code=name)
    assert cells(save([row], "csv"))[1][:8] == [
        "3",
        f"'{name}",
        "failed",
        f"'{name}",
        "",
        f"'{name}",
        f"'{name}",
        "picture",
    ]
    assert json.loads(save([row], "jsonl")) == row.to_dict()


@pytest.mark.parametrize("name", ["spring", "a=1", "1-2", "春天", "", "100%"])
def test_csv_download_keeps_other_values(name: str) -> None:
    assert cells(save([replace(ROWS[0], name=name)], "csv"))[1][1] == name


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text("=+-@ \"'\t,;\n\r\u3000a")


@given(rows=st.lists(st.builds(RowResult, st.integers(1, 9), NAMES, st.just("uploaded"), NAMES), max_size=4))
@example([])
def test_download_has_each_row_once(rows: list[RowResult]) -> None:
    header, *found = cells(save(rows, "csv"))
    assert header == list(COLUMN_NAMES)
    assert [cell for row in found for cell in row if cell.strip()[:1] in tuple("=+-@")] == []
    assert [(row[1].removeprefix("'"), row[3].removeprefix("'")) for row in found] == [
        (row.name, row.big_picture_id or "") for row in rows
    ]
    assert [json.loads(line) for line in save(rows, "jsonl").splitlines()] == [row.to_dict() for row in rows]


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_download_applies_the_filter(file_format: DownloadFormat) -> None:
    rows = [RowResult(line, "a", "uploaded" if line % 2 else "not tried") for line in range(1, 2_502)]
    found = save(rows, file_format, Filter("uploaded")).decode("utf-8-sig").splitlines()
    if file_format == "csv":
        assert [int(line.partition(",")[0]) for line in found[1:]] == list(range(1, 2_502, 2))
    else:
        assert [json.loads(line)["line"] for line in found] == list(range(1, 2_502, 2))


def test_download_is_chunked() -> None:
    rows = [RowResult(line, "a" * 1_000, "uploaded") for line in range(1, 2_001)]
    chunks = list(download(ResultsTable(rows, "r.csv"), "csv"))
    assert len(chunks) == 5
    assert max(map(len, chunks)) < 600_000


@pytest.mark.parametrize(
    ("results", "name"),
    [
        ("/data/night.results.csv", "night.results.csv"),
        ("s3://conn@bucket/nights/2026-11-24.results.jsonl", "2026-11-24.results.csv"),
        ("night.csv", "night.csv"),
        ("/data/夜.results.csv", "_.results.csv"),
        ('/data/a"\r\nSet-Cookie: b.csv', "a___Set-Cookie__b.csv"),
        ("/data/..csv", "results.csv"),
        ("/data/...results.csv", "results.csv"),
        (f"/data/{'x' * 300}.csv", "x" * 100 + ".csv"),
    ],
)
def test_file_name_is_safe(results: str, name: str) -> None:
    assert file_name(results, "csv") == name
    assert file_name(results, "jsonl") == name.removesuffix("csv") + "jsonl"
