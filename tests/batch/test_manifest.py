from __future__ import annotations

import codecs
import gzip
import json
import math
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.manifest import (
    MAX_LINE_BYTES,
    MAX_NAME_CHARACTERS,
    ROW_CODES,
    Row,
    parse_row,
    parse_rows,
    read_manifest,
)
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
def refusal(read: Callable[..., list[Row]]) -> Callable[..., str]:
    def message(*arguments: str | bytes) -> str:
        with pytest.raises(ConfigurationError, match=r"night[.\w]+ is not a valid manifest") as raised:
            read(*arguments)
        return str(raised.value)

    return message


def summarize(rows: list[Row]) -> list[tuple[int, str, str | None]]:
    return [(row.line, row.name, row.problem and row.problem.code) for row in rows]


def test_csv_is_parsed(read: Callable[..., list[Row]]) -> None:
    rows = read(
        "small_picture_url, name ,campaign,big_picture_url\nhttps://h/s,spring,x,https://h/b\n,autumn,,https://h/a"
    )
    assert rows == [
        Row(2, "spring", {"big": "https://h/b", "small": "https://h/s"}),
        Row(3, "autumn", {"big": "https://h/a"}),
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".JSONL"])
def test_json_lines_are_parsed(read: Callable[..., list[Row]], suffix: str) -> None:
    lines = [
        {"name": "spring", "small_picture_url": "https://h/s"},
        {"name": 7, "big_picture_url": "https://h/b", "x": []},
    ]
    assert read("\n".join(map(json.dumps, lines)), suffix) == [
        Row(1, "spring", {"small": "https://h/s"}),
        Row(2, "7", {"big": "https://h/b"}),
    ]


@pytest.mark.parametrize("name", ["night.xlsx", "night", "night.gz", "night.json"])
def test_manifest_of_unknown_suffix_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(HEADER)
    with pytest.raises(ConfigurationError, match=r"\.csv or \.jsonl or \.ndjson"):
        next(read_manifest(tmp_path / name))


def test_manifest_is_read_from_any_storage(at: Callable[[str], StoragePath]) -> None:
    with atomic_write(at("night.csv")) as file:
        file.write(f"{HEADER}a,{URL}\n".encode() + b"x" * 200_000 + f"\nb,{URL}".encode())
    assert summarize(list(read_manifest(at("night.csv")))) == [(2, "a", None), (3, "", "row_too_long"), (4, "b", None)]


# Encodings and line breaks.


def test_leading_byte_order_mark_is_ignored(read: Callable[..., list[Row]]) -> None:
    assert summarize(read(codecs.BOM_UTF8 + f"{HEADER}a,{URL}".encode())) == [(2, "a", None)]
    assert summarize(read(codecs.BOM_UTF8 + json.dumps({"name": "a", "big_picture_url": URL}).encode(), ".jsonl")) == [
        (1, "a", None)
    ]


