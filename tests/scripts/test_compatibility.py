"""The page of supported versions, and the versions that the tests run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.checkout import ROOT
from scripts.compatibility import FEATURES_HEADING, PAGE, counts, features, page
from scripts.versions import ENVIRONMENTS, Environment


def test_page_lists_every_feature() -> None:
    _, heading, rest = PAGE.read_text().partition(FEATURES_HEADING)
    assert heading
    assert rest.strip().splitlines() == list(features())


def test_page_is_up_to_date_except_counts() -> None:
    def without_counts(text: str) -> list[str]:
        return [
            "|".join(cell for number, cell in enumerate(line.split("|")) if number not in (3, 4, 5))
            if "`constraints/" in line
            else line
            for line in text.splitlines()
        ]

    assert without_counts(PAGE.read_text()) == without_counts(page())


def test_environments_pin_their_airflow() -> None:
    for each in ENVIRONMENTS:
        pinned = (ROOT / each.constraints).read_text().splitlines()
        assert f"apache-airflow=={each.airflow.split(',')[0]}" in pinned
        assert not [pin for pin in pinned if "/" in pin and not pin.startswith("#")]


def test_environments_use_every_constraints_file() -> None:
    assert {each.constraints for each in ENVIRONMENTS} == {
        f"constraints/{path.name}" for path in ROOT.glob("constraints/*")
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: str(each.airflow))
def test_environments_use_supported_pythons(environment: Environment) -> None:
    classifiers = (ROOT / "pyproject.toml").read_text()
    for python in environment.pythons:
        assert f"Programming Language :: Python :: {python}" in classifiers


def test_counts(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    suite = '<testsuite tests="10" failures="1" errors="2" skipped="3"/>'
    report.write_text(f"<testsuites>{suite}</testsuites>")
    assert counts(report) == ("4", "3", "3")
    assert counts(tmp_path / "none.xml") == ("not run", "", "")
