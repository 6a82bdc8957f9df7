from __future__ import annotations

import json
from collections import UserList
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import PICTURE_KINDS
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.polling import (
    MIN_POLL_INTERVAL_S,
    ExpectedPicture,
    PollResult,
    describe,
    exponential_interval,
    initial_delay,
    next_delay,
    parse_pictures,
    should_continue_after,
)
from airflow_provider_oppo_image.pictures.report import STATES, PictureReport, Problem, State
from airflow_provider_oppo_image.template_values import is_blank

BIG = ExpectedPicture("big", PictureUrl.parse("https://h/b.png"))
SMALL = ExpectedPicture("small", PictureUrl.parse("https://h/s.png"))

PROBLEM = Problem("not_found", "HTTP 404", "a picture", "Wait.")

names = st.none() | st.text(min_size=1).filter(lambda text: not is_blank(text))
states = st.lists(st.sampled_from(STATES), min_size=1, max_size=5)


class TestParsePictures:
    def test_polling_accepts_one_url(self) -> None:
        assert parse_pictures(big_picture_url=BIG.url.full) == [BIG]
        assert parse_pictures(small_picture_url=SMALL.url.full) == [SMALL]

    def test_keeps_the_order(self) -> None:
        entries = [
            {"name": "spring", "big_picture_url": "https://h/1", "small_picture_url": "https://h/2"},
            {"small_picture_url": "https://h/3"},
        ]
        found = parse_pictures(BIG.url.full, SMALL.url.full, UserList(entries))
        assert found[:2] == [BIG, SMALL]
        assert [(picture.kind, picture.url.full, picture.name) for picture in found[2:]] == [
            ("big", "https://h/1", "spring"),
            ("small", "https://h/2", "spring"),
            ("small", "https://h/3", None),
        ]

    @pytest.mark.parametrize("blank", [None, "", " ", "None", "null"])
    def test_ignores_rendered_blanks(self, blank: str | None) -> None:
        entry = {"name": blank, "big_picture_url": blank, "small_picture_url": SMALL.url.full}
        assert parse_pictures(blank, blank, [entry]) == [SMALL]
        assert parse_pictures(BIG.url.full, blank, blank) == [BIG]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "no picture to wait for"),
            ({"pictures": []}, "no picture to wait for"),
            ({"big_picture_url": 7}, "big_picture_url of this task .* type int"),
            ({"pictures": "[{'big_picture_url': 'https://h'}]"}, "render_template_as_native_obj"),
            ({"pictures": {"big_picture_url": "https://h"}}, "must be a list"),
            ({"pictures": 7}, "must be a list"),
            ({"pictures": ["https://h"]}, "entry 1 of `pictures` must be a mapping .* type str"),
            ({"pictures": [{"big_picture_url": "https://h"}, {"name": "spring"}]}, "entry 2 of `pictures` has no URL"),
            ({"pictures": [{"big_url": "https://h"}]}, "unknown keys: big_url"),
            ({"pictures": [{"small_picture_url": b"x"}]}, "small_picture_url of entry 1 of `pictures` .* type bytes"),
        ],
    )
    def test_rejects_invalid_arguments(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigurationError, match=message):
            parse_pictures(**arguments)

    @given(
        st.builds(ExpectedPicture, st.sampled_from(PICTURE_KINDS), st.just(PictureUrl.parse("https://h/p?x=1")), names)
    )
    def test_reads_to_dict(self, picture: ExpectedPicture) -> None:
        assert parse_pictures(pictures=[picture.to_dict()]) == [picture]


def poll_result(found: Sequence[State], name: str | None = None, **fields: float) -> PollResult:
    urls = [PictureUrl.parse(f"https://h/{number}.png?key=s3cret") for number in range(len(found))]
    reports = [
        PictureReport("big", str(url), state, problems=() if state == "ready" else (PROBLEM,), **fields)
        for url, state in zip(urls, found, strict=True)
    ]
    return PollResult([ExpectedPicture("big", url, name) for url in urls], reports)


