"""What several reports say together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_provider_oppo_image.errors import PictureAbsentError, PictureError, PictureWrongError
from airflow_provider_oppo_image.pictures.report import PictureReport, State


def overall_state(reports: Iterable[PictureReport]) -> State:
    """Return "wrong" if any picture is, else "absent" if any is, else "ready"."""
    states = {report.state for report in reports}
    for state in ("wrong", "absent"):
        if state in states:
            return state
    return "ready"


def error_for(reports: Sequence[PictureReport]) -> PictureError | None:
    """Return the error to raise because of these reports; None when all pictures are ready.

    :param reports: the reports of the pictures that are needed together.
    """
    state = overall_state(reports)
    if state == "ready":
        return None
    words = "\n".join(str(report) for report in reports if report.state != "ready")
    waits = [report.retry_after for report in reports if report.retry_after is not None]
    error_class = PictureWrongError if state == "wrong" else PictureAbsentError
    return error_class(
        words,
        reports=[report.to_dict() for report in reports],
        retry_after=max(waits) if waits and state == "absent" else None,
    )
