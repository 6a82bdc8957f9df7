from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

try:
    from airflow.sdk import ObjectStoragePath
except ImportError:  # Airflow 2
    from airflow.io.path import ObjectStoragePath

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import (
    COLUMN_NAMES,
    MAX_VALUE_CHARACTERS,
    Origin,
    Outcome,
    RowResult,
    build_result,
)
from airflow_provider_oppo_image.errors import StorageError
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.plugins import results_reader
from airflow_provider_oppo_image.plugins.results_reader import (
    SCHEMES,
    ResultsNotFoundError,
    ResultsPendingError,
    ResultsRefusedError,
    file_version,
    read_untrusted_results,
    resolve_results,
)
from airflow_provider_oppo_image.plugins.results_table import load_table
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, resolve
from tests.support.leaks import dump_error, traceback_with_locals
from tests.support.object_store import ObjectStore
from tests.support.result_strategies import FIRST_VERSION, lists_of_results

RESULTS = [
    RowResult(2, "春天, spring", "uploaded", "id_1", None, None, None, None, "https://h/1.png", "http://h:80"),
    RowResult(4, "", "failed", None, "id_3", "51", 'OPPO said "no"', "picture", None, "https://h/春.png"),
    RowResult(999_999_999_999, "autumn", "not tried"),
]


def read(path: StoragePath) -> list[RowResult]:
    return list(read_untrusted_results(path))


@pytest.mark.parametrize("name", ["r.csv", "r.CSV", "r.jsonl", "r.ndjson"])
@pytest.mark.parametrize("results", [RESULTS, []])
def test_reader_reads_what_a_batch_writes(
    at: Callable[[str], StoragePath], name: str, results: list[RowResult]
) -> None:
    write_results(at(name), results)
    file_version(at(name))
    assert read(at(name)) == results


@pytest.mark.parametrize("name", FIRST_VERSION)
def test_reader_reads_the_first_version(tmp_path: Path, name: str) -> None:
    text, results = FIRST_VERSION[name]
    (tmp_path / name).write_text(text)
    assert read(tmp_path / name) == results


def test_reader_ignores_appended_columns(tmp_path: Path) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    header, *lines = (tmp_path / "r.csv").read_text().splitlines()
    appended = [f"{header},note,x2", *(f"{line},a,b" for line in lines)]
    (tmp_path / "r.csv").write_text("".join(f"{line}\n" for line in appended))
    write_json(tmp_path / "r.jsonl", *(result.to_dict() | {"note": {"a": [1]}, "x2": None} for result in RESULTS))
    assert read(tmp_path / "r.csv") == read(tmp_path / "r.jsonl") == RESULTS


