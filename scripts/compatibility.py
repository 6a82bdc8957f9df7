"""The page of supported versions: test results, and features that need a later Airflow.

usage: python -m scripts.compatibility    after the nox sessions: prints the results, writes docs/compatibility.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from airflow_provider_oppo_image.airflow_compat import FEATURES
from scripts.checkout import ROOT
from scripts.markdown import table
from scripts.versions import ENVIRONMENTS, report_path

PAGE: Final = ROOT / "docs" / "compatibility.md"
FEATURES_HEADING: Final = "## Features that need a later Airflow"
INTRODUCTION: Final = """# Airflow and Python versions

The package supports Airflow 2.11 and later, and Python 3.11 to 3.13. The tests run from the built wheel in a new
environment for each of these, with every version pinned. Tests that start complete Airflows, workers or a browser run
on 3.3.2, some of them on 2.11.2 too; they are not counted here. `make test-matrix` writes this page.

"Its release day" means the newest versions of the first days of that Airflow, as in its own constraints files.
"Managed" adds the providers for Amazon, Google and Snowflake, NumPy below 2 and pandas below 2.2, which those
files have too. `pip check` finds nothing in any of them. Python 3.14 is not tested; the dependencies resolve for it.
"""


def counts(report: Path) -> tuple[str, str, str]:
    """Return how many tests of a JUnit report passed, failed and were skipped; "not run" without a report."""
    if not report.exists():
        return "not run", "", ""
    [suite] = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - written by our own pytest
    tests, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return str(tests - failed - skipped), str(failed), str(skipped)


def results() -> list[str]:
    """Return the lines of the table of test results."""
    head = ("Airflow", "Python", "passed", "failed", "skipped", "pinned in")
    rows = [
        (each.airflow, python, *counts(report_path(each.session, python)), f"`{each.constraints}`")
        for each in ENVIRONMENTS
        for python in each.pythons
    ]
    return table(head, rows)


def features() -> list[str]:
    """Return the lines of the table of features."""
    rows = []
    for feature in FEATURES:
        since, except_in = (".".join(map(str, version or ())) for version in (feature.since, feature.except_in))
        versions = f"{since}, except {except_in}" if except_in else since
        rows.append((feature.name, versions, feature.fallback, feature.detected_by))
    return table(("feature", "since Airflow", "without it", "detected by"), rows)


def page() -> str:
    """Return the page in Markdown."""
    skipped = "A test is skipped if the Airflow version does not have the feature that it tests."
    return "\n".join([INTRODUCTION, *results(), "", skipped, "", FEATURES_HEADING, "", *features()]) + "\n"


if __name__ == "__main__":
    print("\n".join(results()))
    PAGE.write_text(page())
