"""The page of a run's pictures: access, content, languages, and escaping."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

if not HAS_PAGES:
    pytest.skip("this Airflow has no such pages", allow_module_level=True)

from fastapi.testclient import TestClient

from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.errors import Failure
from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord, TaskRecord
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.plugins import pictures_page
from airflow_provider_oppo_image.plugins.campaigns import TaskView

EVIL = "<script>alert(1)</script>"
WRONG = PictureReport(
    "big",
    "https://cdn.example.com/old.jpg",
    "wrong",
    (Problem("wrong_dimensions", "876 x 324 px", "984 x 369 px", "Export it at exactly 984 x 369 px."),),
    format="JPEG",
    width=876,
    height=324,
    size_bytes=212_000,
)


def tasks() -> list[TaskView]:
    now = datetime.datetime.now(datetime.UTC).isoformat()
    good = PictureRecord("big", "https://cdn.example.com/a.jpg", "", None, "3653918_a", now)
    bad = PictureRecord("big", WRONG.url, "", WRONG)
    signed = PictureRecord("small", "https://cdn.example.com/s.png?…", picture_id="3653918_s", uploaded_at=now)
    failure = Failure("wrong_dimensions", "876 x 324 px", "picture")
    push = PushRecord(EVIL, EVIL, sent=True, msg_id="1180003")
    pushed = [PictureRecord(picture.kind, picture_id=picture.picture_id) for picture in (good, signed)]
    batch = Summary(3, 3, 0, 0, results="night.csv")
    return [
        TaskView("upload", 0, None, "success", TaskRecord("upload", EVIL, [good, signed])),
        TaskView("push", 0, None, "success", TaskRecord("push", EVIL, pushed, push)),
        TaskView("upload", 1, None, "failed", TaskRecord("upload", "autumn", [bad], failure=failure)),
        TaskView("night", -1, None, "success", TaskRecord("batch", batch=batch)),
        TaskView("other", -1, None, "success", None),
    ]


@pytest.fixture(autouse=True)
def one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_page, "run_exists", lambda _, __, run_id: run_id == "run 1")
    monkeypatch.setattr(pictures_page, "load_tasks", lambda *_: (tasks(), len(tasks())))


def page(client: TestClient, language: str = "en", **query: Any) -> str:
    response = client.get(
        "/pictures", params={"dag_id": "nightly", "run_id": "run 1", **query}, headers={"Accept-Language": language}
    )
    assert response.status_code == 200, response.text
    return response.text


@pytest.mark.parametrize("path", ["/pictures?dag_id=nightly&run_id=run+1", "/pictures", "/static/page.css"])
def test_page_requires_a_login(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 401
    assert "not logged in" in response.text


@pytest.mark.parametrize("run_id", ["run 1", "none"])
def test_page_of_a_dag_without_permission(viewer: TestClient, run_id: str) -> None:
    response = viewer.get("/pictures", params={"dag_id": "secret", "run_id": run_id})
    assert response.status_code == 403
    assert "3653918" not in response.text


@pytest.mark.parametrize(("first", "second", "status"), [("secret", "nightly", 200), ("nightly", "secret", 403)])
def test_page_checks_the_dag_that_it_displays(viewer: TestClient, first: str, second: str, status: int) -> None:
    assert viewer.get(f"/pictures?dag_id={first}&dag_id={second}&run_id=run+1").status_code == status


def test_page_of_an_unknown_run(viewer: TestClient) -> None:
    response = viewer.get("/pictures", params={"dag_id": "nightly", "run_id": "none"})
    assert (response.status_code, "does not exist" in response.text) == (404, True)


def test_page_of_an_incomplete_address(viewer: TestClient) -> None:
    assert "not complete" in viewer.get("/pictures").text


def test_page_escapes_values_of_a_dag(viewer: TestClient) -> None:
    html = page(viewer)
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_page_displays_problems_first_with_advice(viewer: TestClient) -> None:
    html = page(viewer)
    assert html.index("autumn") < html.index("Batch night") < html.index("3653918_a")
    for text in ("876 × 324 px", "expected: 984 × 369 px", "Export it at exactly", "Then clear the task upload [1]"):
        assert text in html
    assert "OPPO would refuse this one" in html


def test_page_does_not_load_signed_pictures(viewer: TestClient) -> None:
    html = page(viewer)
    assert "s.png?" not in html.replace("s.png?…", "")
    assert "its URL is signed" in html


def test_page_in_chinese(viewer: TestClient) -> None:
    html = page(viewer, "zh-CN")
    assert '<html lang="zh-CN">' in html
    assert "尺寸不对" in html


@pytest.mark.parametrize("query", [{"problems": True}, {"name": "AUTUMN"}])
def test_page_filters_campaigns(viewer: TestClient, query: dict[str, Any]) -> None:
    html = page(viewer, **query)
    assert "autumn" in html
    assert "3653918_a" not in html


@pytest.mark.parametrize(("index", "found"), [("0", True), ("1", False), ("{MAP_INDEX}", False), ("x" * 50, False)])
def test_page_of_a_task(viewer: TestClient, index: str, found: bool) -> None:
    assert ("3653918_a" in page(viewer, task_id="upload", map_index=index)) == found


@pytest.mark.parametrize(
    "path", ["/pictures?dag_id=nightly&run_id=run+1", "/static/page.js", "/pictures?dag_id=secret&run_id=r"]
)
def test_responses_have_security_headers(viewer: TestClient, path: str) -> None:
    response = viewer.get(path)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_page_has_no_inline_code(viewer: TestClient) -> None:
    html = page(viewer)
    for inline in ("<style", " style=", " onclick"):
        assert inline not in html
    assert html.count("<script") == 1


def test_static_files_are_a_closed_set(viewer: TestClient) -> None:
    assert viewer.get("/static/app.py").status_code == 404


def test_page_reports_records_over_the_limit(viewer: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "displayed here" not in page(viewer)
    monkeypatch.setattr(pictures_page, "load_tasks", lambda *_: (tasks(), 7_200))
    assert "This run has 7,200 records. Only the first 5 are displayed here" in page(viewer)


READY = PictureReport("big", "https://cdn.example.com/a.jpg", "ready")
ABSENT = PictureReport("big", "https://cdn.example.com/a.jpg", "absent")
FAILURE = Failure("51", "OPPO refused it", "picture")


@pytest.mark.parametrize(
    ("picture", "texts"),
    [
        (PictureRecord("big", READY.url, report=ABSENT), ["not there yet", "No picture yet"]),
        (PictureRecord("big", READY.url, report=READY, failure=FAILURE), ["not uploaded", "the upload failed"]),
        (PictureRecord("big", READY.url, report=READY), [">ready<", f'src="{READY.url}"']),
        (PictureRecord("big", READY.url), ["not checked"]),
        (PictureRecord("big", picture_id="1_a"), ["uploaded by another run", "only its id is known"]),
        (PictureRecord("big", READY.url, picture_id="1_a"), ["uploaded without a check"]),
        (PictureRecord("big", READY.url, report=READY, picture_id="1_a"), ["ready, uploaded"]),
        (PictureRecord("big", "s3://bucket/a.jpg", picture_id="1_a"), ["browsers cannot open its URL"]),
    ],
)
def test_states_of_a_picture(
    viewer: TestClient, monkeypatch: pytest.MonkeyPatch, picture: PictureRecord, texts: list[str]
) -> None:
    task = TaskView("upload", -1, None, "success", TaskRecord("upload", "spring", [picture]))
    monkeypatch.setattr(pictures_page, "load_tasks", lambda *_: ([task], 1))
    html = page(viewer)
    assert all(text in html for text in texts)


@pytest.mark.parametrize(
    ("ago", "texts"),
    [
        ({"seconds": 5}, ["just now", "30 left"]),
        ({"minutes": 119}, ["119 min ago"]),
        ({"hours": 47}, ["47 h ago", "29 left"]),
        ({"days": 3}, ["3 days ago", "27 left"]),
        ({"days": 31}, ["31 days ago", "upload it again before a push"]),
        (None, ["</time>, <br>", "30 left"]),
    ],
)
def test_age_of_an_upload(
    viewer: TestClient, monkeypatch: pytest.MonkeyPatch, ago: dict[str, float] | None, texts: list[str]
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    uploaded_at = (now - datetime.timedelta(**ago)).isoformat() if ago else "yesterday"
    picture = PictureRecord("big", READY.url, picture_id="1_a", uploaded_at=uploaded_at)
    task = TaskView("upload", -1, None, "success", TaskRecord("upload", "spring", [picture]))
    monkeypatch.setattr(pictures_page, "load_tasks", lambda *_: ([task], 1))
    html = page(viewer)
    assert all(text in html for text in texts)
