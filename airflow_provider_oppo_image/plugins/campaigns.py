"""The pictures of one notification, what the tasks of a run did about them, and how far they came. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import Failure
from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord, TaskRecord

Status: TypeAlias = Literal["stopped", "bare", "waiting", "uploaded", "ready", "validated", "pushed"]
"""How a campaign stands. "bare" was pushed without a picture; "ready" has pictures that are not uploaded yet."""

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
"""In the order in which a person wants to hear of them."""

PROBLEMS: Final[tuple[Status, ...]] = ("stopped", "bare", "waiting")

_ENDED_BADLY: Final = ("failed", "upstream_failed", "skipped", "removed")


@dataclass(frozen=True)
class TaskView:
    """A task of a run, and what it left.

    :param task_id: its id.
    :param map_index: where it stands among mapped tasks; -1 where it is not mapped.
    :param label: what Airflow calls it among mapped tasks, where the DAG gives these names; None for its number.
    :param state: its state in Airflow; "" for none.
    :param ended_at: when it ended; None where it has not.
    :param record: what it left; None where that cannot be read.
    """

    task_id: str
    map_index: int
    label: str | None
    state: str
    ended_at: datetime.datetime | None
    record: TaskRecord | None

    @property
    def pictures(self) -> Sequence[PictureRecord]:
        """What it tells of pictures."""
        return self.record.pictures if self.record else ()

    @property
    def group(self) -> str:
        """The task group that it is in; "" for none."""
        return self.task_id.rpartition(".")[0]

    def __str__(self) -> str:
        """Say which task it is, as Airflow does."""
        if self.map_index < 0:
            return self.task_id
        return f"{self.task_id} [{self.label or self.map_index}]"


@dataclass(eq=False)
class Campaign:
    """The pictures of one notification, and how far they came.

    :param tasks: the tasks that had to do with them, in the order in which they told.
    :param pictures: what is known of each picture, by kind.
    :param push: its push; None where there is none yet.
    """

    tasks: list[TaskView] = field(default_factory=list)
    pictures: dict[PictureKind, PictureRecord] = field(default_factory=dict)
    push: PushRecord | None = None

    @property
    def name(self) -> str:
        """What people call it: its name, what Airflow calls its task, its title, or the task itself."""
        records = [task.record for task in self.tasks if task.record]
        names = [record.campaign for record in records] + [picture.name for picture in self.pictures.values()]
        labels = [task.label for task in self.tasks if task.label and task.label != str(task.map_index)]
        title = self.push.title if self.push else ""
        return next((name for name in (*names, *labels, title) if name), str(self.tasks[-1]))

    @property
    def failed(self) -> tuple[TaskView, Failure] | None:
        """The last task that failed, and why; None where none did."""
        for task in reversed(self.tasks):
            if task.record and task.record.failure:
                return task, task.record.failure
        return None

    @property
    def status(self) -> Status:
        """How it stands."""
        if self.push and self.push.sent:
            return "pushed" if self._was_pushed_whole() else "bare"
        if failed := self.failed:
            task, failure = failed
            return "stopped" if task.state in _ENDED_BADLY or not failure.transient else "waiting"
        states = {picture.report.state for picture in self.pictures.values() if picture.report}
        if "wrong" in states:
            return "stopped"
        if "absent" in states:
            return "waiting"
        if self.push:
            return "validated" if self.tasks[-1].state == "success" else "uploaded"
        return "uploaded" if self._has_all_ids() else "ready"

    def _was_pushed_whole(self) -> bool:
        carried = {picture.kind for task in self.tasks if _is_push(task) for picture in task.pictures}
        return bool(carried) and carried >= self.pictures.keys()

    def _has_all_ids(self) -> bool:
        return bool(self.pictures) and all(picture.picture_id for picture in self.pictures.values())


def _is_push(task: TaskView) -> bool:
    return task.record is not None and task.record.step == "push"
