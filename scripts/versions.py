"""The Airflow and Python versions that the tests run on."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from scripts.checkout import ROOT

REPORTS: Final = ROOT / "build" / "matrix" / "reports"


class Environment(NamedTuple):
    """An Airflow version, the file that pins every version for it, and the Pythons to test it on."""

    name: str
    airflow: str
    pythons: tuple[str, ...]
    providers: tuple[str, ...] = ()  # what is installed beside the package

    @property
    def session(self) -> str:
        """The name of the nox session."""
        return f"test-{self.name}"

    @property
    def constraints(self) -> str:
        """The path of the file that pins every version."""
        return f"constraints/{self.name}.txt"


_MANAGED: Final = tuple(f"apache-airflow-providers-{name}" for name in ("amazon", "google", "snowflake"))
_RELEASES: Final = ("2.11.2", "3.0.6", "3.1.8", "3.2.2", "3.3.2")

ENVIRONMENTS: Final = (
    Environment("lowest", "2.11.0, lowest dependencies", ("3.11",)),
    Environment("airflow-2.11", "2.11.2", ("3.11", "3.12")),
    Environment("airflow-3.0", "3.0.6", ("3.12",)),
    Environment("airflow-3.1", "3.1.8", ("3.12",)),
    Environment("airflow-3.2", "3.2.2", ("3.12",)),
    Environment("airflow-3.3", "3.3.2", ("3.11", "3.12", "3.13")),
    *(Environment(f"release-{airflow}", f"{airflow}, its release day", ("3.12",)) for airflow in _RELEASES),
    *(Environment(f"managed-{airflow}", f"{airflow}, managed", ("3.11",), _MANAGED) for airflow in _RELEASES),
)


def report_path(session: str, python: str) -> Path:
    """Return the path of a session's JUnit report."""
    return REPORTS / f"{session}-{python}.xml"
