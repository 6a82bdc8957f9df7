"""The table and the report of the figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.report import Figure, at_least, at_most, under

FIGURES = (
    at_least("uploads", 2_543.2, "/s", 490),
    at_most("refusals", 3, "", 0, note="as counted"),
    under("time", 0.26, "ms", 1, profile=(" 60 %  the request",)),
    Figure("beside it", 41.94, "/s"),
)


def test_goal_reached() -> None:
    assert [figure.reached for figure in FIGURES] == [True, False, True, None]
    assert under("time", 1.0, "ms", 1).reached is False
    assert at_most("time", 1.0, "ms", 1).reached is True
    assert at_most("time", 1.0, "ms", None).reached is None


def test_table_has_a_row_per_figure() -> None:
    assert report.table(FIGURES) == [
        "| figure | measured | goal | reached | note |",
        "| --- | --: | --- | --- | --- |",
        "| uploads | 2,543 /s | at least 490 | yes |  |",
        "| refusals | 3 | at most 0 | **no** | as counted |",
        "| time | 0.26 ms | under 1 | yes |  |",
        "| beside it | 41.9 /s |  |  |  |",
    ]


def test_write_keeps_other_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")
    lines = report.section(FIGURES, report.circumstances(0.0))
    report.write("Two workers", lines)
    report.write("Parsing", ["then"])
    before = (tmp_path / "RESULTS.md").read_text()
    report.write("Parsing", ["now"])
    text = (tmp_path / "RESULTS.md").read_text()
    assert text == before.replace("then", "now") != before
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Two workers", "## Parsing"]
    assert "Python 3." in text
    assert "apache-airflow " in text
    assert "Where the time of *time* goes:" in text
    assert " 60 %  the request" in text
