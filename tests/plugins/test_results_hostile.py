"""What lies where a task says its results are may be anything that Airflow's API server can read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.batch.results import COLUMNS, RowResult
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.plugins import results_file
from airflow_provider_oppo_image.plugins.results_cache import ResultsTables
from airflow_provider_oppo_image.plugins.results_file import SCHEMES, NotShownError, results_at
from airflow_provider_oppo_image.storage import StoragePath, atomic_write
from tests.support.leaks import dump_error, traceback_with_locals

SECRET = "tr0ub4dor-and-3"
HEADER = ",".join(COLUMNS) + "\n"
ROW = RowResult(1, "a", "uploaded", "id_1", None, None, None, None, "https://h/a.png").to_dict()
GOOD = json.dumps(ROW) + "\n"


def csv_row(**values: str) -> str:
    row = {key: value or "" for key, value in ROW.items()} | values
    return ",".join(map(str, row.values())) + "\n"


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
    "one column more": HEADER.replace("\n", f",{SECRET}\n") + csv_row(),
    "one column less": f"{HEADER.rpartition(',')[0]}\n{SECRET}\n",
    "columns in another order": ",".join(COLUMNS[::-1]) + f"\n{SECRET}\n",
    "a header in quotes": ",".join(f'"{column}"' for column in COLUMNS) + f"\n{SECRET}\n",
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
    "one key more": json_row(password=SECRET),
    "one key less": json.dumps(dict.fromkeys(COLUMNS[:-1], SECRET)) + "\n",
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
def test_whatever_else_lies_there_is_refused_and_nothing_of_it_told(
    tmp_path: Path, name: str, what: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"{name} is not shown: it.* Results are shown as") as raised:
        ResultsTables().get(str(tmp_path / name))
    assert raised.value.permanent
    assert raised.value.__context__ is raised.value.__cause__ is None
    assert SECRET not in dump_error(raised.value) + traceback_with_locals(raised.value)


def test_the_rows_that_these_are_made_of_are_good(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEADER + csv_row())
    (tmp_path / "r.jsonl").write_text(GOOD + json_row())
    assert ResultsTables().get(str(tmp_path / "r.csv")).summary.rows == 1
    assert ResultsTables().get(str(tmp_path / "r.jsonl")).summary.rows == 2


def test_the_first_wrong_line_is_told_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEADER + csv_row() * 1_200 + SECRET + "\n")
    (tmp_path / "r.jsonl").write_text(GOOD * 3 + "{}\n")
    with pytest.raises(ConfigurationError, match="its line 1,202 is no row of results"):
        ResultsTables().get(str(tmp_path / "r.csv"))
    with pytest.raises(ConfigurationError, match="its line 4 is no row of results"):
        ResultsTables().get(str(tmp_path / "r.jsonl"))


@pytest.mark.parametrize("file", ["/proc/self/environ", "/proc/self/maps", "/sys/kernel/uevent_seqnum"])
@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_files_of_the_kernel_are_read_as_any_other(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / name).symlink_to(file)
    with pytest.raises(ConfigurationError, match="is not shown: it"):
        ResultsTables().get(str(tmp_path / name))


def test_an_object_is_treated_as_a_file_is(at: Callable[[str], StoragePath]) -> None:
    with atomic_write(at("r.csv")) as file:
        file.write(f"root:{SECRET}\n".encode())
    with pytest.raises(ConfigurationError, match="its first line does not name") as raised:
        ResultsTables().get(str(at("r.csv")))
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
def test_what_is_neither_a_path_nor_object_storage_is_refused_even_where_airflow_reaches_it(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    reached: list[str] = []
    monkeypatch.setattr(results_file, "resolve", reached.append)
    with pytest.raises(NotShownError, match="is not shown: it"):
        ResultsTables().get(path)
    assert reached == []


@pytest.mark.parametrize(
    "path", ["/data/夜.csv", "r.csv", "file:///data/r.csv", *(f"{s}://c@b/r.csv" for s in SCHEMES)]
)
def test_a_path_and_object_storage_are_looked_at(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(results_file, "resolve", lambda path: path)
    assert results_at(path) == path
