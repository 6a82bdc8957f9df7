"""The Airflow and Python versions that the tests run on."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from scripts.checkout import ROOT

REPORTS: Final = ROOT / "build" / "matrix" / "reports"


class Environment(NamedTuple):
    """An Airflow version, the file that pins every version for it, and the Pythons to test it on."""

    session: str  # the name of the nox session
    airflow: str
    constraints: str
    pythons: tuple[str, ...]
    providers: tuple[str, ...] = ()  # what is installed beside the package


_MANAGED: Final = tuple(f"apache-airflow-providers-{name}" for name in ("amazon", "google", "snowflake"))
_RELEASES: Final = ("2.11.2", "3.0.6", "3.1.8", "3.2.2", "3.3.2")

ENVIRONMENTS: Final = (
    Environment("test-lowest", "2.11.0, lowest dependencies", "constraints/lowest.txt", ("3.11",)),
    Environment("test-airflow-2.11", "2.11.2", "constraints/airflow-2.11.txt", ("3.11", "3.12")),
    Environment("test-airflow-3.0", "3.0.6", "constraints/airflow-3.0.txt", ("3.12",)),
    Environment("test-airflow-3.1", "3.1.8", "constraints/airflow-3.1.txt", ("3.12",)),
    Environment("test-airflow-3.2", "3.2.2", "constraints/airflow-3.2.txt", ("3.12",)),
    Environment("test-airflow-3.3", "3.3.2", "constraints/airflow-3.3.txt", ("3.11", "3.12", "3.13")),
    *(
        Environment(
            f"test-release-{airflow}", f"{airflow}, its release day", f"constraints/release-{airflow}.txt", ("3.12",)
        )
        for airflow in _RELEASES
    ),
    *(
        Environment(
            f"test-managed-{airflow}", f"{airflow}, managed", f"constraints/managed-{airflow}.txt", ("3.11",), _MANAGED
        )
        for airflow in _RELEASES
    ),
)


def report_path(session: str, python: str) -> Path:
    """Return the path of a session's JUnit report."""
    return REPORTS / f"{session}-{python}.xml"
