"""A batch's rows as they are asked for: whose they are, which ones, and what is told where there are none."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

if not HAS_PAGES:
    pytest.skip("this Airflow has no such pages", allow_module_level=True)

from fastapi import FastAPI
from fastapi.testclient import TestClient

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.progress import Cause, ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import COLUMN_NAMES, RowResult, write_results
from airflow_provider_oppo_image.errors import StorageError
from airflow_provider_oppo_image.hooks.task_record import TaskRecord
from airflow_provider_oppo_image.net.redaction import REDACTED_QUERY
from airflow_provider_oppo_image.plugins import app, batch_routes, results_table
from airflow_provider_oppo_image.plugins.batch_page import RowPicture
from airflow_provider_oppo_image.plugins.results_table import ResultsTableCache
from airflow_provider_oppo_image.storage import StoragePath
from tests.plugins.conftest import Leave

if TYPE_CHECKING:
    from httpx import Response

EVIL = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
SECRET = "tr0ub4dor-and-3"


def uploaded(line: int, name: str = "") -> RowResult:
    url = f"https://cdn.example.com/{line}"
    return RowResult(
        line, name or f"c{line}", "uploaded", f"id_b{line}", f"id_s{line}", None, None, None, f"{url}.jpg", f"{url}.png"
    )


def failed(line: int, code: str = "wrong_dimensions", words: str = "876 x 324 px") -> RowResult:
    return RowResult(
        line, f"c{line}", "failed", None, None, code, words, "picture", f"https://cdn.example.com/{line}.jpg"
    )


ROWS = [
    uploaded(2, "Spring SALE"),
    failed(3),
    failed(4),
    failed(5, "51", "OPPO said no"),
    RowResult(6, "", "not tried"),
    RowResult(7, "known", "uploaded", "id_7"),
]


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> ResultsTableCache:
    """No results that another test looked at."""
    tables = ResultsTableCache()
    monkeypatch.setattr(batch_routes, "_TABLES", tables)
    return tables


def told(rows: list[RowResult], results: str | None) -> TaskRecord:
    tally = ResultCounter()
    for _ in tally.count(rows):
        pass
    return TaskRecord("batch", batch=tally.summary(results))


@pytest.fixture
def batch(leave: Leave, tmp_path: Path) -> Path:
    """The results of the batch that the task "batch" of "run 1" told of."""
    write_results(tmp_path / "night.results.csv", ROWS)
    leave("batch", told(ROWS, str(tmp_path / "night.results.csv")))
    return tmp_path / "night.results.csv"


def ask(client: TestClient, path: str = "/batch", language: str = "en", **query: Any) -> Response:
    asked = {"dag_id": "nightly", "run_id": "run 1", "task_id": "batch"} | query
    answer: Response = client.get(path, params=asked, headers={"Accept-Language": language})
    return answer


def page(client: TestClient, language: str = "en", **query: Any) -> str:
    answer = ask(client, language=language, **query)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def lines(shown: str) -> list[int]:
    return [int(line) for line in re.findall(r"<small>line (\d+)</small>", shown)]


def links(shown: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(r'href="(.+?)"', shown)]


def test_each_row_is_shown_with_its_end_its_cause_its_pictures_and_its_ids(vera: TestClient, batch: Path) -> None:
    shown = page(vera)
    assert lines(shown) == [2, 3, 4, 5, 6, 7]
    assert "Rows 1 to 6 of 6" in shown
    for text in ("Spring SALE", "Wrong dimensions", "876 x 324 px", "OPPO refused it", "OPPO said no", str(batch)):
        assert text in shown
    assert 'data-copy="id_b2" aria-label="Copy the id of the Big picture of Spring SALE"' in shown
    assert 'src="https://cdn.example.com/2.jpg"' in shown
    assert shown.count("<img ") == shown.count('loading="lazy" referrerpolicy="no-referrer"') == 5
    assert shown.count("Only its id is known") == 1


def test_it_is_chinese_for_a_chinese_browser(vera: TestClient, batch: Path) -> None:
    shown = page(vera, "zh-CN")
    assert '<html lang="zh-CN">' in shown
    assert "第 1 到 6 行，共 6 行" in shown
    assert "尺寸不对" in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "uploaded"}, [2, 7]),
        ({"state": "not tried"}, [6]),
        ({"state": ""}, [2, 3, 4, 5, 6, 7]),
        ({"cause": "picture:wrong_dimensions"}, [3, 4]),
        ({"cause": "service:wrong_dimensions"}, []),
        ({"cause": "picture:51", "state": "uploaded"}, [5]),
        ({"text": " spring "}, [2]),
        ({"text": "CDN.example.com/4"}, [4]),
        ({"text": "no", "cause": "picture:51"}, [5]),
        ({"text": "%"}, []),
    ],
)
def test_rows_are_filtered_and_what_is_saved_is_what_is_shown(
    vera: TestClient, batch: Path, query: dict[str, str], expected: list[int]
) -> None:
    assert lines(page(vera, **query)) == expected
    saved = ask(vera, "/batch/download", kind="jsonl", **query)
    assert [json.loads(line)["line"] for line in saved.text.splitlines()] == expected


def test_every_filter_that_a_page_links_to_is_one_and_the_page_says_which_is_on(vera: TestClient, batch: Path) -> None:
    found = {link: lines(page_at(vera, link)) for link in links(page(vera)) if link.startswith("?")}
    assert sorted(found.values()) == [[2, 3, 4, 5, 6, 7], [2, 7], [3, 4], [3, 4, 5], [5], [6]]
    shown = page(vera, state="failed", text="c")
    assert re.search(r'aria-current="true"><b class="no">3</b> failed', shown)
    assert shown.count("aria-current") == 1
    assert 'name="state" value="failed"' in shown
    assert 'name="text" value="c"' in shown
    assert '<option value="picture:51" selected>' in page(vera, cause="picture:51")
    assert lines(page_at(vera, next(link for link in links(shown) if link.endswith("map_index=-1&number=1")))) == [
        2, 3, 4, 5, 6, 7
    ]  # fmt: skip


def test_the_run_s_page_links_to_the_rows_of_each_state_and_cause(
    vera: TestClient, leave: Leave, batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "run_exists", lambda *_: True)
    leave("list", told(ROWS, None))
    shown = ask(vera, "/pictures", task_id="").text
    found = [lines(page_at(vera, link)) for link in links(shown) if link.startswith("batch")]
    assert found == [[2, 3, 4, 5, 6, 7], [2, 7], [3, 4, 5], [6], [3, 4], [5], [2, 3, 4, 5, 6, 7]]


def test_the_run_s_page_has_no_link_for_causes_that_are_not_told_apart(
    vera: TestClient, leave: Leave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "run_exists", lambda *_: True)
    causes = (Cause("picture", "other", 9, 2, "some"), Cause("picture", "51", 1, 3, "no"))
    leave("batch", TaskRecord("batch", batch=Summary(10, 0, 10, 0, causes, "/data/r.csv")))
    shown = ask(vera, "/pictures", task_id="").text
    assert "Other causes" in shown
    assert [link for link in links(shown) if "cause=" in link] == [
        "batch?dag_id=nightly&run_id=run+1&task_id=batch&map_index=-1&cause=picture%3A51&number=1"
    ]


def page_at(client: TestClient, link: str) -> str:
    answer = client.get(f"/batch{link}" if link.startswith("?") else f"/{link}")
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_pages_follow_each_other_and_keep_the_filter(vera: TestClient, leave: Leave, tmp_path: Path) -> None:
    rows = [uploaded(line) if line % 2 else failed(line) for line in range(1, 242)]
    write_results(tmp_path / "r.csv", rows)
    leave("batch", told(rows, str(tmp_path / "r.csv")))
    shown, seen = page(vera, state="uploaded"), []
    for first, last in ((1, 50), (51, 100), (101, 121)):
        assert f"Rows {first} to {last} of 121" in shown
        seen += lines(shown)
        after = re.search(r'href="([^"]+)" rel="next"', shown)
        assert bool(after) == (last < 121)
        shown = page_at(vera, after[1].replace("&amp;", "&")) if after else shown
    assert seen == list(range(1, 242, 2))
    assert re.search(r'number=2" rel="prev"', shown)
    for number, first in ((0, 1), (-9, 1), (3, 101), (10**30, 101)):
        assert f"Rows {first} to" in page(vera, state="uploaded", number=number)


@pytest.mark.parametrize(
    "query",
    [
        {"state": "gone"},
        {"cause": "nobody:51"},
        {"cause": "picture:"},
        {"cause": "51"},
        {"text": "x" * 201},
        {"number": "x"},
        {"kind": "exe"},
    ],
)
def test_what_is_no_filter_is_told(vera: TestClient, batch: Path, query: dict[str, Any]) -> None:
    answer = ask(vera, "/batch/download" if "kind" in query else "/batch", **query)
    assert (answer.status_code, "not complete" in answer.text) == (400, True)


# Whose they are.


@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
def test_nobody_sees_rows_without_a_login_or_the_right_to_the_dag(
    client: TestClient, leave: Leave, batch: Path, path: str
) -> None:
    leave("batch", told(ROWS, str(batch)), dag_id="secret")
    assert ask(client, path, kind="csv").status_code == 401


@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
def test_a_dag_that_the_user_may_not_read_is_refused(vera: TestClient, leave: Leave, batch: Path, path: str) -> None:
    leave("batch", told(ROWS, str(batch)), dag_id="secret")
    answer = ask(vera, path, kind="csv", dag_id="secret")
    assert (answer.status_code, "Spring" in answer.text) == (403, False)
    for first, second, status in (("secret", "nightly", 200), ("nightly", "secret", 403)):
        answer = vera.get(f"{path}?dag_id={first}&dag_id={second}&run_id=run+1&task_id=batch&kind=csv")
        assert answer.status_code == status


@pytest.mark.parametrize(
    "query", [{"run_id": "run 2"}, {"task_id": "other"}, {"map_index": "0"}, {"map_index": "9" * 50, "task_id": "x"}]
)
@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
def test_a_batch_is_reached_by_its_very_task_alone(
    vera: TestClient, batch: Path, path: str, query: dict[str, str]
) -> None:
    answer = ask(vera, path, kind="csv", **query)
    assert (answer.status_code, "told of no batch" in answer.text) == (404, True)
    assert "Spring" not in answer.text


def test_no_path_of_an_address_is_opened(vera: TestClient, batch: Path, leave: Leave) -> None:
    leave("empty", TaskRecord("batch"))
    for name in ("results", "path", "batch", "file"):
        assert ask(vera, task_id="empty", **{name: str(batch)}).status_code == 404


def test_each_mapped_task_shows_its_own_rows(vera: TestClient, leave: Leave, tmp_path: Path) -> None:
    for index in range(2):
        path = tmp_path / f"{index}.csv"
        write_results(path, [uploaded(index + 10)])
        leave("batch", told([uploaded(index + 10)], str(path)), map_index=index)
    assert lines(page(vera, map_index="0")) == [10]
    assert lines(page(vera, map_index="1")) == [11]


# What is told where there are no rows.


@pytest.mark.parametrize("record", [TaskRecord("upload"), {"step": "dance"}, told(ROWS, None)])
def test_a_task_without_results_says_so(vera: TestClient, leave: Leave, record: object) -> None:
    leave("batch", record)
    for path in ("/batch", "/batch/download"):
        answer = ask(vera, path, kind="csv")
        assert answer.status_code == 404
        assert "no batch" in answer.text or "no file of results" in answer.text


def test_a_batch_of_no_rows_and_a_filter_that_none_matches_say_so(
    vera: TestClient, leave: Leave, tmp_path: Path
) -> None:
    write_results(tmp_path / "r.csv", [])
    leave("batch", told([], str(tmp_path / "r.csv")))
    assert "has no rows" in page(vera)
    write_results(tmp_path / "r.csv", ROWS)
    assert "No row matches" in page(vera, text="winter")


def remove(path: Path) -> None:
    path.unlink()


def begin(path: Path) -> None:
    path.unlink()
    Checkpoint(path).open("1" * 64)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def replace_by_passwords(path: Path) -> None:
    path.write_text(f"root:{SECRET}:0:0\n")


def append_passwords(path: Path) -> None:
    path.write_text(path.read_text() + f"password = {SECRET}\n")


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (remove, 404, "a place that both reach"),
        (begin, 409, "written when the batch ends"),
        (cut, 409, "the last line is incomplete"),
        (replace_by_passwords, 409, "the first line is not the header"),
        (append_passwords, 409, "line 8 is not a row of results"),
        (replace_by_a_folder, 409, "it is not a regular file"),
    ],
)
@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
def test_results_that_are_not_there_or_not_ours_are_told_in_words_and_nothing_of_them(
    vera: TestClient, batch: Path, change: Callable[[Path], None], status: int, words: str, path: str
) -> None:
    change(batch)
    answer = ask(vera, path, kind="csv")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Content-Disposition" not in answer.headers
    assert words in answer.text.replace("&#39;", "'")
    for nothing in (SECRET, "Spring", "Traceback", "Error"):
        assert nothing not in answer.text
    assert f'href="{"../" if path.count("/") > 1 else ""}static/page.css"' in answer.text


def test_what_is_told_finds_its_style_below_whatever_path_airflow_puts_the_page(vera: TestClient, batch: Path) -> None:
    airflow = FastAPI()
    airflow.mount("/oppo-image", vera.app)
    with TestClient(airflow) as client:
        for path in ("/batch", "/batch/download"):
            answer = ask(client, f"/oppo-image{path}", kind="csv", run_id="none")
            [style] = [link for link in links(answer.text) if link.endswith(".css")]
            assert client.get(str(answer.request.url.join(style))).headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize(
    "results",
    [
        "http://127.0.0.1:1/r.csv",
        "https://127.0.0.1:1/r.csv",
        "ftp://127.0.0.1:1/r.csv",
        "simplecache::http://127.0.0.1:1/r.csv",
        "/etc/passwd",
        "/data/a\nb.csv",
        f"gopher://{EVIL}/r.csv",
    ],
)
def test_a_place_that_is_no_storage_of_results_is_refused(vera: TestClient, leave: Leave, results: str) -> None:
    leave("batch", told(ROWS, results))
    answer = ask(vera)
    assert (answer.status_code, "cannot be displayed" in answer.text) == (409, True)
    assert "<img" not in answer.text


def test_a_storage_that_fails_is_told_in_words_and_in_the_log_why(
    vera: TestClient, batch: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: StoragePath) -> None:
        raise StorageError(f"Looking at s3://bucket/r.csv: {SECRET}")

    monkeypatch.setattr(results_table, "file_version", fail)
    answer = ask(vera)
    assert (answer.status_code, "cannot read the results" in answer.text) == (503, True)
    assert SECRET not in answer.text
    assert SECRET in caplog.text


def test_slow_storages_do_not_take_all_threads_of_airflow(
    vera: TestClient, batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(batch_routes.AT_ONCE):
        assert batch_routes._READ_SLOTS.acquire(blocking=False)
    try:
        answer = ask(vera)
    finally:
        batch_routes._READ_SLOTS.release(batch_routes.AT_ONCE)
    assert (answer.status_code, "in a moment" in answer.text) == (503, True)
    for _ in range(batch_routes.AT_ONCE + 1):  # a refused or a failed one gives its place back
        assert ask(vera).status_code == 200
    replace_by_passwords(batch)
    for _ in range(batch_routes.AT_ONCE + 1):
        assert ask(vera).status_code == 409


def test_results_that_another_run_wrote_over_are_said_to_be_others(vera: TestClient, batch: Path) -> None:
    assert "not quite the rows" not in page(vera)
    write_results(batch, ROWS[:2])
    shown = page(vera)
    assert "not quite the rows" in shown
    assert lines(shown) == [2, 3]


# What is in them.


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_names_errors_and_paths_are_text(vera: TestClient, leave: Leave, tmp_path: Path) -> None:
    row = RowResult(1, EVIL, "failed", EVIL, EVIL, EVIL, EVIL, "picture", "https://h/'onerror='a", 'https://h/"x<y>')
    write_results(tmp_path / "r.jsonl", [row])
    record = told([row], str(tmp_path / "r.jsonl"))
    leave("<b>batch</b>", record)
    for query in ({}, {"cause": f"picture:{EVIL}"}, {"text": '"><img'}):
        shown = page(vera, task_id="<b>batch</b>", **query)
        assert lines(shown) == [1]
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
        assert shown.count("<script") == 1
        assert shown.count("<img ") == 2
        assert "<b>batch" not in shown
        assert 'src="https://h/&#34;x&lt;y&gt;"' in shown
        assert 'src="https://h/&#39;onerror=&#39;a"' in shown
    assert " style=" not in shown
    assert "<style" not in shown


@pytest.mark.parametrize(
    ("picture_id", "url", "hole"),
    [(None, None, "hole_none"), ("id_1", None, "hole_id"), ("id_1", f"https://h/a.png{REDACTED_QUERY}", "hole_signed")],
)
def test_a_picture_that_no_browser_finds_is_a_hole_that_says_why(
    picture_id: str | None, url: str | None, hole: str
) -> None:
    picture = RowPicture("big", picture_id, url)
    assert (picture.address, picture.hole) == ("", hole)


def test_the_cause_that_stands_for_many_is_no_link(vera: TestClient, leave: Leave, tmp_path: Path) -> None:
    rows = [failed(line, code=f"code_{line}") for line in range(1, 1_011)]
    write_results(tmp_path / "r.csv", rows)
    leave("batch", told(rows, str(tmp_path / "r.csv")))
    shown = page(vera)
    assert "picture%3Acode_1&" in shown
    assert 'value="picture:code_1"' in shown
    assert "picture:other" not in shown
    assert "picture%3Aother" not in shown


@pytest.mark.parametrize(("kind", "media_type"), [("csv", "text/csv"), ("jsonl", "application/x-ndjson")])
def test_a_download_is_a_file_to_save(vera: TestClient, batch: Path, kind: str, media_type: str) -> None:
    saved = ask(vera, "/batch/download", kind=kind)
    assert saved.status_code == 200
    assert saved.headers["Content-Disposition"] == f'attachment; filename="night.results.{kind}"'
    assert saved.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    assert saved.headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in saved.headers
    text = saved.content.decode("utf-8-sig")
    found = (
        list(csv.DictReader(io.StringIO(text))) if kind == "csv" else [json.loads(line) for line in text.splitlines()]
    )
    assert [str(row["line"]) for row in found] == ["2", "3", "4", "5", "6", "7"]
    assert list(found[0]) == list(COLUMN_NAMES)


def test_a_download_runs_nothing_in_a_spreadsheet(vera: TestClient, batch: Path) -> None:
    write_results(batch, [replace(ROWS[0], name='=HYPERLINK("https://evil.example")')])
    [row] = csv_rows(ask(vera, "/batch/download", kind="csv").content.decode("utf-8-sig"))
    assert row["name"] == '\'=HYPERLINK("https://evil.example")'


def test_the_links_of_a_page_save_what_it_shows(vera: TestClient, batch: Path) -> None:
    saving = [link for link in links(page(vera, state="failed", text="876")) if link.startswith("batch/download")]
    assert [link.rpartition("=")[2] for link in saving] == ["csv", "jsonl"]
    saved = vera.get(f"/{saving[1]}")
    assert [json.loads(line)["line"] for line in saved.text.splitlines()] == [3, 4]


def test_many_rows_are_read_once_for_all_pages(
    vera: TestClient, leave: Leave, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 100_000
    write_results(
        tmp_path / "r.csv", (RowResult(line, f"c{line}", "uploaded", f"i{line}") for line in range(1, rows + 1))
    )
    leave("batch", TaskRecord("batch", batch=Summary(rows, rows, 0, 0, (), str(tmp_path / "r.csv"))))
    read = []
    read_untrusted_results = results_table.read_untrusted_results

    def counted(place: StoragePath) -> Any:
        for row in read_untrusted_results(place):
            read.append(row.line)
            yield row

    monkeypatch.setattr(results_table, "read_untrusted_results", counted)
    assert "Rows 1 to 50 of 100,000" in page(vera)
    assert lines(page(vera, number=2_000)) == list(range(99_951, 100_001))
    assert lines(page(vera, text="c77777")) == [77_777]
    assert ask(vera, "/batch/download", kind="jsonl", text="c7777").text.count("\n") == 11
    assert len(read) == rows


def test_results_in_object_storage_are_shown_as_others_are(
    vera: TestClient, leave: Leave, at: Callable[[str], StoragePath]
) -> None:
    write_results(at("r.jsonl"), ROWS)
    leave("batch", told(ROWS, str(at("r.jsonl"))))
    assert lines(page(vera)) == [2, 3, 4, 5, 6, 7]
