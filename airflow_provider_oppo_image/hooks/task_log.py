"""What a task writes to its log: tables in folds, and last words that tell what to do."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_oppo_image.errors import OppoImageError, PictureError
from airflow_provider_oppo_image.help_pages import docs_url_for
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.report_table import as_table

log = logging.getLogger(__name__)


@contextlib.contextmanager
def folded(title: str) -> Iterator[None]:
    """Have Airflow's page of the log fold what is logged meanwhile; the fold ends with the block, however that ends.

    :param title: what stands in place of the lines.
    """
    log.info("::group::%s", title)
    try:
        yield
    finally:
        log.info("::endgroup::")


def tell(error: OppoImageError) -> None:
    """Write what is wrong to the log, and have the error end with the address of its page; once for each error.

    The error's own words are replaced, since Airflow 3 shows no notes; a line of the log comes before, since an address
    can be clicked only there.

    :param error: what the task fails with.
    """
    if str(error).endswith(docs_url_for(error)):
        return
    if isinstance(error, PictureError):
        tell_reports(error.reports)
    error.args = (last_words(error),)
    log.error("%s", error)


def tell_reports(reports: Iterable[Mapping[str, Any]]) -> None:
    """Write a table of each picture that is not ready, in a fold where there are several.

    :param reports: what `PictureReport.to_dict` made, with a ``name`` where there is one.
    """
    tables = [_named(data, as_table(PictureReport.from_dict(data))) for data in reports if data["problems"]]
    with folded(f"{len(tables)} pictures with problems") if len(tables) > 1 else contextlib.nullcontext():
        for table in tables:
            log.error("%s", table)


def last_words(error: OppoImageError) -> str:
    """Say in a line what was found, what was asked for and what to do, and where the page on it is.

    :param error: what the task fails with; of several problems the first to mend is told.
    """
    return f"{_in_a_line(error)} {docs_url_for(error)}"


def _in_a_line(error: OppoImageError) -> str:
    if not isinstance(error, PictureError) or not error.first_to_mend:
        # A table may follow, which stands in the log.
        return str(error).partition("\n")[0]
    report = PictureReport.from_dict(error.first_to_mend)
    line = f"{report.kind} picture {report.url} is {report.state}: {report.problems[0]}"
    several = sum(len(data["problems"]) for data in error.reports) > 1
    return ("The first of several problems: " if several else "") + _named(error.first_to_mend, line)


def _named(data: Mapping[str, Any], words: str) -> str:
    return f"{data['name']}: {words}" if data.get("name") else words
