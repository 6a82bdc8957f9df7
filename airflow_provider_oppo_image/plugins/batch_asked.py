"""What a person asked to see of a batch's rows, and the addresses of what may be asked next. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, Literal, Self, TypeAlias, cast
from urllib.parse import urlencode

from airflow_provider_oppo_image.batch.progress import OTHER_CAUSE
from airflow_provider_oppo_image.errors import FAULTS, Fault
from airflow_provider_oppo_image.plugins.campaigns import TaskView
from airflow_provider_oppo_image.plugins.results_table import Filter

AskedState: TypeAlias = Literal["", "uploaded", "failed", "not tried"]

CAUSE: Final = f"(?s)^(({'|'.join(FAULTS)}):.+)?$"
"""How a cause stands in an address: what has to be mended, and the error code."""


def cause_key(fault: Fault | None, code: str | None) -> str:
    """Return how a cause stands in an address; "" for none, and for the causes that a summary does not tell apart.

    :param fault: what has to be mended; None for nothing.
    :param code: the error code; None for none.
    """
    return f"{fault}:{code}" if fault and code and code != OTHER_CAUSE else ""


@dataclass(frozen=True)
class BatchQuery:
    """Which rows of which batch.

    :param dag_id: the DAG.
    :param run_id: the run.
    :param task_id: the task.
    :param map_index: which of its mapped instances; -1 where it is not mapped.
    :param state: only rows that ended so; "" for all. A cause is of failed rows, whatever this says.
    :param cause: only rows that failed so, as `cause_key` says it; "" for all.
    :param text: only rows in which this stands; "" for all.
    :param number: which page, from 1.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    state: AskedState = ""
    cause: str = ""
    text: str = ""
    number: int = 1

    @classmethod
    def of_task(cls, dag_id: str, run_id: str, task: TaskView) -> Self:
        """Return what asks for all rows of a task's batch.

        :param dag_id: the DAG.
        :param run_id: the run.
        :param task: the task.
        """
        return cls(dag_id, run_id, task.task_id, task.map_index)

    @property
    def wanted(self) -> Filter:
        """The rows, as a table takes it."""
        if self.cause:
            fault, _, code = self.cause.partition(":")
            return Filter(fault=cast("Fault", fault), code=code, text=self.text)
        return Filter(self.state or None, text=self.text)

    def query(self, *, number: int = 1, **changes: str) -> str:
        """Return the query of an address that asks for the same, but for what is given.

        :param number: which page.
        :param changes: what else is asked for, by its name here.
        """
        asked = dataclasses.replace(self, number=number, **changes)  # type: ignore[arg-type]
        return "?" + urlencode({name: value for name, value in dataclasses.asdict(asked).items() if value != ""})

    def of_run(self) -> str:
        """Return the query of the address of the run's page."""
        return "?" + urlencode({"dag_id": self.dag_id, "run_id": self.run_id})
