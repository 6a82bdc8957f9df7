from __future__ import annotations

import itertools
import json

import pytest

from airflow_provider_oppo_image.errors import PictureAbsentError, PictureWrongError
from airflow_provider_oppo_image.pictures.report import (
    ABSENT_CODES,
    STATES,
    WARNING_CODES,
    WRONG_CODES,
    PictureReport,
    Problem,
    State,
    as_table,
    error_for,
    overall_state,
)
from airflow_provider_oppo_image.plugins.translations import ENGLISH

REPORT = PictureReport(
    "big",
    "https://cdn.example.com/big.png?…",
    "wrong",
    problems=(Problem("wrong_dimensions", "876 x 324 px", "984 x 369 px", "Export it again."),),
    warnings=(Problem("long_url", "a URL of 400 characters", "at most 300", "Shorten it."),),
    format="PNG",
    width=876,
    height=324,
    size_bytes=1234,
    sha256="0" * 64,
)


def report(state: State, *, name: str = "a.png", retry_after: float | None = None) -> PictureReport:
    problems = () if state == "ready" else (Problem("not_found", "HTTP status 404", "a picture", "Look."),)
    return PictureReport("big", f"https://cdn.example.com/{name}", state, problems=problems, retry_after=retry_after)


def test_codes_are_stable() -> None:
    """Users' rules depend on the codes. A new code belongs here and into the docs."""
    assert ABSENT_CODES == (
        "access_denied", "connection_failed", "empty", "host_busy", "not_found", "timed_out", "truncated",
        "unknown_host",
    )  # fmt: skip
    assert WRONG_CODES == (
        "address_refused", "animated", "bad_url", "broken", "cmyk", "credentials_in_url", "encoded_body",
        "exif_rotated", "insecure_redirect", "invisible", "too_heavy", "too_many_redirects", "tls_unverified",
        "unexpected_status", "unreadable_file", "unusual_coding", "wrong_dimensions", "wrong_format",
    )  # fmt: skip
    assert WARNING_CODES == ("long_url", "nearly_too_heavy")


class TestPictureReport:
    def test_from_dict_reads_to_dict(self) -> None:
        assert PictureReport.from_dict(json.loads(json.dumps(REPORT.to_dict()))) == REPORT

    def test_from_dict_ignores_unknown_keys(self) -> None:
        assert PictureReport.from_dict({**REPORT.to_dict(), "colour": "blue"}) == REPORT

    def test_str_has_a_line_per_problem(self) -> None:
        lines = str(REPORT).splitlines()
        assert lines[0] == "big picture https://cdn.example.com/big.png?… is wrong (876 x 324 px, PNG, 1,234 bytes)"
        assert lines[1] == "  wrong_dimensions: 876 x 324 px; expected: 984 x 369 px. Export it again."
        assert len(lines) == 3


class TestAsTable:
    def test_aligns_the_rows_of_each_problem(self) -> None:
        assert as_table(REPORT, here={"long_url": "Nothing else."}) == (
            "big picture https://cdn.example.com/big.png?… is wrong (876 x 324 px, PNG, 1,234 bytes)\n"
            "  problem     wrong_dimensions\n"
            "  found       876 x 324 px\n"
            "  expected    984 x 369 px\n"
            "  what to do  Export it again.\n"
            "  warning     long_url\n"
            "  found       a URL of 400 characters\n"
            "  expected    at most 300\n"
            "  what to do  Shorten it.\n"
            "  here        Nothing else."
        )

    def test_ready_picture_is_one_line(self) -> None:
        assert as_table(PictureReport("small", "small.png", "ready")) == "small picture small.png is ready"

    def test_page_in_airflow_uses_same_words(self) -> None:
        heads = {line.split("  ")[1] for line in as_table(REPORT).splitlines()[1:]}
        assert {ENGLISH(name, found="", expected="").strip(" :").lower() for name in ("found", "asked_for")} <= heads


@pytest.mark.parametrize("states", [states for count in range(4) for states in itertools.product(STATES, repeat=count)])
def test_overall_state_is_the_worst(states: tuple[State, ...]) -> None:
    expected = "wrong" if "wrong" in states else "absent" if "absent" in states else "ready"
    assert overall_state(map(report, states)) == expected


class TestErrorFor:
    def test_ready_pictures_have_none(self) -> None:
        assert error_for([]) is None
        assert error_for([report("ready"), report("ready")]) is None

    def test_absent_picture_is_transient(self) -> None:
        error = error_for([report("ready"), report("absent")])
        assert type(error) is PictureAbsentError
        assert (error.permanent, error.scope, error.retry_after) == (False, "picture", None)

    def test_wrong_picture_is_permanent(self) -> None:
        error = error_for([report("absent", retry_after=5.0), report("wrong")])
        assert type(error) is PictureWrongError
        assert (error.permanent, error.scope, error.retry_after) == (True, "picture", None)

    @pytest.mark.parametrize(("waits", "expected"), [((5.0, None, 60.0), 60.0), ((0.0,), 0.0)])
    def test_retry_after_is_the_longest(self, waits: tuple[float | None, ...], expected: float) -> None:
        error = error_for([report("absent", retry_after=wait) for wait in waits])
        assert error is not None
        assert error.retry_after == expected

    def test_names_failing_pictures_and_carries_all_reports(self) -> None:
        reports = [report("ready", name="good.png"), report("wrong", name="bad.png")]
        error = error_for(reports)
        assert error is not None
        assert "bad.png" in str(error)
        assert "good.png" not in str(error)
        assert [PictureReport.from_dict(data) for data in json.loads(json.dumps(error.reports))] == reports
