"""Query parameters of the pages: parsed values, and the addresses of links. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast
from urllib.parse import urlencode

from airflow_provider_oppo_image.batch.progress import OTHER_CAUSE
from airflow_provider_oppo_image.errors import FAULTS, Fault
from airflow_provider_oppo_image.plugins.campaigns import PROBLEM_STATUSES, Campaign, TaskView
from airflow_provider_oppo_image.plugins.results_table import Filter

StateFilter: TypeAlias = Literal["", "uploaded", "failed", "not tried"]

CAUSE_PATTERN: Final = f"(?s)^(({'|'.join(FAULTS)}):.+)?$"
"""The format of a cause in an address, as `cause_key` returns it; also matches ""."""


def cause_key(fault: Fault | None, code: str | None) -> str:
    """Return the cause of a failed row as it appears in an address.

    :param fault: what has to be fixed; None for nothing.
    :param code: the error code; None for none.
    :return: "" if there is no cause, and for the causes that a summary groups as "other".
    """
    return f"{fault}:{code}" if fault and code and code != OTHER_CAUSE else ""


@dataclass(frozen=True)
class PageQuery:
    """Query of the pictures page.

    :param dag_id: the DAG.
    :param run_id: the run.
    :param task_id: only this task; "" for all tasks.
    :param map_index: the task's map index; -1 for a task that is not mapped.
    :param problems: only campaigns with problems.
    :param name: only campaigns whose name contains this text, ignoring case.
    :param number: the page's number, from 1.
    """

    dag_id: str
    run_id: str
    task_id: str = ""
    map_index: int = -1
    problems: bool = False
    name: str = ""
    number: int = 1

    def matches(self, campaign: Campaign) -> bool:
        """Return True if a campaign's name and status match."""
        if self.problems and campaign.status not in PROBLEM_STATUSES:
            return False
        return self.name.casefold() in campaign.name.casefold()

    def matches_task(self, task: TaskView) -> bool:
        """Return True if a task matches."""
        return not self.task_id or (task.task_id, task.map_index) == (self.task_id, self.map_index)


@dataclass(frozen=True)
class BatchQuery:
    """Query of a batch's rows.

    :param dag_id: the DAG.
    :param run_id: the run.
    :param task_id: the task.
    :param map_index: the task's map index; -1 for a task that is not mapped.
    :param state: only rows with this state; "" for all. Ignored if there is a cause, since only failed rows have one.
    :param cause: only rows with this cause, as `cause_key` returns it; "" for all.
    :param text: only rows that contain this text; "" for all.
    :param number: the page's number, from 1.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    state: StateFilter = ""
    cause: str = ""
    text: str = ""
    number: int = 1

    @property
    def row_filter(self) -> Filter:
        """The filter for the results table."""
        if self.cause:
            fault, _, code = self.cause.partition(":")
            return Filter(fault=cast("Fault", fault), code=code, text=self.text)
        return Filter(self.state or None, text=self.text)

    def url_query(self, *, number: int = 1, **changes: str) -> str:
        """Return the query string of this query with some values changed.

        :param number: the page's number.
        :param changes: the other values to change, by attribute name.
        """
        changed = dataclasses.replace(self, number=number, **changes)  # type: ignore[arg-type]  # the attributes have several types
        return "?" + urlencode({name: value for name, value in dataclasses.asdict(changed).items() if value != ""})
