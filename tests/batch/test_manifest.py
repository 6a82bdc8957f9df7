from __future__ import annotations

import codecs
import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.manifest import MAX_LINE, ROW_CODES, Row, read_manifest
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, resolve

HEADER = "name,big_picture_url\n"
URL = "https://cdn.example.com/1.jpg"


def manifest(folder: Path, content: str | bytes, suffix: str = ".csv") -> Path:
    path = folder / f"night{suffix}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Row]]:
    return lambda *arguments: list(read_manifest(manifest(tmp_path, *arguments)))


@pytest.fixture
def refused(read: Callable[..., list[Row]]) -> Callable[..., str]:
    def words(*arguments: str | bytes) -> str:
        with pytest.raises(ConfigurationError, match=r"night\.\w+ is no manifest: .*\. Nothing was sent\.") as raised:
            read(*arguments)
        return str(raised.value)

    return words


def told(rows: list[Row]) -> list[tuple[int, str, str | None]]:
    return [(row.line, row.name, row.problem and row.problem.code) for row in rows]


def test_csv_has_a_header_and_a_row_a_line(read: Callable[..., list[Row]]) -> None:
    rows = read(
        "small_picture_url, name ,campaign,big_picture_url\nhttps://h/s,spring,x,https://h/b\n,autumn,,https://h/a"
    )
    assert rows == [
        Row(2, "spring", {"big": "https://h/b", "small": "https://h/s"}),
        Row(3, "autumn", {"big": "https://h/a"}),
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".JSONL"])
def test_json_lines_have_an_object_a_line(read: Callable[..., list[Row]], suffix: str) -> None:
    lines = [
        {"name": "spring", "small_picture_url": "https://h/s"},
        {"name": 7, "big_picture_url": "https://h/b", "x": []},
    ]
    assert read("\n".join(map(json.dumps, lines)), suffix) == [
        Row(1, "spring", {"small": "https://h/s"}),
        Row(2, "7", {"big": "https://h/b"}),
    ]


@pytest.mark.parametrize("name", ["night.xlsx", "night", "night.csv.gz", "night.json"])
def test_a_format_is_known_by_its_suffix(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(HEADER)
    with pytest.raises(ConfigurationError, match=r"ends in none of \.csv, \.jsonl, \.ndjson"):
        next(read_manifest(tmp_path / name))


def test_it_is_read_from_any_storage(at: Callable[[str], StoragePath]) -> None:
    with atomic_write(at("night.csv")) as file:
        file.write(f"{HEADER}a,{URL}\n".encode() + b"x" * 200_000 + f"\nb,{URL}".encode())
    assert told(list(read_manifest(at("night.csv")))) == [(2, "a", None), (3, "", "row_too_long"), (4, "b", None)]


# What files go through on their way.


def test_a_byte_order_mark_at_the_beginning_is_passed_over(read: Callable[..., list[Row]]) -> None:
    assert told(read(codecs.BOM_UTF8 + f"{HEADER}a,{URL}".encode())) == [(2, "a", None)]
    assert told(read(codecs.BOM_UTF8 + json.dumps({"name": "a", "big_picture_url": URL}).encode(), ".jsonl")) == [
        (1, "a", None)
    ]


def test_a_byte_order_mark_in_the_middle_is_a_problem_of_its_row(read: Callable[..., list[Row]]) -> None:
    assert told(read(f"{HEADER}\ufeffa,{URL}\nb,{URL}")) == [(2, "", "row_name"), (3, "b", None)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_no_manifest(refused: Callable[..., str], encoding: str) -> None:
    assert refused(f"{HEADER}a,{URL}".encode(encoding))
    assert ("save it as UTF-8" in refused(HEADER.encode("utf-16"))) == (HEADER.encode("utf-16")[:1] in b"\xff\xfe")


def test_other_encodings_are_a_problem_of_their_rows(read: Callable[..., list[Row]]) -> None:
    rows = read(f"{HEADER}Frühling,{URL}\nb,{URL}\nHerbstmüde,{URL}\n".encode("latin-1"))
    assert told(rows) == [(2, "", "row_encoding"), (3, "b", None), (4, "", "row_encoding")]
    assert rows[0].problem is not None
    assert "Byte 3 of the line" in rows[0].problem.words


def test_lines_may_end_as_on_windows_and_blank_ones_are_passed_over_and_counted(
    read: Callable[..., list[Row]],
) -> None:
    text = f"\r\n{HEADER}\na,{URL}\r\n  \r\n\t\nb,{URL}\r\n\r\n"
    assert told(read(text)) == [(4, "a", None), (7, "b", None)]
    assert [row.pictures["big"] for row in read(text)] == [URL, URL]


def test_lines_that_end_as_on_old_macs_are_no_manifest(refused: Callable[..., str]) -> None:
    assert "no header" in refused(f"{HEADER}a,{URL}\n".replace("\n", "\r"))


# What people write into CSV.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f'a,"{URL}', "row_syntax"),
        (f'"a"b,{URL}', "row_syntax"),
        ("a", "row_columns"),
        (f"a,{URL},more", "row_columns"),
        (f"a;{URL}", "row_columns"),
        (f",{URL}", "row_missing_name"),
        ("a,", "row_no_url"),
        ("a,None", "row_no_url"),
        (f"a\rb,{URL}", "row_syntax"),
        (f"a\x00,{URL}", "row_name"),
        ("a,1.jpg", "row_url"),
    ],
)
def test_a_bad_line_costs_one_row(read: Callable[..., list[Row]], line: str, code: str) -> None:
    rows = read(f"{HEADER}x,{URL}\n{line}\ny,{URL}\n")
    assert [(row.line, row.problem and row.problem.code) for row in rows] == [(2, None), (3, code), (4, None)]


