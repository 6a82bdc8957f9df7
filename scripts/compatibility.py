"""The page that says how the tests went on each Airflow and Python, and what only some Airflows can do.

usage: python -m scripts.compatibility    after nox's sessions: prints their table, writes docs/compatibility.md
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from airflow_provider_oppo_image.airflow_compat import FEATURES, Feature
from scripts.copies import ROOT
from scripts.matrix import LINES, report_of

PAGE: Final = ROOT / "docs" / "compatibility.md"
FEATURES_HEADING: Final = "## What only some Airflows can do"


def counts(report: Path) -> tuple[str, str, str]:
    """Return how many tests passed, failed and were skipped, in pytest's report; "not run" without one.

    :param report: a report in JUnit's form.
    """
    if not report.exists():
        return "not run", "", ""
    [suite] = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - our own pytest wrote it
    tests, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return str(tests - failed - skipped), str(failed), str(skipped)


def results() -> Iterator[str]:
    """Make the table of how the tests went, a line at a time."""
    yield "| Airflow | Python | passed | failed | skipped | pinned in |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for line in LINES:
        for python in line.pythons:
            cells = (line.airflow, python, *counts(report_of(line.session, python)), f"`{line.constraints}`")
            yield f"| {' | '.join(cells)} |"


def features() -> Iterator[str]:
    """Make the table of what only some Airflows can do, a line at a time."""
    yield "| feature | since Airflow | without it | detected by |"
    yield "| --- | --- | --- | --- |"
    yield from map(_row, FEATURES)


def _row(feature: Feature) -> str:
    since, except_in = (".".join(map(str, version or ())) for version in (feature.since, feature.except_in))
    versions = f"{since}, except {except_in}" if except_in else since
    return f"| {feature.name} | {versions} | {feature.fallback} | {feature.detected_by} |"


def page() -> str:
    """Return the page of compatibility."""
    lines = (
        "# Which Airflow, which Python",
        "",
        "The package is for Airflow 2.11 and later, and for Python 3.11 to 3.13. On each of these the tests run from",
        "the built wheel, in a clean environment, where every version is pinned. What starts whole Airflows, workers",
        "or a browser runs on 3.3.2, some of it on 2.11.2, and is not counted. `make test-matrix` writes this page.",
        "",
        *results(),
        "",
        "A test is skipped where it is about what the Airflow at hand does not have.",
        "",
        FEATURES_HEADING,
        "",
        *features(),
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print("\n".join(results()))
    PAGE.write_text(page())