@given(results=lists_of_results(last_line=10**12 - 1), name=st.sampled_from(["r.csv", "r.jsonl"]))
def test_reader_reads_any_results(
    tmp_path_factory: pytest.TempPathFactory, results: list[RowResult], name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    write_results(path, results)
    assert read(path) == results


HOSTS = ["cdn.example.com", "CDN.example.com:8080", "93.184.215.14", "[2606:2800:21f::1]", "例子.example"]


@given(
    scheme=st.sampled_from(["https", "HTTP"]),
    host=st.sampled_from(HOSTS),
    rest=st.text("/?#&=:;%@.,\\é春 a") | st.text(),
)
def test_reader_reads_any_url_of_a_row(
    tmp_path_factory: pytest.TempPathFactory, scheme: str, host: str, rest: str
) -> None:
    url = f"{scheme}://{host}{rest}".strip()
    if PictureUrl.parse(url).error:
        return
    path = tmp_path_factory.getbasetemp() / "urls.csv"
    row = build_result(1, "a", {"big": url}, {"big": Outcome(1, "id")})
    write_results(path, [row])
    assert read(path) == [row]


# The version of a file.


def test_file_version_changes_when_the_file_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    write_results(path, RESULTS)
    first = file_version(path)
    assert file_version(path) == first
    write_results(path, [*RESULTS[:2], replace(RESULTS[2], name="winter")])
    assert file_version(path) != first


def test_file_version_contains_the_etag_of_an_object(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    path, info = resolve("s3://stub@bucket/r.csv"), {"size": 9, "type": "file", "ETag": "a"}
    monkeypatch.setattr(store, "info", lambda *_: dict(info))
    first = file_version(path)
    assert file_version(path) == first
    info["ETag"] = "b"
    assert file_version(path) != first


def test_file_version_raises_for_missing_results(at: Callable[[str], StoragePath]) -> None:
    with pytest.raises(ResultsNotFoundError, match=r"r\.csv") as not_found:
        file_version(at("r.csv"))
    with Checkpoint(at("r.csv"), Origin("1" * 64, "")) as checkpoint:
        checkpoint.open(1)
    with pytest.raises(ResultsPendingError, match=r"r\.csv") as pending:
        file_version(at("r.csv"))
    assert not not_found.value.permanent
    assert not pending.value.permanent


@pytest.mark.parametrize("name", ["passwd", "r.txt", "r.csv.gz", "r.csv.parts", "airflow.cfg", ".csv"])
def test_file_version_refuses_other_names(tmp_path: Path, name: str) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    (tmp_path / "r.csv").rename(tmp_path / name)
    with pytest.raises(ResultsRefusedError, match=r"\.csv, \.jsonl, \.ndjson"):
        file_version(tmp_path / name)


def test_links_to_results_are_followed(tmp_path: Path) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    (tmp_path / "latest.csv").symlink_to(tmp_path / "r.csv")
    assert file_version(tmp_path / "latest.csv") == file_version(tmp_path / "r.csv")
    assert read(tmp_path / "latest.csv") == RESULTS


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [make_fifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("as_path", [Path, lambda path: ObjectStoragePath(f"file://{path}")])
def test_file_version_refuses_other_file_types(
    tmp_path: Path, make: Callable[[Path], Any], as_path: Callable[[Path], StoragePath]
) -> None:
    make(tmp_path / "r.csv")
    with pytest.raises(ResultsRefusedError, match="regular file"):
        file_version(as_path(tmp_path / "r.csv"))


# Limits.


def test_reader_does_not_wait_for_a_named_pipe(tmp_path: Path) -> None:
    make_fifo(tmp_path / "r.csv")
    with pytest.raises(ResultsRefusedError, match="regular file"):
        read(tmp_path / "r.csv")


def test_file_version_limits_the_size(tmp_path: Path) -> None:
    with (tmp_path / "r.csv").open("wb") as file:
        file.truncate(results_reader.MAX_FILE_BYTES)
    file_version(tmp_path / "r.csv")
    with (tmp_path / "r.csv").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ResultsRefusedError, match="200,000,001 bytes"):
        file_version(tmp_path / "r.csv")


def test_reader_limits_the_bytes_read(at: Callable[[str], StoragePath], monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(at("r.csv"), RESULTS)
    size = len(at("r.csv").read_bytes())
    monkeypatch.setattr(results_reader, "MAX_FILE_BYTES", size)
    assert read(at("r.csv")) == RESULTS
    monkeypatch.setattr(results_reader, "MAX_FILE_BYTES", size - 1)
    with pytest.raises(ResultsRefusedError, match=r"more than \d+ bytes"):
        read(at("r.csv"))


def test_reader_limits_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    monkeypatch.setattr(results_reader, "MAX_ROWS", 3)
    assert read(tmp_path / "r.csv") == RESULTS
    monkeypatch.setattr(results_reader, "MAX_ROWS", 2)
    with pytest.raises(ResultsRefusedError, match="more than 2 rows"):
        read(tmp_path / "r.csv")


def test_reader_limits_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path / "r.csv", RESULTS)
    monkeypatch.setattr(results_reader, "MAX_READ_S", -1)
    with pytest.raises(StorageError, match="-1 seconds") as raised:
        read(tmp_path / "r.csv")
    assert not raised.value.permanent


def test_reader_limits_the_length_of_a_line(tmp_path: Path) -> None:
    longest = "春" * MAX_VALUE_CHARACTERS
    row = RowResult(1, longest, "uploaded", longest, "x" * MAX_VALUE_CHARACTERS)
    write_results(tmp_path / "r.csv", [row])
    remaining = results_reader.MAX_ROW_BYTES - len((tmp_path / "r.csv").read_bytes().splitlines(keepends=True)[1])
    row = replace(row, error="x" * remaining)
    write_results(tmp_path / "r.csv", [row])
    assert read(tmp_path / "r.csv") == [row]
    write_results(tmp_path / "r.csv", [replace(row, error_code="x")])
    with pytest.raises(ResultsRefusedError, match="65,536 in one line"):
        read(tmp_path / "r.csv")


def test_reader_limits_the_length_of_a_value(tmp_path: Path) -> None:
    write_results(tmp_path / "r.csv", [RowResult(1, "春" * 8_192, "uploaded")])
    assert len(read(tmp_path / "r.csv")) == 1
    write_results(tmp_path / "r.csv", [RowResult(1, "x" * 8_193, "uploaded")])
    with pytest.raises(ResultsRefusedError, match="line 2 "):
        read(tmp_path / "r.csv")


# Files that are not results.

SECRET = "tr0ub4dor-and-3"
HEADER = ",".join(COLUMN_NAMES) + "\n"
ROW = RowResult(1, "a", "uploaded", "id_1", None, None, None, None, "https://h/a.png").to_dict()
GOOD = json.dumps(ROW) + "\n"


def csv_row(**values: str) -> str:
    row = {key: value or "" for key, value in ROW.items()} | values
    return ",".join(map(str, row.values())) + "\n"


def write_json(path: Path, *rows: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def json_row(**values: Any) -> str:
    return json.dumps(ROW | values) + "\n"


NUMBERS = ["", "-1", "0", "1.0", "1e3", "0x10", "1_000", " 1", "+1", "१", "²", "nan", SECRET, "1" * 13, "9" * 5_000]
URLS = [
    f"javascript:{SECRET}",
    f"data:text/html,{SECRET}",
    f"//h/{SECRET}",
    f"/{SECRET}",
    f"ftp://h/{SECRET}",
    f"https:///{SECRET}",
    f"https://h/a.png?{SECRET}",
    f"https://h?{SECRET}",
    f"https://h/a.png#{SECRET}",
    f"https://user:{SECRET}@h/a.png",
    f"https://h\\{SECRET}",
    f"https://h/\u200b{SECRET}",
    f" https://h/{SECRET}",
]

CSV = {
    "nothing": "",
    "passwords": f"root:{SECRET}:0:0::/root:/bin/sh\n",
    "settings": f"[database]\nsql_alchemy_conn = postgresql://airflow:{SECRET}@db/airflow\n",
    "a manifest": f"name,big_picture_url\na,https://h/a.png?{SECRET}\n",
    "another header": HEADER.replace("error", SECRET),
    "an appended column that is not a column name": HEADER.replace("\n", f",{SECRET}\n") + csv_row(),
    "an appended column without its values": HEADER.replace("\n", ",note\n") + csv_row(name=SECRET),
    "an appended column to an older version": FIRST_VERSION["r.csv"][0].replace("\n", f",note\n{SECRET}\n", 1),
    "one column less": f"{HEADER.rpartition(',')[0]}\n{SECRET}\n",
    "columns in another order": ",".join(COLUMN_NAMES[::-1]) + f"\n{SECRET}\n",
    "a header in quotes": ",".join(f'"{column}"' for column in COLUMN_NAMES) + f"\n{SECRET}\n",
    "a byte order mark": "\ufeff" + HEADER + csv_row(name=SECRET),
    "carriage returns": HEADER.replace("\n", "\r\n") + csv_row(name=SECRET),
    "a million columns": "," * 1_000_000 + SECRET + "\n",
    "a row of too many columns": HEADER + "," * 60_000 + SECRET + "\n",
    "a row of a million columns": HEADER + "," * 1_000_000 + SECRET + "\n",
    "a row of few columns": HEADER + f"1,{SECRET},uploaded\n",
    "a blank line": HEADER + "\n" + SECRET,
    "another text after the header": HEADER + csv_row() + f"{SECRET}\n",
    "a quote that is never closed": HEADER + f'1,"{SECRET}\n' + csv_row() * 1_000,
    "a line break in quotes": HEADER + csv_row(name=f'"{SECRET}\nb"'),
    "text after a quote": HEADER + csv_row(name=f'"a" {SECRET}'),
    "a bomb of quotes": HEADER + '"' * 60_001 + SECRET + "\n",
    "a line that never ends": HEADER + SECRET * 100_000,
    "a last line that is cut": HEADER + csv_row(name=SECRET)[:-1],
    "zeros": HEADER + csv_row(name=f"a\0{SECRET}"),
    "zeros in an id": HEADER + csv_row(big_picture_id=f"a\0{SECRET}"),
    "a name that is too long": HEADER + csv_row(name=SECRET * 700),
    "an error that is too long": HEADER + csv_row(error=SECRET * 700),
    "another state": HEADER + csv_row(state=SECRET),
    "another fault": HEADER + csv_row(fault=SECRET),
    **{f"the number {number[:20]!r}": HEADER + csv_row(line=number, name=SECRET) for number in NUMBERS},
    **{f"the URL {url}": HEADER + csv_row(small_picture_url=url) for url in URLS},
}
JSON = {
    "settings": json.dumps({"password": SECRET}) + "\n",
    "an array": json.dumps([*ROW.values(), SECRET]) + "\n",
    "text": json.dumps(SECRET) + "\n",
    "a number": "1\n",
    "no JSON": f"password = {SECRET}\n",
    "no JSON after a row": GOOD + f"password = {SECRET}\n",
    "a blank line": GOOD + "\n" + json_row(name=SECRET),
    "an appended key that is not a column name": json_row(**{SECRET: SECRET}),
    "a key between the others": json.dumps({"password": SECRET} | ROW) + "\n",
    "one key less": json.dumps(dict.fromkeys(COLUMN_NAMES[:-1], SECRET)) + "\n",
    "keys in another order": json.dumps(dict(reversed(ROW.items())) | {"name": SECRET}) + "\n",
    "two ids in each other's place": GOOD.replace("small_picture_id", "x")
    .replace("big_picture_id", "small_picture_id")
    .replace('"x": null', f'"big_picture_id": "{SECRET}"'),
    "objects in objects": json_row(error={"password": SECRET}),
    "a deep array": GOOD + "[" * 60_000 + "\n",
    "no text for a name": json_row(name=None, error=SECRET),
    "a number for an id": json_row(big_picture_id=1, name=SECRET),
    "a list for a fault": json_row(fault=[SECRET]),
    "a list for a state": json_row(state=[SECRET]),
    "a list for a URL": json_row(big_picture_url=[SECRET]),
    "half of a character": json_row(name=f"\ud83d{SECRET}"),
    "half of a character in an error": json_row(error=f"\udc00{SECRET}"),
    "zeros that are spelled": json_row(name=f"{SECRET}\0"),
    "a last line that is cut": GOOD + json_row(name=SECRET)[:-1],
    **{
        f"the number {number!r}"[:40]: json_row(line=number, name=SECRET)
        for number in (None, True, 0, -1, 1.0, 1e300, float("nan"), float("inf"), "1", [1], 10**12, 10**4_000)
    },
    "a number of too many digits": GOOD.replace('"line": 1', '"line": ' + "9" * 5_000).replace('"a"', f'"{SECRET}"'),
    **{f"the URL {url}": json_row(big_picture_url=url) for url in URLS},
}
BINARY = {
    "no UTF-8": HEADER.encode() + csv_row(name=SECRET).encode() + b"\xff\xfe\n",
    "UTF-16": (HEADER + csv_row(name=SECRET)).encode("utf-16"),
    "GB 18030": (HEADER + csv_row(name=f"春天{SECRET}")).encode("gb18030"),
    "a program": b"\x7fELF\x02\x01\x01" + bytes(64) + SECRET.encode() + b"\n",
    "a surrogate in UTF-8": (HEADER + csv_row(name=f"\ud83d{SECRET}")).encode(errors="surrogatepass"),
}
CONTENTS = [
    *(("r.csv", what, text.encode()) for what, text in CSV.items()),
    *(("r.jsonl", what, text.encode()) for what, text in JSON.items()),
    *((name, what, content) for what, content in BINARY.items() for name in ("r.csv", "r.jsonl")),
    *(("r.jsonl", f"as JSON: {what}", text.encode()) for what, text in CSV.items() if text),
]


@pytest.mark.parametrize(("name", "what", "content"), CONTENTS, ids=[f"{name}, {what}" for name, what, _ in CONTENTS])
def test_reader_refuses_other_content(tmp_path: Path, name: str, what: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ResultsRefusedError, match=name) as raised:
        load_table(tmp_path / name)
    assert raised.value.permanent
    assert raised.value.__context__ is raised.value.__cause__ is None
    assert SECRET not in dump_error(raised.value) + traceback_with_locals(raised.value)


def test_reader_accepts_the_rows_of_these_tests(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEADER + csv_row())
    (tmp_path / "r.jsonl").write_text(GOOD + json_row())
    assert (len(read(tmp_path / "r.csv")), len(read(tmp_path / "r.jsonl"))) == (1, 2)


def test_reader_names_the_first_invalid_line(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEADER + csv_row() * 1_200 + SECRET + "\n")
    (tmp_path / "r.jsonl").write_text(GOOD * 3 + "{}\n")
    with pytest.raises(ResultsRefusedError, match="line 1,202 "):
        read(tmp_path / "r.csv")
    with pytest.raises(ResultsRefusedError, match="line 4 "):
        read(tmp_path / "r.jsonl")


@pytest.mark.parametrize("file", ["/proc/self/environ", "/proc/self/maps", "/sys/kernel/uevent_seqnum"])
@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_reader_refuses_kernel_files(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / name).symlink_to(file)
    with pytest.raises(ResultsRefusedError):
        read(tmp_path / name)


def test_reader_refuses_an_object_with_other_content(at: Callable[[str], StoragePath]) -> None:
    with atomic_write(at("r.csv")) as file:
        file.write(f"root:{SECRET}\n".encode())
    with pytest.raises(ResultsRefusedError) as raised:
        load_table(at("r.csv"))
    assert SECRET not in dump_error(raised.value) + traceback_with_locals(raised.value)


@pytest.mark.parametrize(
    "path",
    [
        "http://127.0.0.1:1/r.csv",
        "HTTPS://127.0.0.1:1/r.csv",
        "ftp://127.0.0.1:1/r.csv",
        "sftp://user@127.0.0.1/r.csv",
        "gopher://localhost:6379/r.csv",
        "local:///data/r.csv",
        "memory://r.csv",
        "simplecache::http://127.0.0.1:1/r.csv",
        "simplecache::s3://bucket/r.csv",
        "file::http://127.0.0.1:1/r.csv",
        "s3://bucket/r.csv::http://127.0.0.1:1/r.csv",
        "://r.csv",
        "/data/a\nb.csv",
        "/data/\0.csv",
    ],
)
def test_resolve_results_refuses_other_storage(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    resolved: list[str] = []
    monkeypatch.setattr(results_reader, "resolve", resolved.append)
    with pytest.raises(ResultsRefusedError):
        resolve_results(path)
    assert resolved == []


@pytest.mark.parametrize(
    "path", ["/data/夜.csv", "r.csv", "file:///data/r.csv", *(f"{scheme}://c@b/r.csv" for scheme in SCHEMES)]
)
def test_resolve_results_accepts_paths_and_object_storage(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(results_reader, "resolve", lambda path: path)
    assert resolve_results(path) == path
