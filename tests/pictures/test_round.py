from __future__ import annotations

from collections.abc import Callable

from airflow_provider_oppo_image.pictures.check_many import CheckRun
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.pictures.report_cache import PictureKey
from airflow_provider_oppo_image.pictures.rules import EMPTY

TOO_SLOW = Problem("timed_out", "the host was too slow", "a picture", "Try again later.")


def places(host: str, count: int) -> list[PictureKey]:
    return [("big", f"https://{host}/{number}.png?key=s3cret") for number in range(count)]


def run(this: CheckRun, find: Callable[[PictureKey], tuple[Problem, ...]]) -> list[PictureKey]:
    """Run a round to its end, and return the pictures that were asked for."""
    asked: list[PictureKey] = []
    while not this.is_over:
        begun = list(this.begin())
        assert begun
        for place in begun:
            problems = find(place)
            this.end(place, PictureReport(*place, "absent" if problems else "ready", problems=problems))
        asked += begun
    return asked


def test_each_picture_is_asked_for_once_and_has_its_report() -> None:
    wanted = places("a", 5) + places("b", 5)
    this = CheckRun(wanted, 4, 2)
    asked = run(this, lambda _: ())
    assert sorted(asked) == sorted(wanted) == sorted(this.reports)


def test_no_more_are_under_way_than_allowed_in_all_and_of_a_host() -> None:
    this = CheckRun(places("a", 9) + places("b", 9) + places("c", 9), 5, 2)
    assert [url[8] for _, url in this.begin()] == ["a", "b", "c", "a", "b"]
    assert list(this.begin()) == []
    this.end(places("a", 1)[0], PictureReport("big", "", "ready"))
    assert [url[8] for _, url in this.begin()] == ["c"]


def test_a_host_that_was_too_slow_for_its_share_in_a_row_is_asked_for_no_more_in_this_look() -> None:
    wanted = places("slow", 1_000) + places("quick", 10)
    this = CheckRun(wanted, 32, 8)
    asked = run(this, lambda place: (TOO_SLOW,) if "slow" in place[1] else ())
    assert len(asked) == 8 + 10
    last = this.reports[wanted[999]]
    assert (last.state, [problem.code for problem in last.problems]) == ("absent", ["timed_out"])
    assert "it was not asked for this one" in str(last)
    assert "s3cret" not in str(last)


def test_a_host_that_answers_now_and_then_is_asked_for_all() -> None:
    wanted = places("busy", 40)
    answers = {wanted[at] for at in range(7, 40, 8)}
    this = CheckRun(wanted, 1, 8)
    assert len(run(this, lambda place: () if place in answers else (TOO_SLOW,))) == 40


def test_what_a_host_says_quickly_is_no_reason_to_give_it_up() -> None:
    assert len(run(CheckRun(places("a", 40), 32, 8), lambda _: (EMPTY,))) == 40
