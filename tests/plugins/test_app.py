"""The page as it is asked for: who may see it, and that nothing in it is taken for HTML."""

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
from airflow_provider_oppo_image.plugins import app as page_app
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
    return [
        TaskView("upload", 0, None, "success", None, TaskRecord("upload", EVIL, [good, signed])),
        TaskView("push", 0, None, "success", None, TaskRecord("push", EVIL, pushed, push)),
        TaskView("upload", 1, None, "failed", None, TaskRecord("upload", "autumn", [bad], failure=failure)),
        TaskView(
            "night", -1, None, "success", None, TaskRecord("batch", batch=Summary(3, 3, 0, 0, results="night.csv"))
        ),
        TaskView("other", -1, None, "success", None, None),
    ]


@pytest.fixture(autouse=True)
def one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_app, "run_exists", lambda _, __, run_id: run_id == "run 1")
    monkeypatch.setattr(page_app, "tasks_of", lambda *_: (tasks(), len(tasks())))


def page(client: TestClient, language: str = "en", **query: Any) -> str:
    answer = client.get(
        "/pictures", params={"dag_id": "nightly", "run_id": "run 1", **query}, headers={"Accept-Language": language}
    )
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("path", ["/pictures?dag_id=nightly&run_id=run+1", "/pictures", "/static/page.css"])
def test_nobody_sees_anything_without_a_login(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert "not logged in" in answer.text


def test_a_dag_that_the_user_may_not_read_is_refused_whether_or_not_it_has_the_run(vera: TestClient) -> None:
    for run_id in ("run 1", "none"):
        answer = vera.get("/pictures", params={"dag_id": "secret", "run_id": run_id})
        assert answer.status_code == 403
        assert "3653918" not in answer.text


def test_of_two_dags_in_an_address_the_one_that_is_shown_is_the_one_that_is_judged(vera: TestClient) -> None:
    for first, second in (("secret", "nightly"), ("nightly", "secret")):
        answer = vera.get(f"/pictures?dag_id={first}&dag_id={second}&run_id=run+1")
        assert answer.status_code == (403 if second == "secret" else 200)


def test_a_run_that_is_not_there_is_told(vera: TestClient) -> None:
    answer = vera.get("/pictures", params={"dag_id": "nightly", "run_id": "none"})
    assert (answer.status_code, "no such run" in answer.text) == (404, True)


def test_an_address_that_is_not_complete_is_told(vera: TestClient) -> None:
    assert "not complete" in vera.get("/pictures").text


def test_what_comes_from_a_dag_is_text(vera: TestClient) -> None:
    shown = page(vera)
    assert EVIL not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_the_problem_comes_first_and_says_what_to_do(vera: TestClient) -> None:
    shown = page(vera)
    assert shown.index("autumn") < shown.index("Batch night") < shown.index("3653918_a")
    for words in ("876 × 324 px", "expected: 984 × 369 px", "Export it at exactly", "Then clear the task upload [1]"):
        assert words in shown
    assert "OPPO would refuse this one" in shown


def test_a_signed_picture_is_not_asked_for(vera: TestClient) -> None:
    shown = page(vera)
    assert "s.png?" not in shown.replace("s.png?…", "")
    assert "its address is signed" in shown


def test_it_is_chinese_for_a_chinese_browser(vera: TestClient) -> None:
    shown = page(vera, "zh-CN")
    assert '<html lang="zh-CN">' in shown
    assert "尺寸不对" in shown


def test_only_problems_and_only_names_are_shown_on_request(vera: TestClient) -> None:
    assert "3653918_a" not in page(vera, problems=True)
    assert "3653918_a" not in page(vera, name="AUTUMN")


@pytest.mark.parametrize(("index", "there"), [("0", True), ("1", False), ("{MAP_INDEX}", False), ("x" * 50, False)])
def test_a_task_shows_its_own_campaign(vera: TestClient, index: str, there: bool) -> None:
    assert ("3653918_a" in page(vera, task_id="upload", map_index=index)) == there


def test_every_answer_keeps_other_content_out(vera: TestClient) -> None:
    for path in ("/pictures?dag_id=nightly&run_id=run+1", "/static/page.js", "/pictures?dag_id=secret&run_id=r", "/x"):
        answer = vera.get(path)
        if path != "/x":
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    shown = page(vera)
    assert "<style" not in shown
    assert " style=" not in shown
    assert " onclick" not in shown
    assert shown.count("<script") == 1


def test_records_that_are_not_looked_at_are_told(vera: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "looked at here" not in page(vera)
    monkeypatch.setattr(page_app, "tasks_of", lambda *_: (tasks(), 7_200))
    assert "This run has 7,200 records. Only the first 5 are looked at here" in page(vera)
