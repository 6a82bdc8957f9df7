"""The page of a batch's rows: access, filters, errors, escaping, and downloads."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

if not HAS_PAGES:
    pytest.skip("this Airflow has no such pages", allow_module_level=True)

from fastapi import FastAPI
from fastapi.testclient import TestClient

from airflow_provider_oppo_image.batch.checkpoint import checkpoint_folder
from airflow_provider_oppo_image.batch.progress import Cause, ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import write_results
from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES, RowResult, task_name
from airflow_provider_oppo_image.errors import StorageError
from airflow_provider_oppo_image.hooks.task_record import TaskRecord
from airflow_provider_oppo_image.net.redaction import REDACTED_QUERY
from airflow_provider_oppo_image.plugins import batch_page, pictures_page, results_table
from airflow_provider_oppo_image.plugins.batch_page import RowPicture
from airflow_provider_oppo_image.plugins.results_table import ResultsTableCache
from airflow_provider_oppo_image.storage import StoragePath
from tests.plugins.conftest import AddTask

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
    """An empty cache."""
    tables = ResultsTableCache()
    monkeypatch.setattr(batch_page, "_TABLES", tables)
    return tables


def batch_record(rows: list[RowResult], results: str | None) -> TaskRecord:
    tally = ResultCounter()
    for _ in tally.count(rows):
        pass
    return TaskRecord("batch", batch=tally.summary(results))


AddBatch = Callable[..., Path]


@pytest.fixture
def add_batch(add_task: AddTask, tmp_path: Path) -> AddBatch:
    """Write results, add the task that wrote them, and return their path."""

    def add(rows: list[RowResult], name: str = "night.results.csv", task_id: str = "batch", **task: Any) -> Path:
        write_results(tmp_path / name, rows)
        add_task(task_id, batch_record(rows, str(tmp_path / name)), **task)
        return tmp_path / name

    return add


@pytest.fixture
def batch(add_batch: AddBatch) -> Path:
    return add_batch(ROWS)


def get(client: TestClient, path: str = "/batch", language: str = "en", **query: Any) -> Response:
    params = {"dag_id": "nightly", "run_id": "run 1", "task_id": "batch"} | query
    response: Response = client.get(path, params=params, headers={"Accept-Language": language})
    return response


def page(client: TestClient, language: str = "en", **query: Any) -> str:
    response = get(client, language=language, **query)
    assert response.status_code == 200, response.text
    return str(response.text)


def lines(html: str) -> list[int]:
    return [int(line) for line in re.findall(r"<small>line (\d+)</small>", html)]


def links(html: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(r'href="(.+?)"', html)]


def test_rows_have_state_cause_pictures_and_ids(viewer: TestClient, batch: Path) -> None:
    html = page(viewer)
    assert lines(html) == [2, 3, 4, 5, 6, 7]
    assert "Rows 1 to 6 of 6" in html
    for text in ("Spring SALE", "Wrong dimensions", "876 x 324 px", "OPPO refused it", "OPPO said no", str(batch)):
        assert text in html
    assert 'data-copy="id_b2" aria-label="Copy the id of the Big picture of Spring SALE"' in html
    assert 'src="https://cdn.example.com/2.jpg"' in html
    assert html.count("<img ") == html.count('loading="lazy" referrerpolicy="no-referrer"') == 5
    assert html.count("Only its id is known") == 1


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
def test_filters_of_page_and_download(
    viewer: TestClient, batch: Path, query: dict[str, str], expected: list[int]
) -> None:
    assert lines(page(viewer, **query)) == expected
    saved = get(viewer, "/batch/download", kind="jsonl", **query)
    assert [json.loads(line)["line"] for line in saved.text.splitlines()] == expected


def test_filter_links_and_current_filter(viewer: TestClient, batch: Path) -> None:
    found = {link: lines(page_at(viewer, link)) for link in links(page(viewer)) if link.startswith("?")}
    assert sorted(found.values()) == [[2, 3, 4, 5, 6, 7], [2, 7], [3, 4], [3, 4, 5], [5], [6]]
    html = page(viewer, state="failed", text="c")
    assert re.search(r'aria-current="true"><b class="error">3</b> failed', html)
    assert html.count("aria-current") == 1
    assert 'name="state" value="failed"' in html
    assert 'name="text" value="c"' in html
    assert '<option value="picture:51" selected>' in page(viewer, cause="picture:51")
    assert lines(page_at(viewer, next(link for link in links(html) if link.endswith("map_index=-1&number=1")))) == [
        2, 3, 4, 5, 6, 7
    ]  # fmt: skip


def test_run_page_links_to_states_and_causes(
    viewer: TestClient, add_task: AddTask, batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures_page, "run_exists", lambda *_: True)
    add_task("list", batch_record(ROWS, None))
    html = get(viewer, "/pictures", task_id="").text
    found = [lines(page_at(viewer, link)) for link in links(html) if link.startswith("batch")]
    assert found == [[2, 3, 4, 5, 6, 7], [2, 7], [3, 4, 5], [6], [3, 4], [5], [2, 3, 4, 5, 6, 7]]


def test_run_page_has_no_link_for_other_causes(
    viewer: TestClient, add_task: AddTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures_page, "run_exists", lambda *_: True)
    causes = (Cause("picture", "other", 9, 2, "some"), Cause("picture", "51", 1, 3, "no"))
    add_task("batch", TaskRecord("batch", batch=Summary(10, 0, 10, 0, causes, "/data/r.csv")))
    html = get(viewer, "/pictures", task_id="").text
    assert "Other causes" in html
    assert [link for link in links(html) if "cause=" in link] == [
        "batch?dag_id=nightly&run_id=run+1&task_id=batch&map_index=-1&cause=picture%3A51&number=1"
    ]


def page_at(client: TestClient, link: str) -> str:
    response = client.get(f"/batch{link}" if link.startswith("?") else f"/{link}")
    assert response.status_code == 200, response.text
    return str(response.text)


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
def test_invalid_filter(viewer: TestClient, batch: Path, query: dict[str, Any]) -> None:
    response = get(viewer, "/batch/download" if "kind" in query else "/batch", **query)
    assert (response.status_code, "not complete" in response.text) == (400, True)


def test_pager_keeps_the_filter(viewer: TestClient, add_batch: AddBatch) -> None:
    add_batch([uploaded(line) if line % 2 else failed(line) for line in range(1, 242)])
    html, seen = page(viewer, state="uploaded"), []
    for first, last in ((1, 50), (51, 100), (101, 121)):
        assert f"Rows {first} to {last} of 121" in html
        seen += lines(html)
        following = re.search(r'href="([^"]+)" rel="next"', html)
        assert bool(following) == (last < 121)
        html = page_at(viewer, following[1].replace("&amp;", "&")) if following else html
    assert seen == list(range(1, 242, 2))
    assert re.search(r'number=2" rel="prev"', html)
    for number, first in ((0, 1), (-9, 1), (3, 101), (10**30, 101)):
        assert f"Rows {first} to" in page(viewer, state="uploaded", number=number)


def test_other_causes_have_no_link(viewer: TestClient, add_batch: AddBatch) -> None:
    add_batch([failed(line, code=f"code_{line}") for line in range(1, 1_011)])
    html = page(viewer)
    assert 'value="picture:code_1"' in html
    assert "picture%3Acode_1&" in html
    assert "picture:other" not in html
    assert "picture%3Aother" not in html


def test_page_without_rows(viewer: TestClient, add_batch: AddBatch) -> None:
    path = add_batch([])
    assert "has no rows" in page(viewer)
    write_results(path, ROWS)
    assert "No row matches" in page(viewer, text="winter")


def test_newer_results_are_reported(viewer: TestClient, batch: Path) -> None:
    assert "written again" not in page(viewer)
    write_results(batch, ROWS[:2])
    html = page(viewer)
    assert "written again" in html
    assert lines(html) == [2, 3]


# Access


@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
def test_rows_require_a_login(client: TestClient, batch: Path, path: str) -> None:
    assert get(client, path, kind="csv").status_code == 401


@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
@pytest.mark.parametrize(
    ("dag_id", "status"), [("secret", 403), (["secret", "nightly"], 200), (["nightly", "secret"], 403)]
)
def test_rows_require_permission_for_the_dag(
    viewer: TestClient, add_batch: AddBatch, path: str, dag_id: Any, status: int
) -> None:
    for existing in ("nightly", "secret"):
        add_batch(ROWS, dag_id=existing)
    response = get(viewer, path, kind="csv", dag_id=dag_id)
    assert (response.status_code, "Spring" in response.text) == (status, status == 200)


@pytest.mark.parametrize(
    "query", [{"run_id": "run 2"}, {"task_id": "other"}, {"map_index": "0"}, {"map_index": "9" * 50, "task_id": "x"}]
)
@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
def test_rows_of_another_task(viewer: TestClient, batch: Path, path: str, query: dict[str, str]) -> None:
    response = get(viewer, path, kind="csv", **query)
    assert (response.status_code, "not recorded a batch" in response.text) == (404, True)
    assert "Spring" not in response.text


def test_paths_in_an_address_are_ignored(viewer: TestClient, batch: Path, add_task: AddTask) -> None:
    add_task("empty", TaskRecord("batch"))
    for name in ("results", "path", "batch", "file"):
        assert get(viewer, task_id="empty", **{name: str(batch)}).status_code == 404


def test_rows_that_name_the_task_need_no_rendered_fields(viewer: TestClient, add_batch: AddBatch) -> None:
    named = dataclasses.replace(uploaded(2), task=task_name("nightly", "run 1", "batch", -1))
    path = add_batch([named], rendered={})
    assert lines(page(viewer)) == [2]
    write_results(path, [named, uploaded(3)])
    assert "nothing shows that this task wrote it" in get(viewer).text


def test_rows_of_mapped_tasks(viewer: TestClient, add_batch: AddBatch) -> None:
    for index in range(2):
        add_batch([uploaded(index + 10)], f"{index}.csv", map_index=index)
    assert lines(page(viewer, map_index="0")) == [10]
    assert lines(page(viewer, map_index="1")) == [11]


# Errors


@pytest.mark.parametrize("record", [TaskRecord("upload"), {"step": "dance"}, batch_record(ROWS, None)])
def test_task_without_results(viewer: TestClient, add_task: AddTask, record: object) -> None:
    add_task("batch", record)
    for path in ("/batch", "/batch/download"):
        response = get(viewer, path, kind="csv")
        assert response.status_code == 404
        assert "not recorded a batch" in response.text or "no results file" in response.text


def remove(path: Path) -> None:
    path.unlink()


def begin(path: Path) -> None:
    path.unlink()
    checkpoint_folder(path).mkdir()


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
        (remove, 404, "a path that both can reach"),
        (begin, 409, "written when the batch ends"),
        (cut, 409, "cannot be displayed"),
        (replace_by_passwords, 409, "cannot be displayed"),
        (append_passwords, 409, "cannot be displayed"),
        (replace_by_a_folder, 409, "cannot be displayed"),
    ],
)
@pytest.mark.parametrize("path", ["/batch", "/batch/download"])
def test_unreadable_results_are_not_displayed(
    viewer: TestClient, batch: Path, change: Callable[[Path], None], status: int, words: str, path: str
) -> None:
    change(batch)
    response = get(viewer, path, kind="csv")
    assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "Content-Disposition" not in response.headers
    assert words in response.text.replace("&#39;", "'")
    for nothing in (SECRET, "Spring", "Traceback", "Error"):
        assert nothing not in response.text


def test_error_page_finds_its_style_sheet(viewer: TestClient, batch: Path) -> None:
    airflow = FastAPI()
    airflow.mount("/oppo-image", viewer.app)
    with TestClient(airflow) as client:
        for path in ("/batch", "/batch/download"):
            response = get(client, f"/oppo-image{path}", kind="csv", run_id="none")
            [style] = [link for link in links(response.text) if link.endswith(".css")]
            assert client.get(str(response.request.url.join(style))).headers["Content-Type"].startswith("text/css")


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
def test_unsupported_results_paths(viewer: TestClient, add_task: AddTask, results: str) -> None:
    add_task("batch", batch_record(ROWS, results))
    response = get(viewer)
    assert (response.status_code, "cannot be displayed" in response.text) == (409, True)
    assert "<img" not in response.text


def test_storage_error_is_logged(
    viewer: TestClient, batch: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: StoragePath) -> None:
        raise StorageError(f"Looking at s3://bucket/r.csv: {SECRET}")

    monkeypatch.setattr(results_table, "file_version", fail)
    response = get(viewer)
    assert (response.status_code, "cannot read the results" in response.text) == (503, True)
    assert SECRET not in response.text
    assert SECRET in caplog.text


def test_number_of_readers_is_limited(viewer: TestClient, batch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(batch_page.MAX_READERS):
        assert batch_page._READ_SLOTS.acquire(blocking=False)
    try:
        response = get(viewer)
    finally:
        batch_page._READ_SLOTS.release(batch_page.MAX_READERS)
    assert (response.status_code, "in a moment" in response.text) == (503, True)
    for _ in range(batch_page.MAX_READERS + 1):  # refused and failed requests release their slot
        assert get(viewer).status_code == 200
    replace_by_passwords(batch)
    for _ in range(batch_page.MAX_READERS + 1):
        assert get(viewer).status_code == 409


# Content


def test_page_escapes_values_of_results(viewer: TestClient, add_batch: AddBatch) -> None:
    row = RowResult(1, EVIL, "failed", EVIL, EVIL, EVIL, EVIL, "picture", "https://h/'onerror='a", 'https://h/"x<y>')
    add_batch([row], "r.jsonl", "<b>batch</b>")
    for query in ({}, {"cause": f"picture:{EVIL}"}, {"text": '"><img'}):
        html = page(viewer, task_id="<b>batch</b>", **query)
        assert lines(html) == [1]
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert (html.count("<script"), html.count("<img ")) == (1, 2)
        assert "<b>batch" not in html
        assert 'src="https://h/&#34;x&lt;y&gt;"' in html
        assert 'src="https://h/&#39;onerror=&#39;a"' in html
    assert "<style" not in html
    assert " style=" not in html


@pytest.mark.parametrize(
    ("picture_id", "url", "placeholder"),
    [
        (None, None, "placeholder_none"),
        ("id_1", None, "placeholder_id"),
        ("id_1", f"https://h/a.png{REDACTED_QUERY}", "placeholder_signed"),
    ],
)
def test_row_picture_placeholder(picture_id: str | None, url: str | None, placeholder: str) -> None:
    picture = RowPicture("big", picture_id, url)
    assert (picture.src, picture.placeholder) == ("", placeholder)


@pytest.mark.parametrize(("kind", "media_type"), [("csv", "text/csv"), ("jsonl", "application/x-ndjson")])
def test_download_headers_and_columns(viewer: TestClient, batch: Path, kind: str, media_type: str) -> None:
    saved = get(viewer, "/batch/download", kind=kind)
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


def test_download_links_keep_the_filter(viewer: TestClient, batch: Path) -> None:
    saving = [link for link in links(page(viewer, state="failed", text="876")) if link.startswith("batch/download")]
    assert [link.rpartition("=")[2] for link in saving] == ["csv", "jsonl"]
    saved = viewer.get(f"/{saving[1]}")
    assert [json.loads(line)["line"] for line in saved.text.splitlines()] == [3, 4]
