from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.manifest import read_manifest
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.results import read_results, write_results
from airflow_provider_oppo_image.batch.row_result import Origin, Outcome
from airflow_provider_oppo_image.batch.split import default_results_path, merge_results, split_manifest
from airflow_provider_oppo_image.errors import BatchError, ConfigurationError, Failure
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


def finish(part: str, account: str = "a1b2 https://host") -> None:
    """Write results for a part, as its batch would."""
    with Plan(read_manifest(resolve(part))) as plan:
        for picture in plan.pending_pictures():
            plan.record(Outcome(picture.number, f"id_{picture.number}", uploaded_at="2026-11-29T00:00:00+00:00"))
        write_results(resolve(default_results_path(part)), plan.results(Origin(plan.fingerprint, account)))


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
    finish(made[1])
    summary = merge_results(made, str(tmp_path / "all.csv"))
    assert (summary.rows, summary.uploaded, summary.failed, summary.not_tried) == (3, 1, 1, 1)
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
    finish(made[0])
    summary = merge_results(made, str(tmp_path / "all.csv"))
    first = blank.count("\n") + 2
    assert (summary.uploaded, summary.not_tried) == (2, 2)
    assert [row.line for row in read_results(tmp_path / "all.csv")] == list(range(first, first + 4))


def test_split_and_merge_in_object_storage(store: ObjectStore) -> None:
    store.objects["bucket/m.csv"] = (HEADER + rows(10)).encode()
    made = split_manifest("s3://stub@bucket/m.csv", "s3://stub@bucket/parts", 3)
    assert made == [f"s3://stub@bucket/parts/part-000{number}.csv" for number in (1, 2, 3)]
    finish(made[2])
    assert merge_results(made, "s3://stub@bucket/all.csv").not_tried == 6
    found = read_results(resolve("s3://stub@bucket/all.csv"))
    assert [(row.line, row.name) for row in found] == [(number + 2, f"c{number}") for number in range(10)]


def test_merge_ignores_results_of_another_night(tmp_path: Path) -> None:
    manifest, folder, results = tmp_path / "night.csv", str(tmp_path / "parts"), tmp_path / "all.csv"
    monday = split_manifest(write(manifest, HEADER + rows(4)), folder, 2)
    for part in monday:
        finish(part)
    tuesday = split_manifest(write(manifest, HEADER + rows(4).replace(".jpg", "-tue.jpg")), folder, 2)
    with pytest.raises(BatchError, match="None of the 2 parts has results"):
        merge_results(tuesday, results)
    assert [row.state for row in read_results(results)] == ["not tried"] * 4
    finish(tuesday[0])
    assert merge_results(tuesday, results).uploaded == 2


def test_merge_reports_names_and_pictures_in_two_parts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = HEADER + "a,https://h/1\nb,https://h/2\na,https://h/3\nc,https://h/1\n"
    made = split_manifest(write(tmp_path / "m.csv", text), str(tmp_path / "parts"), 2)
    for part in made:
        finish(part)
    summary = merge_results(made, tmp_path / "all.csv")
    assert (summary.uploaded, summary.failed) == (3, 1)
    assert [row.error_code for row in read_results(tmp_path / "all.csv")] == [None, None, "row_duplicate_name", None]
    assert "1 names are in more than one part" in caplog.text


def test_merge_refuses_parts_of_two_accounts(tmp_path: Path) -> None:
    made = split_manifest(write(tmp_path / "m.csv", HEADER + rows(4)), str(tmp_path / "parts"), 2)
    for part, account in zip(made, ("a1b2 https://one", "c3d4 https://two"), strict=True):
        finish(part, account)
    with pytest.raises(ConfigurationError, match="2 different AppKeys"):
        merge_results(made, tmp_path / "all.csv")


def test_merge_keeps_failures(tmp_path: Path) -> None:
    [part] = split_manifest(write(tmp_path / "m.csv", HEADER + rows(2)), str(tmp_path / "parts"), 1)
    with Plan(read_manifest(resolve(part))) as plan:
        plan.record(Outcome(1, failure=Failure("51", "OPPO said no", "picture")))
        write_results(resolve(default_results_path(part)), plan.results(Origin(plan.fingerprint, "")))
    assert merge_results([part], tmp_path / "all.csv").causes[0].error == "OPPO said no"
