"""Campaigns: the pictures of one notification, the tasks that handled them, and their status. Pure.

Each upload creates a campaign. A task that checked the same pictures, or pushed their ids, joins that campaign. If
several campaigns match, it joins the one with the same name, or the one at the same position of a mapped task group. A
task that matches no upload creates a campaign of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import Failure
from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord, Step, TaskRecord

Status: TypeAlias = Literal["stopped", "pushed_without_picture", "waiting", "uploaded", "ready", "validated", "pushed"]
"""Status of a campaign; "ready" means that its pictures passed the check and are not uploaded yet."""

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
"""All statuses in the order in which the page shows them."""

PROBLEM_STATUSES: Final[tuple[Status, ...]] = ("stopped", "pushed_without_picture", "waiting")

_FAILED_STATES: Final = ("failed", "upstream_failed", "skipped", "removed")
_GROUPING_ORDER: Final[tuple[Step, ...]] = ("upload", "prepare", "wait", "push")
_STEP_ORDER: Final[tuple[Step, ...]] = ("prepare", "wait", "upload", "push")

_Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True)
class TaskView:
    """A task of a run, with its record.

    :param task_id: its id.
    :param map_index: its map index; -1 for a task that is not mapped.
    :param label: the name that the DAG gives to this mapped instance; None or the map index for none.
    :param state: its state in Airflow; "" for none.
    :param record: its record; None if the record cannot be read.
    """

    task_id: str
    map_index: int
    label: str | None
    state: str
    record: TaskRecord | None

    @property
    def group(self) -> str:
        """The id of its task group; "" for none."""
        return self.task_id.rpartition(".")[0]

    def __str__(self) -> str:
        """Return the task's id with its label or map index, as Airflow displays it."""
        if self.map_index < 0:
            return self.task_id
        return f"{self.task_id} [{self.label or self.map_index}]"


@dataclass(eq=False)
class Campaign:
    """The pictures of one notification, and their status.

    :param tasks: the tasks that handled them, in the order of their steps.
    :param pictures: what is known of each picture, by kind.
    :param push: its push; None if there is no push yet.
    """

    tasks: list[TaskView] = field(default_factory=list)
    pictures: dict[PictureKind, PictureRecord] = field(default_factory=dict)
    push: PushRecord | None = None

    @property
    def name(self) -> str:
        """Its display name: the campaign's name, else the mapped task's label, the push's title, or the task's id."""
        records = [task.record for task in self.tasks if task.record]
        names = [record.campaign for record in records] + [picture.name for picture in self.pictures.values()]
        labels = [task.label for task in self.tasks if task.label and task.label != str(task.map_index)]
        title = self.push.title if self.push else ""
        return next((name for name in (*names, *labels, title) if name), str(self.tasks[-1]))

    @property
    def failed(self) -> tuple[TaskView, Failure] | None:
        """The last task that failed, with its failure; None if no task failed."""
        for task in reversed(self.tasks):
            if task.record and task.record.failure:
                return task, task.record.failure
        return None

    @property
    def status(self) -> Status:
        """Its status."""
        if self.push and self.push.sent:
            return "pushed" if self._all_pictures_pushed() else "pushed_without_picture"
        if failed := self.failed:
            task, failure = failed
            return "stopped" if task.state in _FAILED_STATES or not failure.transient else "waiting"
        states = {picture.report.state for picture in self.pictures.values() if picture.report}
        if "wrong" in states:
            return "stopped"
        if "absent" in states:
            return "waiting"
        if self.push:
            return "validated" if self.tasks[-1].state == "success" else "uploaded"
        all_uploaded = self.pictures and all(picture.picture_id for picture in self.pictures.values())
        return "uploaded" if all_uploaded else "ready"

    def _all_pictures_pushed(self) -> bool:
        pushes = [task.record for task in self.tasks if task.record and task.record.step == "push"]
        pushed = {picture.kind for record in pushes for picture in record.pictures}
        return bool(pushed) and pushed >= self.pictures.keys()

    def _has_any_of(self, pictures: Sequence[PictureRecord]) -> bool:
        for picture in pictures:
            known = self.pictures.get(picture.kind)
            if known and (known.url == picture.url if picture.url else known.picture_id == picture.picture_id):
                return True
        return False

    def _merge(self, picture: PictureRecord) -> None:
        known = self.pictures.setdefault(picture.kind, picture)
        known.report = known.report or picture.report
        known.name = known.name or picture.name


