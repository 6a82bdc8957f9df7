"""The Airflows and Pythons that the tests run on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.checkout import ROOT

REPORTS: Final = ROOT / "build" / "matrix" / "reports"


@dataclass(frozen=True)
class Line:
    """An Airflow of the matrix, with the Pythons that it is tested on.

    :param session: the name of its nox session, and of the Makefile's target where there is one.
    :param airflow: its version, as people call it.
    :param constraints: where every version of it is pinned.
    :param pythons: the Pythons.
    """

    session: str
    airflow: str
    constraints: str
    pythons: tuple[str, ...]


LINES: Final = (
    Line("test-lowest", "2.11.0, and the oldest of all else", "constraints/lowest.txt", ("3.11",)),
    Line("test-airflow-2.11", "2.11.2", "constraints/airflow-2.11.txt", ("3.11", "3.12")),
    Line("test-airflow-3.0", "3.0.6", "constraints/airflow-3.0.txt", ("3.12",)),
    Line("test-airflow-3.1", "3.1.8", "constraints/airflow-3.1.txt", ("3.12",)),
    Line("test-airflow-3.2", "3.2.2", "constraints/airflow-3.2.txt", ("3.12",)),
    Line("test-airflow-3.3", "3.3.2", "constraints/airflow-3.3.txt", ("3.11", "3.12", "3.13")),
)


def report_of(session: str, python: str) -> Path:
    """Return where a session's report is.

    :param session: a line's session.
    :param python: one of its Pythons.
    """
    return REPORTS / f"{session}-{python}.xml"
