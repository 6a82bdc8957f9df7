"""The HTML of a batch's rows, in the words of a language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.batch.results import RowResult
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PictureKind
from airflow_provider_oppo_image.plugins.batch_asked import BatchQuery, cause_key
from airflow_provider_oppo_image.plugins.campaigns import TaskView
from airflow_provider_oppo_image.plugins.page import shown_address
from airflow_provider_oppo_image.plugins.rendering import template
from airflow_provider_oppo_image.plugins.results_table import ResultsTable
from airflow_provider_oppo_image.plugins.words import Words

PAGE_SIZE: Final = 50
"""So many rows are on a page: ours."""


@dataclass(frozen=True)
class RowPicture:
    """A picture of a row as the page shows it.

    :param kind: "big" or "small".
    :param picture_id: its id; None where it has none.
    :param url: where it is, as the results say; None where they do not.
    """

    kind: PictureKind
    picture_id: str | None
    url: str | None

    @property
    def address(self) -> str:
        """Where a browser finds it; "" where it finds nothing."""
        return shown_address(self.url or "")

    @property
    def hole(self) -> str:
        """The name of the words in place of the picture."""
        return "hole_signed" if self.url else "hole_id" if self.picture_id else "hole_none"


def batch_page(words: Words, asked: BatchQuery, task: TaskView, table: ResultsTable, told: Summary) -> str:
    """Return the page of a batch's rows.

    :param words: the language.
    :param asked: which rows are asked for.
    :param task: the batch's task.
    :param table: its results, as they lie there now.
    :param told: how the batch ended, as its task told.
    """
    page = table.page(asked.wanted, asked.number, PAGE_SIZE)
    return template("batch.html").render(
        words=words,
        asked=asked,
        task=task,
        page=page,
        first=(page.number - 1) * PAGE_SIZE + 1,
        summary=table.summary,
        is_newer=_counts(table.summary) != _counts(told),
        causes={key: cause for cause in table.summary.causes if (key := cause_key(cause.fault, cause.code))},
        cause_key=cause_key,
        pictures=_pictures,
    )


def _counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.rows, summary.uploaded, summary.failed, summary.not_tried


def _pictures(row: RowResult) -> list[RowPicture]:
    found: dict[PictureKind, RowPicture] = {
        "big": RowPicture("big", row.big_picture_id, row.big_picture_url),
        "small": RowPicture("small", row.small_picture_id, row.small_picture_url),
    }
    return [found[kind] for kind in PICTURE_KINDS]