class TestPollResult:
    @given(states)
    def test_decide(self, found: list[State]) -> None:
        result = poll_result(found)
        ready = all(state == "ready" for state in found)
        assert result.decide("fail") == ("ready" if ready else "wrong" if "wrong" in found else "wait")
        assert result.decide("wait") == ("ready" if ready else "wait")

    def test_str_has_the_counts_and_the_worst_first(self) -> None:
        line = str(poll_result(["ready", "absent", "absent", "absent", "wrong"]))
        assert line == (
            "1 ready, 3 absent, 1 wrong; big https://h/4.png?… (not_found); big https://h/1.png?… (not_found); "
            "big https://h/2.png?… (not_found); and 1 more"
        )

    def test_to_xcom_has_every_report_with_its_name(self) -> None:
        result = poll_result(["ready", "absent"], name="spring").to_xcom()
        assert result["counts"] == {"ready": 1, "absent": 1, "wrong": 0}
        assert [(report["name"], report["state"]) for report in result["reports"]] == [
            ("spring", "ready"),
            ("spring", "absent"),
        ]
        assert PictureReport.from_dict(result["reports"][1]).problems == (PROBLEM,)

    def test_to_xcom_is_bounded(self) -> None:
        assert len(poll_result(["ready"] * 50).to_xcom()["reports"]) == 50
        result = poll_result(["ready"] * 9_000 + ["absent"] * 990 + ["wrong"] * 10).to_xcom()
        assert result["counts"] == {"ready": 9_000, "absent": 990, "wrong": 10}
        assert [report["state"] for report in result["reports"]] == ["wrong"] * 10 + ["absent"] * 10
        assert len(json.dumps(result)) < 20_000

    def test_to_xcom_includes_warnings(self) -> None:
        warned = PictureReport("big", "https://h/w.png", "ready", warnings=(PROBLEM,))
        others = poll_result(["ready"] * 50)
        result = PollResult([*others.pictures, BIG], [*others.reports, warned]).to_xcom()
        assert [report["url"] for report in result["reports"]] == ["https://h/w.png"]

    def test_text_forms_have_no_query(self) -> None:
        result = poll_result(["ready", "wrong"])
        assert "s3cret" not in f"{result!r} {result} {result.to_xcom()} {describe(result.to_xcom())}"

    def test_describe_lists_what_is_not_ready(self) -> None:
        text = describe(poll_result(["ready", "wrong"], name="spring").to_xcom())
        assert text.startswith("1 ready, 1 wrong\nspring: big picture https://h/1.png?… is wrong")
        assert "0.png" not in text


def test_should_continue_after() -> None:
    assert should_continue_after(KeyError(), silent_fail=True)
    assert should_continue_after(OppoImageError("it may pass", permanent=False), silent_fail=True)
    assert not should_continue_after(ConfigurationError("no"), silent_fail=True)
    assert not should_continue_after(KeyError(), silent_fail=False)


class TestDelays:
    @pytest.mark.parametrize(
        ("interval", "remaining", "retry_after", "expected"),
        [(60, 1000, None, 60), (60, 1000, 90.0, 90), (60, 1000, 5.0, 60), (60, 20, None, 20),
         (60, 20, 90.0, 20), (60, 0, None, 0), (60, -5, None, 0), (0, 1000, None, MIN_POLL_INTERVAL_S)],
    )  # fmt: skip
    def test_next_delay(self, interval: float, remaining: float, retry_after: float | None, expected: float) -> None:
        poll = poll_result(["absent", "ready"], **({} if retry_after is None else {"retry_after": retry_after}))
        assert next_delay(interval, remaining=remaining, poll=poll) == expected

    def test_next_delay_without_a_poll(self) -> None:
        assert next_delay(60, remaining=1000, jitter=1.0) == 60

    def test_next_delay_adds_jitter_to_retry_after(self) -> None:
        poll = poll_result(["absent"], retry_after=600.0)
        delays = [next_delay(60, remaining=10_000, poll=poll, jitter=jitter) for jitter in (0.0, 0.5, 1.0)]
        assert delays == [600, 630, 660]
        assert next_delay(60, remaining=610, poll=poll, jitter=1.0) == 610

    @given(st.floats(0, 1), st.floats(0, 3600), st.floats(-10, 7200))
    def test_initial_delay_is_within_the_interval(self, jitter: float, interval: float, remaining: float) -> None:
        delay = initial_delay(interval, remaining=remaining, jitter=jitter)
        assert 0 <= delay <= min(interval, max(remaining, 0))

    def test_initial_delay_spreads_polls(self) -> None:
        delays = [initial_delay(60, remaining=3600, jitter=jitter / 1000) for jitter in range(1000)]
        assert max(sum(second <= delay < second + 1 for delay in delays) for second in range(60)) <= 17

    def test_exponential_interval(self) -> None:
        assert [exponential_interval(10, polls=polls) for polls in (1, 2, 3, 4)] == [10, 20, 40, 80]
        assert exponential_interval(10, polls=4, max_interval=50) == 50
        assert exponential_interval(10, polls=10_000, max_interval=3600) == 3600
        assert exponential_interval(10, polls=10_000) > 0
