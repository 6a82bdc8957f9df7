"""The page of supported versions, and the versions that the tests run on."""

from __future__ import annotations

from pathlib import Path

from scripts.checkout import ROOT
from scripts.compatibility import FEATURES_HEADING, PAGE, counts, features, page
from scripts.versions import ENVIRONMENTS


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


def test_environments_are_pinned_and_supported() -> None:
    classifiers = (ROOT / "pyproject.toml").read_text()
    for each in ENVIRONMENTS:
        pinned = (ROOT / each.constraints).read_text().splitlines()
        assert f"apache-airflow=={each.airflow.split(',')[0]}" in pinned
        assert not [pin for pin in pinned if "/" in pin and not pin.startswith("#")]
        assert all(f"Programming Language :: Python :: {python}" in classifiers for python in each.pythons)
    files = {f"constraints/{path.name}" for path in ROOT.glob("constraints/*")}
    assert {each.constraints for each in ENVIRONMENTS} == files


def test_counts(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    suite = '<testsuite tests="10" failures="1" errors="2" skipped="3"/>'
    report.write_text(f"<testsuites>{suite}</testsuites>")
    assert counts(report) == ("4", "3", "3")
    assert counts(tmp_path / "none.xml") == ("not run", "", "")
