"""A report as people read it in terminals and logs: a line with the facts, and a small table for each problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from airflow_provider_oppo_image.pictures.report import PictureReport, Problem

_WIDTH: Final = len("what to do")


def as_table(report: PictureReport, *, here: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a report in lines.

    :param report: what the check found.
    :param here: what else can be done by whoever reads it here, by the problem's code.
    """
    headline, *_ = str(report).splitlines()
    lines = [headline]
    for name, problems in (("problem", report.problems), ("warning", report.warnings)):
        for problem in problems:
            lines += [f"  {head:<{_WIDTH}}  {words}" for head, words in _rows(name, problem, here)]
    return "\n".join(lines)


def _rows(name: str, problem: Problem, here: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield name, problem.code
    yield "found", problem.found
    yield "asked for", problem.expected
    yield "what to do", problem.advice
    if problem.code in here:
        yield "here", here[problem.code]
