"""The page's HTML: what is seen of each campaign and its pictures, in the words of a language."""

from __future__ import annotations

import datetime
import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RETENTION_DAYS, PICTURE_RULES, PictureRule
from airflow_provider_oppo_image.hooks.task_record import PictureRecord
from airflow_provider_oppo_image.links.oppo_image import CONSOLE_URL
from airflow_provider_oppo_image.net.redaction import REDACTED_QUERY
from airflow_provider_oppo_image.plugins.batch_asked import BatchQuery, cause_key
from airflow_provider_oppo_image.plugins.campaigns import PROBLEMS, STATUSES, Campaign, TaskView
from airflow_provider_oppo_image.plugins.rendering import template
from airflow_provider_oppo_image.plugins.words import Words

PAGE_SIZE: Final = 25
"""So many campaigns are on a page: ours."""


@dataclass(frozen=True)
class PageQuery:
    """What a person asked to see.

    :param dag_id: the DAG.
    :param run_id: the run.
    :param task_id: one task of it; "" for all.
    :param map_index: which of its mapped tasks; -1 where it is not mapped.
    :param problems: only campaigns with problems.
    :param name: only campaigns in whose name this stands, in upper or lower case.
    :param number: which page, from 1.
    """

    dag_id: str
    run_id: str
    task_id: str = ""
    map_index: int = -1
    problems: bool = False
    name: str = ""
    number: int = 1

    def lets_pass(self, campaign: Campaign) -> bool:
        """Tell whether a campaign is asked for by its name and how it stands."""
        if self.problems and campaign.status not in PROBLEMS:
            return False
        return self.name.casefold() in campaign.name.casefold()

    def is_of(self, task: TaskView) -> bool:
        """Tell whether a task is asked for."""
        return not self.task_id or (task.task_id, task.map_index) == (self.task_id, self.map_index)


@dataclass(frozen=True)
class PictureView:
    """A picture as the page shows it.

    :param record: what is known of it.
    :param rule: what is asked of its kind.
    :param state: the name of the words for how it stands.
    :param address: where a browser finds it; "" where it finds nothing.
    :param hole: the name of the words in place of the picture; "" where there is a picture.
    """

    record: PictureRecord
    rule: PictureRule
    state: str
    address: str
    hole: str

    @property
    def is_bad(self) -> bool:
        """Whether OPPO would not show it."""
        return self.state in ("wrong", "failed")


def view_of(picture: PictureRecord, *, sent: bool) -> PictureView:
    """Return how the page shows a picture.

    :param picture: what is known of it.
    :param sent: whether its id was pushed.
    """
    state = _state_of(picture, sent=sent)
    address = shown_address(picture.url)
    hole = {"wrong": "hole_wrong", "absent": "hole_absent", "failed": "hole_failed"}.get(state, "")
    if not hole and not address:
        hole = "hole_signed" if REDACTED_QUERY in picture.url else "hole_address" if picture.url else "hole_elsewhere"
    return PictureView(picture, PICTURE_RULES[picture.kind], state, address, hole)


def shown_address(url: str) -> str:
    """Return where a browser finds a picture; "" where it finds nothing, as where only a signature opens it.

    :param url: where the picture is, as a task told it; "" for nothing.
    """
    return url if url.startswith(("http://", "https://")) and REDACTED_QUERY not in url else ""


def _state_of(picture: PictureRecord, *, sent: bool) -> str:
    if picture.report and picture.report.state != "ready":
        return picture.report.state
    if picture.failure:
        return "failed"
    if not picture.picture_id:
        return "ready" if picture.report else "unknown"
    if not picture.url:
        return "elsewhere"
    if not picture.report:
        return "unchecked"
    return "pushed" if sent else "uploaded"


def pictures_page(
    words: Words, asked: PageQuery, campaigns: Sequence[Campaign], tasks: Sequence[TaskView], records: int
) -> str:
    """Return the page of a run's, or a task's, pictures.

    :param words: the language.
    :param asked: what is asked for.
    :param campaigns: the run's campaigns, those with problems first.
    :param tasks: the run's tasks that left something, as many as are looked at.
    :param records: how many tasks of the run left something.
    """
    ours = [campaign for campaign in campaigns if any(map(asked.is_of, campaign.tasks))]
    matching = [campaign for campaign in ours if asked.lets_pass(campaign)]
    pages = max(-(-len(matching) // PAGE_SIZE), 1)
    number = min(max(asked.number, 1), pages)
    counts = Counter(campaign.status for campaign in ours)
    return template("pictures.html").render(
        words=words,
        asked=asked,
        total=len(ours),
        counts={status: counts[status] for status in STATUSES if counts[status]},
        problems=PROBLEMS,
        campaigns=matching[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        batches=[task for task in tasks if task.record and task.record.batch and asked.is_of(task)],
        batch_of=functools.partial(BatchQuery.of_task, asked.dag_id, asked.run_id),
        cause_key=cause_key,
        looked_at=len(tasks),
        records=records,
        unreadable=sum(task.record is None for task in tasks),
        number=number,
        pages=pages,
        console=CONSOLE_URL,
        views=_views,
        age=functools.partial(_age, words),
        left=_days_left,
        kept=PICTURE_RETENTION_DAYS,
    )


def _views(campaign: Campaign) -> list[PictureView]:
    sent = bool(campaign.push and campaign.push.sent)
    return [view_of(campaign.pictures[kind], sent=sent) for kind in PICTURE_KINDS if kind in campaign.pictures]


def _since(moment: str) -> datetime.timedelta | None:
    try:
        then = datetime.datetime.fromisoformat(moment)
    except ValueError:
        return None
    return datetime.datetime.now(datetime.UTC) - then if then.tzinfo else None


def _age(words: Words, moment: str) -> str:
    since = _since(moment)
    if since is None:
        return ""
    minutes = max(int(since.total_seconds()) // 60, 0)
    if minutes < 1:
        return words("ago_now")
    if minutes < 120:
        return words("ago_minutes", count=minutes)
    return words("ago_hours", count=minutes // 60) if minutes < 2880 else words("ago_days", count=minutes // 1440)


def _days_left(moment: str) -> int:
    since = _since(moment)
    return PICTURE_RETENTION_DAYS if since is None else PICTURE_RETENTION_DAYS - since.days