def test_quotes_hold_commas_and_doubled_quotes(read: Callable[..., list[Row]]) -> None:
    assert read(f'{HEADER}"spring, ""the"" sale","{URL}?a=1,2"')[0] == Row(
        2, 'spring, "the" sale', {"big": f"{URL}?a=1,2"}
    )


@pytest.mark.parametrize(
    "header",
    [
        "name;big_picture_url",
        "name\tbig_picture_url",
        "name",
        "big_picture_url",
        "Name,big_picture_url",
        "name,picture",
        "name,name,big_picture_url",
        "name,big_picture_url,big_picture_url",
        "1,2",
        '"name,big_picture_url',
        "\ufeff\ufeffname,big_picture_url",
        "x" * 100_000,
    ],
)
def test_csv_without_its_header_is_no_manifest(refused: Callable[..., str], header: str) -> None:
    assert len(refused(f"{header}\na,{URL}\n")) < 600


def test_a_row_where_the_header_should_be_is_not_shown_with_what_is_signed(refused: Callable[..., str]) -> None:
    for line in (f"spring,{URL}?sig=s3cret", f"spring;{URL}?sig=s3cret", "spring,/1.jpg?sig=s3cret", "spring\t?s3cret"):
        assert "s3cret" not in refused(line)
    assert "https://cdn.example.com/1.jpg" in refused(f"spring,{URL}?sig=s3cret")


def test_a_bad_header_says_what_was_found_and_what_is_needed(refused: Callable[..., str]) -> None:
    words = refused("Name,picture\n")
    assert "'Name, picture'; needed are name and big_picture_url or small_picture_url, each once" in words


def test_a_header_alone_is_a_manifest_without_rows(read: Callable[..., list[Row]]) -> None:
    assert read(HEADER) == read(HEADER.strip()) == []


def test_rows_that_all_are_bad_are_rows_where_a_header_was_read(read: Callable[..., list[Row]]) -> None:
    assert told(read(f"{HEADER}a\n")) == [(2, "", "row_columns")]


# What people write into JSON Lines.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "row_syntax"),
        ("spring", "row_syntax"),
        ("[]", "row_syntax"),
        ('"text"', "row_syntax"),
        ("null", "row_syntax"),
        ("17", "row_syntax"),
        ("NaN", "row_syntax"),
        ('{"name": ' + "9" * 5_000 + "}", "row_syntax"),
        ("[" * 60_000, "row_syntax"),
        ('{"a":' * 10_000, "row_syntax"),
        ('{"name": "a"} {"name": "b"}', "row_syntax"),
        ("{}", "row_missing_name"),
        ('{"name": "a"}', "row_no_url"),
        ('{"name": "a\\nb", "big_picture_url": "https://h/1"}', "row_name"),
        ('{"name": "\\ud800", "big_picture_url": "https://h/1"}', "row_name"),
        ('{"name": "a", "big_picture_url": "https://h/\\udfff"}', "row_url"),
        ('{"name": "a", "big_picture_url": 1e999}', "row_url"),
        ('{"name": "a", "big_picture_url": ["https://h/1"]}', "row_url"),
    ],
)
def test_a_bad_object_costs_one_row(read: Callable[..., list[Row]], line: str, code: str) -> None:
    good = json.dumps({"name": "x", "big_picture_url": URL})
    rows = read(f"{good}\n{line}\n{good}\n", ".jsonl")
    assert [(row.line, row.problem and row.problem.code) for row in rows] == [(1, None), (2, code), (3, None)]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('{"name": 7, "big_picture_url": "https://h/1"}', "7"),
        ('{"name": NaN, "big_picture_url": "https://h/1"}', "nan"),
        (
            '{"name": 123456789012345678901234567890, "big_picture_url": "https://h/1"}',
            "123456789012345678901234567890",
        ),
        ('{"name": "a", "name": "b", "big_picture_url": "https://h/1"}', "b"),
    ],
)
def test_odd_names_are_names(read: Callable[..., list[Row]], line: str, name: str) -> None:
    assert told(read(line, ".jsonl")) == [(1, name, None)]


