"""The threads, with a client that only pretends: what is bounded, and when it is written."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from airflow_provider_oppo_image.batch import worker_pool as engine_module
from airflow_provider_oppo_image.batch.plan import PlannedPicture
from airflow_provider_oppo_image.batch.worker_pool import FLUSH_SIZE, MAX_UNWRITTEN
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.batch.engines import Run, numbers, pictures


def test_each_picture_is_uploaded_recorded_and_written_once() -> None:
    run = Run()
    engine = run.engine()
    engine.run(pictures(3_000))
    assert engine.ended_by is None
    assert numbers(run.recorded) == list(range(1, 3_001))
    assert [outcome for part in run.parts for outcome in part] == run.recorded
    assert all(outcome.picture_id == f"id_{outcome.number}" for outcome in run.recorded)


def test_no_more_pictures_are_under_way_than_threads() -> None:
    everybody = threading.Barrier(5)

    def wait_for_all(url: str) -> str:
        everybody.wait(timeout=20)
        return url

    run = Run(wait_for_all)
    run.engine(threads=5).run(pictures(50))
    assert run.most_in_flight == 5


def test_no_more_pictures_are_begun_and_unwritten_than_a_part_has() -> None:
    run = Run()
    run.engine().run(pictures(5_000))
    assert run.most_unwritten <= MAX_UNWRITTEN
    assert max(map(len, run.parts)) <= MAX_UNWRITTEN


def test_no_more_pictures_are_begun_and_unwritten_than_a_part_has_where_writing_is_slow() -> None:
    run = Run(write_one=lambda: time.sleep(0.1))
    run.engine().run(pictures(5_000))
    assert FLUSH_SIZE < run.most_unwritten <= MAX_UNWRITTEN == 1_000
    assert max(map(len, run.parts)) <= MAX_UNWRITTEN


def test_no_more_pictures_are_begun_and_unwritten_than_a_part_has_where_reading_is_slow() -> None:
    def slowly() -> Iterator[PlannedPicture]:
        for picture in pictures(3_000):
            yield picture
            if picture.number % 20 == 0:
                time.sleep(0.001)

    run = Run()
    run.engine().run(slowly())
    assert run.most_unwritten <= MAX_UNWRITTEN


def test_uploads_go_on_while_a_part_is_written() -> None:
    run = Run(lambda url: time.sleep(0.0005) or url)
    went_on = []

    def see_that_others_go_on() -> None:
        before, deadline = run.begun, time.monotonic() + 10
        while not run.parts and run.begun < before + 100 and time.monotonic() < deadline:
            time.sleep(0.001)
        went_on.append(run.begun - before)

    run.write_one = see_that_others_go_on
    run.engine(threads=4).run(pictures(1_000))
    assert went_on[0] >= 100


def test_a_picture_is_checked_while_another_is_uploaded() -> None:
    both = threading.Barrier(2)

    def check(kind: PictureKind, url: str) -> PictureReport:
        if url == "2":
            both.wait(timeout=20)
        return PictureReport(kind, url, "ready")

    def upload(url: str) -> str:
        if url == "1":
            both.wait(timeout=20)
        return url

    run = Run(upload)
    run.engine(check=check, threads=2).run(pictures(2))
    assert numbers(run.recorded) == [1, 2]


def test_pictures_are_taken_as_they_are_needed() -> None:
    taken = itertools.count(1)
    last = 0
    run = Run()

    def counted() -> Iterator[PlannedPicture]:
        nonlocal last
        for picture in pictures(5_000):
            last = next(taken)
            assert last - len(run.recorded) <= MAX_UNWRITTEN
            yield picture

    run.engine().run(counted())
    assert last == 5_000


def test_a_part_is_written_after_a_while_however_small_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FLUSH_INTERVAL_S", 0.05)
    run = Run()

    def wait_until_the_others_are_written(url: str) -> str:
        deadline = time.monotonic() + 20
        while url == "3" and run.written < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        return url

    run.upload_one = wait_until_the_others_are_written
    run.engine(threads=3).run(pictures(3))
    assert [numbers(part) for part in run.parts][-1] == [3]


def test_it_tells_now_and_then() -> None:
    run = Run(lambda url: time.sleep(0.02) or url)
    began = time.monotonic()
    run.engine(threads=1, progress_interval=0.05).run(pictures(20))
    assert 3 <= run.told <= (time.monotonic() - began) / 0.05


def test_no_pictures_are_no_work() -> None:
    run = Run()
    engine = run.engine()
    engine.run(pictures(0))
    assert (engine.ended_by, run.parts, run.begun) == (None, [], 0)