def group_campaigns(tasks: Iterable[TaskView]) -> list[Campaign]:
    """Group the tasks of a run into campaigns, those with problems first.

    :param tasks: the tasks; batches and tasks without a readable record are skipped.
    """
    index = _CampaignIndex()
    with_record = [(task, task.record) for task in tasks if task.record]
    for step in _GROUPING_ORDER:
        for task, record in with_record:
            if record.step == step:
                for pictures in _split_notifications(record.pictures):
                    index.add(task, record, pictures)
    return sorted(index.campaigns, key=lambda campaign: STATUSES.index(campaign.status))


def _split_notifications(pictures: Sequence[PictureRecord]) -> list[list[PictureRecord]]:
    """Split pictures into groups of one notification: the same name, and at most one picture of each kind."""
    groups: dict[tuple[str, int], list[PictureRecord]] = {}
    counts: dict[tuple[str, str], int] = {}
    for picture in pictures:
        number = counts[picture.name, picture.kind] = counts.get((picture.name, picture.kind), 0) + 1
        groups.setdefault((picture.name, number), []).append(picture)
    return list(groups.values()) or [[]]


class _CampaignIndex:
    """Campaigns by name, by position in a mapped task group, and by picture."""

    def __init__(self) -> None:
        self.campaigns: list[Campaign] = []
        self._by_key: dict[_Key, list[Campaign]] = {}

    def add(self, task: TaskView, record: TaskRecord, pictures: Sequence[PictureRecord]) -> None:
        """Add a task to its campaign; create the campaign if it is missing."""
        own, shared = _own_keys(task, record, pictures), _picture_keys(record, pictures)
        campaign = None if record.step == "upload" else self._find(record, pictures, own, shared)
        if campaign is None:
            campaign = Campaign()
            self.campaigns.append(campaign)
        campaign.tasks.append(task)
        campaign.tasks.sort(key=lambda task: _STEP_ORDER.index(task.record.step) if task.record else 0)
        campaign.push = record.push or campaign.push
        for picture in pictures:
            campaign._merge(picture if picture.url else self._uploaded_picture(picture))
        for key in (*own, *shared):
            self._by_key.setdefault(key, []).append(campaign)

    def _find(
        self, record: TaskRecord, pictures: Sequence[PictureRecord], own: Sequence[_Key], shared: Sequence[_Key]
    ) -> Campaign | None:
        for key in own:
            for campaign in self._by_key.get(key, ())[:1]:
                if not pictures or campaign._has_any_of(pictures):
                    return campaign
        candidates = [found for key in shared if (found := self._by_key.get(key))]
        fewest = min(candidates, key=len, default=[])
        return next((campaign for campaign in fewest if not (record.push and campaign.push)), None)

    def _uploaded_picture(self, picture: PictureRecord) -> PictureRecord:
        """Return the upload's record of a picture of which only the id is known."""
        for campaign in self._by_key.get(("id", picture.picture_id), ())[:1]:
            return campaign.pictures.get(picture.kind, picture)
        return picture


def _own_keys(task: TaskView, record: TaskRecord, pictures: Sequence[PictureRecord]) -> list[_Key]:
    """Return the keys that identify a campaign independently of its pictures."""
    names = {record.campaign, *(picture.name for picture in pictures)} - {""}
    if names:
        return [("name", name) for name in sorted(names)]
    return [("mapped", task.group, task.map_index)] if task.map_index >= 0 else []


def _picture_keys(record: TaskRecord, pictures: Sequence[PictureRecord]) -> list[_Key]:
    keys: list[_Key] = [("id", picture.picture_id) for picture in pictures if picture.picture_id is not None]
    if record.step != "push":
        keys += [("url", picture.kind, picture.url) for picture in pictures if picture.url]
    return keys
