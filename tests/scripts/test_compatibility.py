"""The page of compatibility says what the code says, and the matrix is the one that is pinned and offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.checkout import ROOT
from scripts.compatibility import FEATURES_HEADING, PAGE, counts, features, page
from scripts.versions import LINES, Line


def test_the_page_says_of_each_feature_what_the_code_says() -> None:
    _, heading, rest = PAGE.read_text().partition(FEATURES_HEADING)
    assert heading
    assert rest.strip().splitlines() == list(features())


def test_the_page_is_the_one_that_the_script_writes_but_for_the_counts() -> None:
    def but_for_counts(text: str) -> list[str]:
        return [
            "|".join(cell for number, cell in enumerate(line.split("|")) if number not in (3, 4, 5))
            if "`constraints/" in line
            else line
            for line in text.splitlines()
        ]

    assert but_for_counts(PAGE.read_text()) == but_for_counts(page())


def test_each_airflow_of_the_matrix_is_pinned() -> None:
    for line in LINES:
        pinned = (ROOT / line.constraints).read_text().splitlines()
        assert f"apache-airflow=={line.airflow.split(',')[0]}" in pinned
        assert not [pin for pin in pinned if "/" in pin and not pin.startswith("#")]


def test_each_file_of_constraints_is_in_the_matrix() -> None:
    assert {line.constraints for line in LINES} == {f"constraints/{path.name}" for path in ROOT.glob("constraints/*")}


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line.airflow))
def test_each_python_of_the_matrix_is_one_that_the_package_says(line: Line) -> None:
    classifiers = (ROOT / "pyproject.toml").read_text()
    for python in line.pythons:
        assert f"Programming Language :: Python :: {python}" in classifiers


def test_a_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    suite = '<testsuite tests="10" failures="1" errors="2" skipped="3"/>'
    report.write_text(f"<testsuites>{suite}</testsuites>")
    assert counts(report) == ("4", "3", "3")
    assert counts(tmp_path / "none.xml") == ("not run", "", "")
