from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.pictures.polling import (
    MIN_POLL_INTERVAL_S,
    ExpectedPicture,
    PollResult,
    describe,
    exponential_interval,
    initial_delay,
    next_delay,
    should_continue_after,
)
from airflow_provider_oppo_image.pictures.report import STATES, PictureReport, Problem, State

PROBLEM = Problem("not_found", "HTTP 404", "a picture", "Wait.")

states = st.lists(st.sampled_from(STATES), min_size=1, max_size=5)


def look_of(found: Sequence[State], name: str | None = None, **facts: float) -> PollResult:
    pictures = [ExpectedPicture("big", f"https://h/{number}.png?key=s3cret", name) for number in range(len(found))]
    reports = [
        PictureReport(
            "big", f"https://h/{number}.png?…", state, problems=() if state == "ready" else (PROBLEM,), **facts
        )
        for number, state in enumerate(found)
    ]
    return PollResult(pictures, reports)


@given(states)
def test_it_waits_until_all_are_ready_in_one_look(found: list[State]) -> None:
    ready = all(state == "ready" for state in found)
    assert (look_of(found).decide("fail") == "ready") == ready
    assert (look_of(found).decide("wait") == "ready") == ready


@given(states)
def test_a_wrong_picture_ends_the_waiting_only_where_it_shall_fail(found: list[State]) -> None:
    assert (look_of(found).decide("fail") == "wrong") == ("wrong" in found)
    assert look_of(found).decide("wait") != "wrong"


def test_a_look_in_a_line_has_the_counts_and_the_worst_first() -> None:
    line = str(look_of(["ready", "absent", "absent", "absent", "wrong"]))
    assert line == (
        "1 ready, 3 absent, 1 wrong; big https://h/4.png?…: not_found; big https://h/1.png?…: not_found; "
        "big https://h/2.png?…: not_found; and 1 more"
    )


def test_a_small_result_has_every_report_with_its_name() -> None:
    result = look_of(["ready", "absent"], name="spring").result()
    assert result["counts"] == {"ready": 1, "absent": 1, "wrong": 0}
    assert [(report["name"], report["state"]) for report in result["reports"]] == [
        ("spring", "ready"),
        ("spring", "absent"),
    ]
    assert PictureReport.from_dict(result["reports"][1]).problems == (PROBLEM,)


def test_fifty_pictures_are_still_few() -> None:
    assert len(look_of(["ready"] * 50).result()["reports"]) == 50


def test_above_that_a_result_has_the_counts_and_the_first_twenty_problems() -> None:
    result = look_of(["ready"] * 9_000 + ["absent"] * 990 + ["wrong"] * 10).result()
    assert result["counts"] == {"ready": 9_000, "absent": 990, "wrong": 10}
    assert [report["state"] for report in result["reports"]] == ["wrong"] * 10 + ["absent"] * 10
    assert len(json.dumps(result)) < 20_000


def test_warnings_count_as_something_to_tell() -> None:
    warned = PictureReport("big", "https://h/w.png", "ready", warnings=(PROBLEM,))
    picture = ExpectedPicture("big", "https://h/w.png")
    quiet = look_of(["ready"] * 50)
    result = PollResult([*quiet.pictures, picture], [*quiet.reports, warned]).result()
    assert [report["url"] for report in result["reports"]] == ["https://h/w.png"]


@given(states)
def test_a_result_goes_through_json(found: list[State]) -> None:
    result = look_of(found).result()
    assert json.loads(json.dumps(result)) == result


def test_no_query_gets_into_a_result_or_a_line() -> None:
    look = look_of(["ready", "wrong"])
    assert "s3cret" not in f"{look} {look.result()} {describe(look.result())}"


def test_a_description_tells_what_is_not_ready() -> None:
    words = describe(look_of(["ready", "wrong"], name="spring").result())
    assert words.startswith("1 ready, 1 wrong\nspring: big picture https://h/1.png?… is wrong")
    assert "HTTP 404; asked for: a picture. Wait." in words
    assert "0.png" not in words


def test_only_unexpected_faults_are_passed_over_and_only_where_asked() -> None:
    assert should_continue_after(KeyError(), silent_fail=True)
    assert should_continue_after(OppoImageError("it may pass", permanent=False), silent_fail=True)
    assert not should_continue_after(ConfigurationError("no"), silent_fail=True)
    assert not should_continue_after(KeyError(), silent_fail=False)


@pytest.mark.parametrize(
    ("interval", "left", "retry_after", "expected"),
    [
        (60, 1000, None, 60),
        (60, 1000, 90.0, 90),
        (60, 1000, 5.0, 60),
        (60, 20, None, 20),
        (60, 20, 90.0, 20),
        (60, 0, None, 0),
        (60, -5, None, 0),
        (0, 1000, None, MIN_POLL_INTERVAL_S),
    ],
)
def test_the_next_look_is_after_the_interval_or_when_the_host_likes_and_never_after_the_end(
    interval: float, left: float, retry_after: float | None, expected: float
) -> None:
    look = look_of(["absent"]) if retry_after is None else look_of(["absent", "ready"], retry_after=retry_after)
    assert next_delay(interval, left=left, look=look) == expected


def test_those_whom_a_host_asked_for_the_same_patience_come_back_within_an_interval_and_not_at_once() -> None:
    look = look_of(["absent"], retry_after=600.0)
    assert [next_delay(60, left=10_000, look=look, chance=chance) for chance in (0.0, 0.5, 1.0)] == [600, 630, 660]
    assert next_delay(60, left=610, look=look, chance=1.0) == 610
    assert next_delay(60, left=10_000, chance=1.0) == 60


@given(st.floats(0, 1), st.floats(0, 3600), st.floats(-10, 7200))
def test_the_first_pause_is_a_part_of_the_interval_and_never_goes_beyond_the_end(
    chance: float, interval: float, left: float
) -> None:
    assert 0 <= initial_delay(interval, left=left, chance=chance) <= min(interval, max(left, 0))


def test_a_thousand_sensors_look_at_a_thousand_moments() -> None:
    looks = [initial_delay(60, left=3600, chance=chance / 1000) for chance in range(1000)]
    busiest = max(sum(second <= look < second + 1 for look in looks) for second in range(60))
    assert busiest <= 17


def test_before_the_first_look_no_host_has_asked_for_anything() -> None:
    assert next_delay(60, left=1000) == 60


def test_an_interval_doubles_with_each_look_up_to_the_longest() -> None:
    assert [exponential_interval(10, looks=looks) for looks in (1, 2, 3, 4)] == [10, 20, 40, 80]
    assert exponential_interval(10, looks=4, longest=50) == 50
    assert exponential_interval(10, looks=10_000, longest=3600) == 3600
    assert exponential_interval(10, looks=10_000) > 0
