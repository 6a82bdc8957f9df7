from __future__ import annotations

import itertools
import json

import pytest

from airflow_provider_oppo_image.errors import PictureAbsentError, PictureWrongError
from airflow_provider_oppo_image.pictures.report import STATES, PictureReport, Problem, State, error_for, overall_state


def report(
    state: State, *, url: str = "https://cdn.example.com/a.png", retry_after: float | None = None
) -> PictureReport:
    problems = () if state == "ready" else (Problem("not_found", f"{state} at {url}", "a picture", "Look."),)
    return PictureReport("big", url, state, problems=problems, retry_after=retry_after)


@pytest.mark.parametrize("states", itertools.chain.from_iterable(itertools.product(STATES, repeat=n) for n in range(4)))
def test_the_worst_picture_decides(states: tuple[State, ...]) -> None:
    expected = "wrong" if "wrong" in states else "absent" if "absent" in states else "ready"
    assert overall_state(map(report, states)) == expected


def test_ready_pictures_are_no_error() -> None:
    assert error_for([]) is None
    assert error_for([report("ready"), report("ready")]) is None


def test_an_absent_picture_may_yet_come() -> None:
    error = error_for([report("ready"), report("absent")])
    assert type(error) is PictureAbsentError
    assert (error.permanent, error.scope, error.retry_after) == (False, "picture", None)


def test_a_wrong_picture_will_not_mend_itself_whatever_the_other_does() -> None:
    error = error_for([report("absent", retry_after=5.0), report("wrong")])
    assert type(error) is PictureWrongError
    assert (error.permanent, error.scope, error.retry_after) == (True, "picture", None)


def test_the_longest_wait_is_the_one_that_counts() -> None:
    reports = [report("absent", retry_after=5.0), report("absent"), report("absent", retry_after=60.0)]
    error = error_for(reports)
    assert error is not None
    assert error.retry_after == 60.0


def test_a_wait_of_no_seconds_is_a_wait() -> None:
    error = error_for([report("absent", retry_after=0.0)])
    assert error is not None
    assert error.retry_after == 0.0


def test_an_error_names_the_pictures_that_are_not_ready_and_carries_all_reports() -> None:
    reports = [
        report("ready", url="https://cdn.example.com/good.png"),
        report("wrong", url="https://cdn.example.com/bad.png"),
    ]
    error = error_for(reports)
    assert error is not None
    assert "bad.png" in str(error)
    assert "good.png" not in str(error)
    assert [PictureReport.from_dict(data) for data in json.loads(json.dumps(error.reports))] == reports