def test_byte_order_mark_in_a_row_is_its_problem(read: Callable[..., list[Row]]) -> None:
    assert summarize(read(f"{HEADER}\ufeffa,{URL}\nb,{URL}")) == [(2, "", "row_name"), (3, "b", None)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings_are_refused(refusal: Callable[..., str], encoding: str) -> None:
    assert refusal(f"{HEADER}a,{URL}".encode(encoding))
    assert ("save it as UTF-8" in refusal(HEADER.encode("utf-16"))) == (HEADER.encode("utf-16")[:1] in b"\xff\xfe")


def test_rows_of_other_encodings_have_a_problem(read: Callable[..., list[Row]]) -> None:
    rows = read(f"{HEADER}Frühling,{URL}\nb,{URL}\nHerbstmüde,{URL}\n".encode("latin-1"))
    assert summarize(rows) == [(2, "", "row_encoding"), (3, "b", None), (4, "", "row_encoding")]
    assert rows[0].problem is not None
    assert "byte 3" in rows[0].problem.message


def test_blank_lines_and_carriage_returns_are_ignored(
    read: Callable[..., list[Row]],
) -> None:
    text = f"\r\n{HEADER}\na,{URL}\r\n  \r\n\t\nb,{URL}\r\n\r\n"
    assert summarize(read(text)) == [(4, "a", None), (7, "b", None)]
    assert [row.pictures["big"] for row in read(text)] == [URL, URL]


def test_lines_without_line_feed_are_refused(refusal: Callable[..., str]) -> None:
    assert "not a header" in refusal(f"{HEADER}a,{URL}\n".replace("\n", "\r"))


# CSV.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f'a,"{URL}', "row_syntax"),
        (f'"a"b,{URL}', "row_syntax"),
        ("a", "row_no_url"),
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
def test_invalid_csv_line_fails_one_row(read: Callable[..., list[Row]], line: str, code: str) -> None:
    rows = read(f"{HEADER}x,{URL}\n{line}\ny,{URL}\n")
    assert [(row.line, row.problem and row.problem.code) for row in rows] == [(2, None), (3, code), (4, None)]


@pytest.mark.parametrize(
    ("header", "lines", "expected"),
    [
        ("name,big_picture_url,small_picture_url", [f"a,{URL}", f"b,{URL},"], ["a big", "b big"]),
        ("name,big_picture_url", [f"a,{URL},", f"b,{URL},, ,"], ["a big", "b big"]),
        ("name,big_picture_url,,", [f"a,{URL}", f"b,{URL},,"], ["a big", "b big"]),
        ("name,big_picture_url", [",", '"",""', " , ", f"a,{URL}"], ["a big"]),
        ("name,small_picture_url,big_picture_url", [f"a,,{URL}", f"b,NaN,{URL}", f"c,<NA>,{URL}"],
         ["a big", "b big", "c big"]),
    ],
)  # fmt: skip
def test_csv_of_spreadsheets_is_parsed(
    read: Callable[..., list[Row]], header: str, lines: list[str], expected: list[str]
) -> None:
    rows = read("\n".join([header, *lines]))
    assert [f"{row.name} {','.join(row.pictures)}" for row in rows] == expected


@pytest.mark.parametrize(
    ("line", "found"),
    [(f"a,{URL},x,y", "4 cells, separated by commas; the header has 2"), (f"a;{URL}", "semicolons"), ("a\tb", "tabs")],
)
def test_csv_problem_names_count_and_delimiter(read: Callable[..., list[Row]], line: str, found: str) -> None:
    [row] = read(f"{HEADER}{line}\n")
    assert row.problem is not None
    assert found in row.problem.message


def test_row_keeps_all_columns(read: Callable[..., list[Row]]) -> None:
    assert [row.columns["city"] for row in read(f"name,big_picture_url,city\na,{URL},Oslo\nb,{URL}\n")] == ["Oslo", ""]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_gzip_manifest_is_decompressed(read: Callable[..., list[Row]], suffix: str) -> None:
    text = f"{HEADER}a,{URL}\n" if suffix == ".csv" else json.dumps({"name": "a", "big_picture_url": URL})
    assert summarize(read(gzip.compress(text.encode()), f"{suffix}.gz")) == [(2 if suffix == ".csv" else 1, "a", None)]


@pytest.mark.parametrize(
    ("content", "suffix", "reason"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)) * 40, ".csv", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), ".csv", "workbook"),
        (gzip.compress(HEADER.encode(), mtime=0), ".csv", "add .gz to its name"),
        (HEADER, ".csv.gz", "not a complete gzip file"),
        (gzip.compress(HEADER.encode() * 99, mtime=0)[:-9], ".csv.gz", "not a complete gzip file"),
        (b"PAR1" + bytes(100), ".jsonl", "Parquet"),
        ('[{"name": "a"}]', ".jsonl", "JSON array"),
        ('[\n  {"name": "a"}\n]', ".jsonl", "JSON array"),
    ],
)
def test_file_of_another_format_is_named(
    refusal: Callable[..., str], content: str | bytes, suffix: str, reason: str
) -> None:
    assert reason in refusal(content, suffix)


def test_csv_quotes_are_parsed(read: Callable[..., list[Row]]) -> None:
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
def test_csv_without_a_valid_header_is_refused(refusal: Callable[..., str], header: str) -> None:
    assert len(refusal(f"{header}\na,{URL}\n")) < 600


def test_refused_header_is_redacted(refusal: Callable[..., str]) -> None:
    for line in (f"spring,{URL}?sig=s3cret", f"spring;{URL}?sig=s3cret", "spring,/1.jpg?sig=s3cret", "spring\t?s3cret"):
        assert "s3cret" not in refusal(line)
    assert "https://cdn.example.com/1.jpg" in refusal(f"spring,{URL}?sig=s3cret")


def test_refused_header_is_quoted(refusal: Callable[..., str]) -> None:
    assert "'Name, picture'" in refusal("Name,picture\n")


def test_header_alone_has_no_rows(read: Callable[..., list[Row]]) -> None:
    assert read(HEADER) == read(HEADER.strip()) == []


def test_csv_with_only_invalid_rows_is_a_manifest(read: Callable[..., list[Row]]) -> None:
    assert summarize(read(f"{HEADER}a\n")) == [(2, "a", "row_no_url")]


