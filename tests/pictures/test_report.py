from __future__ import annotations

import json

from airflow_provider_oppo_image.pictures.report import PictureReport, Problem

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


def test_a_report_survives_json() -> None:
    assert PictureReport.from_dict(json.loads(json.dumps(REPORT.to_dict()))) == REPORT


def test_a_report_of_a_later_version_can_be_read() -> None:
    assert PictureReport.from_dict({**REPORT.to_dict(), "colour": "blue"}) == REPORT


def test_a_report_says_what_was_found_and_what_to_do() -> None:
    lines = str(REPORT).splitlines()
    assert lines[0] == "big picture https://cdn.example.com/big.png?… is wrong (876 x 324 px, PNG, 1,234 bytes)"
    assert lines[1] == "  wrong_dimensions: 876 x 324 px; asked for: 984 x 369 px. Export it again."
    assert len(lines) == 3