def test_json_lines_of_which_none_can_be_read_are_no_manifest(refused: Callable[..., str]) -> None:
    assert "none of its rows can be read; line 1: The line is no JSON" in refused(f"{HEADER}a,{URL}", ".jsonl")
    assert "line 2: The line is JSON, but no object" in refused("\n[]", ".jsonl")


# What is no manifest at all.


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_an_empty_file_is_no_manifest(refused: Callable[..., str], suffix: str) -> None:
    assert "it is empty" in refused("", suffix)


@pytest.mark.parametrize("content", ["\n", "\ufeff", " \n\n"])
def test_csv_of_blank_lines_is_no_manifest(refused: Callable[..., str], content: str) -> None:
    assert "it has no header" in refused(content)


def test_a_spreadsheet_is_no_manifest(refused: Callable[..., str]) -> None:
    assert refused(b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)) * 40)


@pytest.mark.parametrize("name", ["missing.csv", "folder.csv", "missing/night.jsonl"])
def test_a_manifest_that_is_not_there_is_a_matter_of_configuration(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError, match="Check the path"):
        next(read_manifest(resolve(tmp_path / name)))


def test_an_object_that_is_not_there_is_a_matter_of_configuration(store: object) -> None:
    with pytest.raises(ConfigurationError, match="Check the path"):
        next(read_manifest(resolve("s3://stub@bucket/night.csv")))


# Long lines.


@pytest.mark.parametrize("length", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE])
def test_a_line_has_a_longest_length(read: Callable[..., list[Row]], length: int) -> None:
    line = f"a,{URL},".ljust(length - 1, "x")
    code = None if length <= MAX_LINE else "row_too_long"
    rows = read(f"{HEADER.strip()},note\n{line}\nb,{URL},\n")
    assert [(row.line, row.problem and row.problem.code) for row in rows] == [(2, code), (3, None)]


@pytest.mark.parametrize("filling", [b"x", b" ", b"\xff"])
def test_a_long_line_is_one_row_whatever_it_holds(read: Callable[..., list[Row]], filling: bytes) -> None:
    good = json.dumps({"name": "b", "big_picture_url": URL}).encode()
    rows = read(codecs.BOM_UTF8 + filling * 200_000 + b"\n" + good + b"\n" + filling * 200_000, ".jsonl")
    assert told(rows) == [(1, "", "row_too_long"), (2, "b", None), (3, "", "row_too_long")]


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    with path.open("wb") as file:
        file.write(f"{HEADER}a,{URL}\n".encode())
        file.truncate(200_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert told(list(read_manifest(path))) == [(2, "a", None), (3, "", "row_too_long")]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


# Anything.

LINES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"", b" ", b'"', b"a,https://h/1", b'a,"https://h/1', b"\xef\xbb\xbf", b"{}", b"\r", b"\x00", b"[[", b"1"]
    ),
    st.dictionaries(st.sampled_from(["name", "big_picture_url"]), st.text() | st.floats() | st.none()).map(
        lambda entry: json.dumps(entry).encode()
    ),
)


@given(
    lines=st.lists(LINES, max_size=12),
    end=st.sampled_from([b"\n", b"\r\n"]),
    suffix=st.sampled_from([".csv", ".jsonl"]),
)
def test_any_bytes_are_a_row_a_line_or_no_manifest(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, suffix: str
) -> None:
    content = end.join([HEADER.strip().encode(), *lines] if suffix == ".csv" else lines)
    try:
        found = list(read_manifest(manifest(tmp_path_factory.getbasetemp(), content, suffix)))
    except ConfigurationError:
        return
    expected = [
        number
        for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1)
        if line.strip()
    ]
    assert [row.line for row in found] == expected[1 if suffix == ".csv" else 0 :]
    assert {row.problem.code for row in found if row.problem} <= set(ROW_CODES)