# JSON Lines.


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
        ('{"name": NaN, "big_picture_url": "https://h/1"}', "row_missing_name"),
        ('{"name": "a"}', "row_no_url"),
        ('{"name": "a\\nb", "big_picture_url": "https://h/1"}', "row_name"),
        ('{"name": "\\ud800", "big_picture_url": "https://h/1"}', "row_name"),
        ('{"name": "a", "big_picture_url": "https://h/\\udfff"}', "row_url"),
        ('{"name": "a", "big_picture_url": 1e999}', "row_url"),
        ('{"name": "a", "big_picture_url": ["https://h/1"]}', "row_url"),
    ],
)
def test_invalid_json_line_fails_one_row(read: Callable[..., list[Row]], line: str, code: str) -> None:
    good = json.dumps({"name": "x", "big_picture_url": URL})
    rows = read(f"{good}\n{line}\n{good}\n", ".jsonl")
    assert [(row.line, row.problem and row.problem.code) for row in rows] == [(1, None), (2, code), (3, None)]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('{"name": 7, "big_picture_url": "https://h/1"}', "7"),
        (
            '{"name": 123456789012345678901234567890, "big_picture_url": "https://h/1"}',
            "123456789012345678901234567890",
        ),
        ('{"name": "a", "name": "b", "big_picture_url": "https://h/1"}', "b"),
    ],
)
def test_json_names_become_text(read: Callable[..., list[Row]], line: str, name: str) -> None:
    assert summarize(read(line, ".jsonl")) == [(1, name, None)]


def test_json_with_only_invalid_lines_is_refused(refusal: Callable[..., str]) -> None:
    assert "line 1: " in refusal(f"{HEADER}a,{URL}", ".jsonl")
    assert "line 2: " in refusal("\n[]", ".jsonl")


# Files that are not manifests.


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_empty_file_is_refused(refusal: Callable[..., str], suffix: str) -> None:
    assert "it is empty" in refusal("", suffix)


@pytest.mark.parametrize("content", ["\n", "\ufeff", " \n\n"])
def test_csv_of_blank_lines_is_refused(refusal: Callable[..., str], content: str) -> None:
    assert "it has no header" in refusal(content)


@pytest.mark.parametrize("name", ["missing.csv", "folder.csv", "missing/night.jsonl"])
def test_missing_manifest_is_a_configuration_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError, match="Check the path"):
        next(read_manifest(resolve(tmp_path / name)))


@pytest.mark.parametrize("length", [MAX_LINE_BYTES - 1, MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 3 * MAX_LINE_BYTES])
def test_line_length_is_limited(read: Callable[..., list[Row]], length: int) -> None:
    line = f"a,{URL},".ljust(length - 1, "x")
    code = None if length <= MAX_LINE_BYTES else "row_too_long"
    rows = read(f"{HEADER.strip()},note\n{line}\nb,{URL},\n")
    assert [(row.line, row.problem and row.problem.code) for row in rows] == [(2, code), (3, None)]


@pytest.mark.parametrize("filling", [b"x", b" ", b"\xff"])
def test_long_line_is_one_failed_row(read: Callable[..., list[Row]], filling: bytes) -> None:
    good = json.dumps({"name": "b", "big_picture_url": URL}).encode()
    rows = read(codecs.BOM_UTF8 + filling * 200_000 + b"\n" + good + b"\n" + filling * 200_000, ".jsonl")
    assert summarize(rows) == [(1, "", "row_too_long"), (2, "b", None), (3, "", "row_too_long")]


def test_endless_line_uses_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    with path.open("wb") as file:
        file.write(f"{HEADER}a,{URL}\n".encode())
        file.truncate(200_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert summarize(list(read_manifest(path))) == [(2, "a", None), (3, "", "row_too_long")]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


# Any bytes.

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
def test_any_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, suffix: str
) -> None:
    content = end.join([HEADER.strip().encode(), *lines] if suffix == ".csv" else lines)
    try:
        found = list(read_manifest(manifest(tmp_path_factory.getbasetemp(), content, suffix)))
    except ConfigurationError:
        return
    empty_cells = {
        number
        for number, line in enumerate(content.decode(errors="replace").split("\n"), start=1)
        if suffix == ".csv" and not line.replace('"', "").replace(",", "").strip()
    }
    expected = [
        number
        for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1)
        if line.strip() and number not in empty_cells
    ]
    assert [row.line for row in found if row.line not in empty_cells] == expected[1 if suffix == ".csv" else 0 :]
    assert {row.problem.code for row in found if row.problem} <= set(ROW_CODES)


# Rows.

