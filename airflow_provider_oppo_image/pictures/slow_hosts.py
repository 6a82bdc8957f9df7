"""Hosts that are given up, so that thousands of pictures of one that never answers do not take all the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.pictures.turns import host_of
from airflow_provider_oppo_image.urls import without_query


def was_too_slow(report: PictureReport) -> bool:
    """Tell whether a picture's host took too long."""
    return any(problem.code == "timed_out" for problem in report.problems)


def not_asked_for(kind: PictureKind, url: str, patience: int) -> PictureReport:
    """Return the report of a picture whose host was given up.

    :param kind: "big" or "small".
    :param url: the picture's URL.
    :param patience: for how many pictures in a row the host was too slow.
    """
    problem = Problem(
        "timed_out",
        f"the host was too slow for {patience} pictures in a row, so it was not asked for this one",
        "a picture",
        "Try again later; check that the host is up, or raise the connection's timeouts.",
    )
    return PictureReport(kind, without_query(url), "absent", problems=(problem,))


def giving_up(
    check: Callable[[PictureKind, str], PictureReport], patience: int
) -> Callable[[PictureKind, str], PictureReport]:
    """Return a check that asks a host no more once it was too slow too often; threads may share it.

    :param check: looks at one picture.
    :param patience: pictures in a row for which a host may be too slow.
    """
    in_a_row: Counter[str] = Counter()

    def look(kind: PictureKind, url: str) -> PictureReport:
        host = host_of(url)
        if in_a_row[host] >= patience:
            return not_asked_for(kind, url, patience)
        report = check(kind, url)
        if was_too_slow(report):
            in_a_row[host] += 1
        elif in_a_row[host] < patience:  # who was given up stays so
            in_a_row[host] = 0
        return report

    return look
