"""The page of a run's pictures: its route, and the HTML of campaigns with their pictures."""

from __future__ import annotations

import datetime
import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE, PICTURE_KINDS, PICTURE_RULES, PictureRule
from airflow_provider_oppo_image.hooks.task_record import PictureRecord
from airflow_provider_oppo_image.links.oppo_image import CONSOLE_URL
from airflow_provider_oppo_image.net.redaction import REDACTED_QUERY
from airflow_provider_oppo_image.plugins.campaigns import (
    PROBLEM_STATUSES,
    STATUSES,
    Campaign,
    TaskView,
    group_campaigns,
)
from airflow_provider_oppo_image.plugins.database import load_tasks, run_exists
from airflow_provider_oppo_image.plugins.queries import BatchQuery, PageQuery, cause_key
from airflow_provider_oppo_image.plugins.translations import Translation
from airflow_provider_oppo_image.plugins.web import HEADERS, MapIndex, ReadableDag, request_translation, template

PAGE_SIZE: Final = 25
"""Our own limit: the number of campaigns on a page."""


@dataclass(frozen=True)
class PictureView:
    """A picture as the page displays it.

    :param record: what is known of it.
    :param rule: the requirements for its kind.
    :param state: the name of the message for its state.
    :param src: the address that a browser loads; "" if a browser cannot load it.
    :param placeholder: the name of the message in place of the picture; "" if the picture is displayed.
    """

    record: PictureRecord
    rule: PictureRule
    state: str
    src: str
    placeholder: str


def show_pictures(
    request: Request,
    dag_id: ReadableDag,
    run_id: str,
    map_index: MapIndex,
    session: SessionDep,
    task_id: str = "",
    problems: bool = False,
    name: Annotated[str, Query(max_length=200)] = "",
    number: int = 1,
) -> HTMLResponse:
    """Return the page of the pictures of a run or a task; the parameters are those of `PageQuery`."""
    if not run_exists(session, dag_id, run_id):
        raise HTTPException(404)
    tasks, total_records = load_tasks(session, dag_id, run_id)
    query = PageQuery(dag_id, run_id, task_id, map_index, problems, name.strip(), number)
    page = render_pictures(request_translation(request), query, tasks, total_records)
    return HTMLResponse(page, headers=HEADERS)


def render_pictures(translation: Translation, query: PageQuery, tasks: Sequence[TaskView], total_records: int) -> str:
    """Return the HTML of the page.

    :param translation: the language.
    :param query: what to display.
    :param tasks: the run's tasks that have a record; at most `database.MAX_RECORDS`.
    :param total_records: the number of tasks of the run that have a record.
    """
    campaigns = [campaign for campaign in group_campaigns(tasks) if any(map(query.matches_task, campaign.tasks))]
    matching = [campaign for campaign in campaigns if query.matches(campaign)]
    pages = max(-(-len(matching) // PAGE_SIZE), 1)
    number = min(max(query.number, 1), pages)
    counts = Counter(campaign.status for campaign in campaigns)
    return template("pictures.html").render(
        t=translation,
        query=query,
        total=len(campaigns),
        counts={status: counts[status] for status in STATUSES if counts[status]},
        problem_statuses=PROBLEM_STATUSES,
        campaigns=matching[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        batches=[task for task in tasks if task.record and task.record.batch and query.matches_task(task)],
        batch_query=lambda task: BatchQuery(query.dag_id, query.run_id, task.task_id, task.map_index),
        cause_key=cause_key,
        records_read=len(tasks),
        total_records=total_records,
        unreadable=sum(task.record is None for task in tasks),
        number=number,
        pages=pages,
        console=CONSOLE_URL,
        picture_views=_picture_views,
        age=functools.partial(_age, translation),
        days_left=_days_left,
        retention_days=MAX_PICTURE_AGE.days,
    )


def image_src(url: str) -> str:
    """Return the address from which a browser can load a picture; "" if it cannot, as with a signed URL.

    :param url: the picture's URL in a record, its query redacted; "" for none.
    """
    return url if url.startswith(("http://", "https://")) and REDACTED_QUERY not in url else ""


def _picture_views(campaign: Campaign) -> list[PictureView]:
    sent = bool(campaign.push and campaign.push.sent)
    return [_picture_view(campaign.pictures[kind], sent=sent) for kind in PICTURE_KINDS if kind in campaign.pictures]


def _picture_view(picture: PictureRecord, *, sent: bool) -> PictureView:
    state = _picture_state(picture, sent=sent)
    src = image_src(picture.url)
    placeholder = f"placeholder_{state}" if state in ("wrong", "absent", "failed") else ""
    if not placeholder and not src:
        signed = REDACTED_QUERY in picture.url
        reason = "signed" if signed else "unsupported_url" if picture.url else "other_run"
        placeholder = f"placeholder_{reason}"
    return PictureView(picture, PICTURE_RULES[picture.kind], state, src, placeholder)


def _picture_state(picture: PictureRecord, *, sent: bool) -> str:
    if picture.report and picture.report.state != "ready":
        return picture.report.state
    if picture.failure:
        return "failed"
    if not picture.picture_id:
        return "ready" if picture.report else "unknown"
    if not picture.url:
        return "other_run"
    if not picture.report:
        return "unchecked"
    return "pushed" if sent else "uploaded"


def _time_since(timestamp: str) -> datetime.timedelta | None:
    try:
        then = datetime.datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return datetime.datetime.now(datetime.UTC) - then if then.tzinfo else None


def _age(translation: Translation, timestamp: str) -> str:
    since = _time_since(timestamp)
    if since is None:
        return ""
    minutes = max(int(since.total_seconds()) // 60, 0)
    if minutes < 1:
        return translation("ago_now")
    if minutes < 120:
        return translation("ago_minutes", count=minutes)
    if minutes < 2880:
        return translation("ago_hours", count=minutes // 60)
    return translation("ago_days", count=minutes // 1440)


def _days_left(timestamp: str) -> int:
    since = _time_since(timestamp)
    return MAX_PICTURE_AGE.days if since is None else MAX_PICTURE_AGE.days - since.days