BIG, SMALL = "https://cdn.example.com/big.jpg", "https://cdn.example.com/small.png"


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "spring", "big_picture_url": BIG, "small_picture_url": SMALL} | changes


def code(found: Row) -> str | None:
    return found.problem and found.problem.code


def test_row_has_a_name_and_pictures() -> None:
    assert parse_row(7, entry(campaign="x")) == Row(7, "spring", {"big": BIG, "small": SMALL})


@pytest.mark.parametrize("nothing", [None, "", "  ", "None", "null", "NaN", "NaT", "<NA>", math.nan])
def test_row_needs_one_picture(nothing: str | float | None) -> None:
    assert parse_row(1, entry(small_picture_url=nothing)).pictures == {"big": BIG}
    assert parse_row(1, entry(big_picture_url=nothing)).pictures == {"small": SMALL}
    assert code(parse_row(1, entry(big_picture_url=nothing, small_picture_url=nothing))) == "row_no_url"


def test_row_values_are_stripped() -> None:
    assert parse_row(1, entry(name=" spring ", big_picture_url=f"\t{BIG} ")) == parse_row(1, entry())


@pytest.mark.parametrize(("name", "read"), [(12, "12"), (1.5, "1.5"), ("春天 🌸", "春天 🌸"), ("a,\"b'", "a,\"b'")])
def test_row_name_may_be_any_printable_text(name: object, read: str) -> None:
    assert (parse_row(1, entry(name=name)).name, code(parse_row(1, entry(name=name)))) == (read, None)


@pytest.mark.parametrize("name", [None, "", " ", "None", "null"])
def test_row_without_a_name_has_a_problem(name: str | None) -> None:
    assert (code(parse_row(1, entry(name=name))), parse_row(1, entry(name=name)).name) == ("row_missing_name", "")
    assert code(parse_row(1, {"big_picture_url": BIG})) == "row_missing_name"


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "\ufeffspring", "\ud800", "a\u202eb"])
def test_unprintable_name_is_removed(name: str) -> None:
    row = parse_row(1, entry(name=name))
    assert (code(row), row.name, row.pictures) == ("row_name", "", {})


def test_long_name_is_truncated() -> None:
    assert code(parse_row(1, entry(name="x" * MAX_NAME_CHARACTERS))) is None
    row = parse_row(1, entry(name="x" * (MAX_NAME_CHARACTERS + 1)))
    assert (code(row), row.name) == ("row_name", "x" * MAX_NAME_CHARACTERS)
    assert row.problem is not None
    assert "251 characters" in row.problem.message


@pytest.mark.parametrize(
    "url",
    [
        "cdn.example.com/big.jpg",
        "ftp://cdn.example.com/big.jpg",
        "https://user:pass-w0rd@cdn.example.com/big.jpg",
        "https:///big.jpg",
        "https://cdn.example.com/a b.jpg",
        "https://cdn.example.com/\ud800.jpg",
        "https://cdn.example.com/a\nb.jpg",
        "https://169.254.169.254/latest/meta-data",
        "https://cdn.example.com/" + "x" * 5_000,
        17,
        True,
        ["https://cdn.example.com/big.jpg"],
        {},
    ],
)
def test_invalid_url_is_a_problem(url: object) -> None:
    row = parse_row(3, entry(small_picture_url=url))
    assert (code(row), row.name, row.pictures) == ("row_url", "spring", {})
    assert row.problem is not None
    assert row.problem.message.startswith("small_picture_url: ")
    assert "pass-w0rd" not in row.problem.message


def test_private_address_is_left_to_the_check() -> None:
    assert code(parse_row(1, entry(big_picture_url="http://10.0.0.1/big.jpg"))) is None


@pytest.mark.parametrize("small", [BIG, f" {BIG}"])
def test_same_url_twice_is_a_problem(small: str) -> None:
    assert code(parse_row(1, entry(small_picture_url=small))) == "row_same_url"


@given(
    st.dictionaries(
        st.sampled_from(["name", "big_picture_url", "small_picture_url", "more"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([BIG, SMALL]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        ),
    )
)
def test_any_entry_is_a_writable_row(entry: dict[str, Any]) -> None:
    row = parse_row(1, entry)
    assert (row.problem is None) == bool(row.pictures)
    assert row.name.isprintable()
    assert len(row.name) <= MAX_NAME_CHARACTERS
    texts = [row.name, *row.pictures.values(), row.problem.message if row.problem else ""]
    assert "".join(texts).encode(sys.getdefaultencoding())


def test_list_entry_that_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Entry 2 of `pictures` is of type str"):
        list(parse_rows([entry(), "spring"]))  # type: ignore[list-item]
