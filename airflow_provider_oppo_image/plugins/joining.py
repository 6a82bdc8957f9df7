"""What the tasks of a run tell, put together by campaign. Pure.

An upload makes a campaign. What looked at the same pictures, and what pushed their ids, is added to it; of several
that would do, to the one of the same name, or the one at the same place of a mapped group. What belongs to no upload
makes a campaign of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from airflow_provider_oppo_image.hooks.task_record import PictureRecord, Step, TaskRecord
from airflow_provider_oppo_image.plugins.campaigns import STATUSES, Campaign, TaskView

_Key: TypeAlias = tuple[object, ...]

_JOINED: Final[tuple[Step, ...]] = ("upload", "prepare", "wait", "push")
_HAPPENS: Final[tuple[Step, ...]] = ("prepare", "wait", "upload", "push")


def campaigns_of(tasks: Iterable[TaskView]) -> list[Campaign]:
    """Put the tasks of a run together, those with problems first.

    :param tasks: the tasks; batches, and what cannot be read, are passed over.
    """
    readable = [(task, task.record) for task in tasks if task.record]
    joining = _Joining()
    for step in _JOINED:
        for task, record in readable:
            if record.step == step:
                for pictures in _notifications(record.pictures):
                    joining.add(task, record, pictures)
    return sorted(joining.campaigns, key=lambda campaign: STATUSES.index(campaign.status))


def _notifications(pictures: Sequence[PictureRecord]) -> list[list[PictureRecord]]:
    """Split pictures into those of one notification each: of one name, and one of each kind."""
    found: dict[tuple[str, int], list[PictureRecord]] = {}
    counted: dict[tuple[str, str], int] = {}
    for picture in pictures:
        number = counted[picture.name, picture.kind] = counted.get((picture.name, picture.kind), 0) + 1
        found.setdefault((picture.name, number), []).append(picture)
    return list(found.values()) or [[]]


class _Joining:
    """Campaigns, and the ways to find one: by what is unique to it, and by its pictures."""

    def __init__(self) -> None:
        self.campaigns: list[Campaign] = []
        self._found_by: dict[_Key, list[Campaign]] = {}

    def add(self, task: TaskView, record: TaskRecord, pictures: Sequence[PictureRecord]) -> None:
        """Add a task to the campaign that it is of, or make one of it."""
        own, shared = _own_keys(task, record, pictures), _picture_keys(record, pictures)
        campaign = None if record.step == "upload" else self._find(record, pictures, own, shared)
        if campaign is None:
            campaign = Campaign()
            self.campaigns.append(campaign)
        campaign.tasks.append(task)
        campaign.tasks.sort(key=lambda one: _HAPPENS.index(one.record.step) if one.record else 0)
        campaign.push = record.push or campaign.push
        for picture in pictures:
            _merge(campaign, picture if picture.url else self._known(picture))
        for key in (*own, *shared):
            self._found_by.setdefault(key, []).append(campaign)

    def _find(
        self, record: TaskRecord, pictures: Sequence[PictureRecord], own: Sequence[_Key], shared: Sequence[_Key]
    ) -> Campaign | None:
        for key in own:
            for campaign in self._found_by.get(key, ())[:1]:
                if not pictures or _shares(campaign, pictures):
                    return campaign
        same_pictures = [found for key in shared if (found := self._found_by.get(key))]
        fewest = min(same_pictures, key=len, default=[])
        return next((campaign for campaign in fewest if not (record.push and campaign.push)), None)

    def _known(self, picture: PictureRecord) -> PictureRecord:
        """Return what an upload told of a picture of which only the id is known."""
        for campaign in self._found_by.get(("id", picture.picture_id), ())[:1]:
            return campaign.pictures.get(picture.kind, picture)
        return picture


def _own_keys(task: TaskView, record: TaskRecord, pictures: Sequence[PictureRecord]) -> list[_Key]:
    """Return what tells which campaign a task is of, whatever its pictures are."""
    names = {record.campaign, *(picture.name for picture in pictures)} - {""}
    if names:
        return [("name", name) for name in sorted(names)]
    return [("place", task.group, task.map_index)] if task.map_index >= 0 else []


def _picture_keys(record: TaskRecord, pictures: Sequence[PictureRecord]) -> list[_Key]:
    found: list[_Key] = [("id", picture.picture_id) for picture in pictures if picture.picture_id is not None]
    if record.step != "push":
        found += [("url", picture.kind, picture.url) for picture in pictures if picture.url]
    return found


def _shares(campaign: Campaign, pictures: Sequence[PictureRecord]) -> bool:
    for picture in pictures:
        known = campaign.pictures.get(picture.kind)
        if known and (known.url == picture.url if picture.url else known.picture_id == picture.picture_id):
            return True
    return False


def _merge(campaign: Campaign, picture: PictureRecord) -> None:
    known = campaign.pictures.setdefault(picture.kind, picture)
    known.report = known.report or picture.report
    known.name = known.name or picture.name
