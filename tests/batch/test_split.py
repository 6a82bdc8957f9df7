from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.results import RowResult, read_results, write_results
from airflow_provider_oppo_image.batch.split import default_results_path, merge_results, split_manifest
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.storage import resolve
from tests.support.object_store import ObjectStore

HEADER = "name,big_picture_url\n"


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def rows(count: int) -> str:
    return "".join(f"c{number},https://cdn.example.com/{number}.jpg\n" for number in range(count))


@pytest.mark.parametrize(
    ("manifest", "results"),
    [
        ("night.csv", "night.results.csv"),
        ("/data/2026.11/night.jsonl", "/data/2026.11/night.results.jsonl"),
        ("s3://conn@bucket/night.csv", "s3://conn@bucket/night.results.csv"),
    ],
)
def test_default_results_path(manifest: str, results: str) -> None:
    assert default_results_path(manifest) == results


@pytest.mark.parametrize(("count", "parts", "lengths"), [(10, 3, [3, 3, 4]), (2, 4, [1, 1]), (5, 1, [5]), (0, 3, [])])
def test_parts_have_equal_length_and_the_header(tmp_path: Path, count: int, parts: int, lengths: list[int]) -> None:
    made = split_manifest(write(tmp_path / "m.csv", HEADER + rows(count)), str(tmp_path / "parts"), parts)
    texts = [Path(part).read_text() for part in made]
    assert all(text.startswith(HEADER) for text in texts)
    assert [text.count("\n") - 1 for text in texts] == lengths
    assert "".join(text.removeprefix(HEADER) for text in texts) == rows(count)


def test_json_lines_parts_have_no_header(tmp_path: Path) -> None:
    lines = [f'{{"name": "c{number}", "big_picture_url": "https://h/{number}"}}\n' for number in range(4)]
    made = split_manifest(write(tmp_path / "m.jsonl", "".join(lines)), str(tmp_path / "parts"), 2)
    assert [Path(part).read_text() for part in made] == ["".join(lines[:2]), "".join(lines[2:])]


def test_split_refuses_an_invalid_manifest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="manifest"):
        split_manifest(write(tmp_path / "m.csv", "a;b\n1;2\n"), str(tmp_path / "parts"), 2)
    assert not (tmp_path / "parts").exists()


def test_split_refuses_zero_parts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        split_manifest(write(tmp_path / "m.csv", HEADER), str(tmp_path / "parts"), 0)


def finish(part: str) -> None:
    """Write results for a part, as its batch would."""
    names = [line.partition(",")[0] for line in Path(part).read_text().splitlines()[1:]]
    results = [RowResult(line, name, "uploaded", f"id_{name}") for line, name in enumerate(names, start=2)]
    write_results(resolve(default_results_path(part)), results)


@given(count=st.integers(0, 40), parts=st.integers(1, 9))
def test_merged_lines_are_those_of_the_manifest(
    tmp_path_factory: pytest.TempPathFactory, count: int, parts: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    made = split_manifest(write(folder / "m.csv", HEADER + rows(count)), str(folder / "parts"), parts)
    for part in made:
        finish(part)
    summary = merge_results(made, str(folder / "all.csv"))
    assert (summary.rows, summary.uploaded, summary.results) == (count, count, str(folder / "all.csv"))
    merged = list(read_results(folder / "all.csv"))
    assert [(row.line, row.name) for row in merged] == [(number + 2, f"c{number}") for number in range(count)]


def test_rows_without_results_are_not_tried(tmp_path: Path) -> None:
    made = split_manifest(write(tmp_path / "m.csv", HEADER + rows(4)), str(tmp_path / "parts"), 2)
    finish(made[1])
    summary = merge_results(made, str(tmp_path / "all.jsonl"))
    assert (summary.uploaded, summary.not_tried) == (2, 2)
    merged = list(read_results(tmp_path / "all.jsonl"))
    assert [row.state for row in merged] == ["not tried"] * 2 + ["uploaded"] * 2
    assert merged[1].big_picture_url == "https://cdn.example.com/1.jpg"


def test_blank_and_long_lines_keep_their_number(tmp_path: Path) -> None:
    text = HEADER + "a,https://h/a\n\n" + "x" * 200_000 + "\nb,https://h/b"
    made = split_manifest(write(tmp_path / "m.csv", text), str(tmp_path / "parts"), 2)
    summary = merge_results(made, str(tmp_path / "all.csv"))
    assert summary.rows == 3
    assert [(row.line, row.name) for row in read_results(tmp_path / "all.csv")] == [(2, "a"), (4, ""), (5, "b")]


def test_merge_refuses_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.csv"):
        merge_results([], str(tmp_path / "all.txt"))


@pytest.mark.parametrize("blank", ["\n \n", "\ufeff\n"])
def test_blank_lines_before_the_header_are_kept(tmp_path: Path, blank: str) -> None:
    made = split_manifest(write(tmp_path / "m.csv", blank + HEADER + rows(4)), str(tmp_path / "parts"), 2)
    assert [Path(part).read_text() for part in made] == [
        blank + HEADER + rows(2),
        blank + HEADER + rows(4)[len(rows(2)) :],
    ]
    summary = merge_results(made, str(tmp_path / "all.csv"))
    first = blank.count("\n") + 2
    assert summary.not_tried == 4
    assert [row.line for row in read_results(tmp_path / "all.csv")] == list(range(first, first + 4))


def test_split_and_merge_in_object_storage(store: ObjectStore) -> None:
    store.objects["bucket/m.csv"] = (HEADER + rows(10)).encode()
    made = split_manifest("s3://stub@bucket/m.csv", "s3://stub@bucket/parts", 3)
    assert made == [f"s3://stub@bucket/parts/part-000{number}.csv" for number in (1, 2, 3)]
    assert merge_results(made, "s3://stub@bucket/all.csv").not_tried == 10
    found = read_results(resolve("s3://stub@bucket/all.csv"))
    assert [(row.line, row.name) for row in found] == [(number + 2, f"c{number}") for number in range(10)]
