"""Checks of big pictures given as bytes."""

from __future__ import annotations

from airflow_provider_oppo_image.pictures.check import check_bytes
from airflow_provider_oppo_image.pictures.report import PictureReport


def check(content: bytes) -> PictureReport:
    return check_bytes("big", content, "picture")


def reason(content: bytes) -> str:
    """Return what was found in a broken picture."""
    (problem,) = check(content).problems
    assert problem.code == "broken"
    return problem.found
