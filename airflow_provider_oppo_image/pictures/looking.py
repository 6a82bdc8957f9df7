"""Looking at many pictures at once: in a bounded number of threads, from a worker or from an event loop."""

from __future__ import annotations

import asyncio
import functools
import queue
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.awaited import AwaitedPicture
from airflow_provider_oppo_image.pictures.host_share import HostShare
from airflow_provider_oppo_image.pictures.lines import Lines
from airflow_provider_oppo_image.pictures.remembering import Memory, Place
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.round import Round
from airflow_provider_oppo_image.pictures.waiting import Look

Check: TypeAlias = Callable[[PictureKind, str], PictureReport]
"""Looks at one picture, given its kind and its URL."""

F = TypeVar("F", Future[Any], "asyncio.Future[Any]")

THREADS: Final = 32
"""Pictures that one process looks at side by side. They wait for hosts most of the time."""

HOST_SHARE: Final = THREADS // 4
"""Pictures of one host that a process looks at side by side, so that one which never answers leaves it the others."""

LOOK_SHARE: Final = THREADS * 3 // 4
"""Pictures that one of many triggers in a process looks at side by side, so that there are threads for the others."""


def look(pictures: Sequence[AwaitedPicture], check: Check, memory: Memory | None = None) -> Look:
    """Look at pictures once; those with the same URL and kind are looked at together.

    :param pictures: at least one.
    :param check: looks at one picture; called from several threads.
    :param memory: what `check` remembers. Before all pictures are said to be ready, those that only their host says
        have not changed are downloaded again.
    """
    places = _places(pictures)
    with ThreadPoolExecutor(min(THREADS, len(places)), thread_name_prefix="oppo-image") as pool:

        def reports_of(places: Sequence[Place]) -> dict[Place, PictureReport]:
            this = Round(places, THREADS, HOST_SHARE)
            ended: queue.SimpleQueue[tuple[Place, Future[PictureReport]]] = queue.SimpleQueue()
            while not this.is_over:
                for place in this.begin():
                    future = pool.submit(check, *place)
                    future.add_done_callback(partial(_tell, ended.put, place))
                place, future = ended.get()
                this.end(place, future.result())
            return this.reports

        reports = reports_of(places)
        if doubtful := _doubtful(reports, memory):
            reports |= reports_of(doubtful)
    return _put_together(pictures, reports)


async def look_async(pictures: Sequence[AwaitedPicture], check: Check, memory: Memory | None = None) -> Look:
    """Look at pictures once, from an event loop and without blocking it; otherwise as `look`.

    The threads are shared by all that look in this process. When this is cancelled, what has not begun does not begin;
    what has ends by its own timeouts.
    """
    reports = await _reports_async(_places(pictures), check)
    if doubtful := _doubtful(reports, memory):
        reports |= await _reports_async(doubtful, check)
    return _put_together(pictures, reports)


async def _reports_async(places: Sequence[Place], check: Check) -> dict[Place, PictureReport]:
    this = Round(places, LOOK_SHARE, HOST_SHARE)
    ended: asyncio.Queue[tuple[Place, asyncio.Future[PictureReport]]] = asyncio.Queue()
    under_way: dict[Place, asyncio.Future[PictureReport]] = {}
    try:
        while not this.is_over:
            for place in this.begin():
                future = asyncio.wrap_future(_shared_threads().submit(place[1], check, *place))
                future.add_done_callback(partial(_tell, ended.put_nowait, place))
                under_way[place] = future
            place, future = await ended.get()
            del under_way[place]
            this.end(place, future.result())
    finally:
        for future in under_way.values():
            future.cancel()
    return this.reports


def _tell(put: Callable[[tuple[Place, F]], object], place: Place, future: F) -> None:
    put((place, future))


@functools.cache
def _shared_threads() -> HostShare:
    # Not the event loop's own pool: that one is small, and other triggers need it.
    return HostShare(ThreadPoolExecutor(THREADS, thread_name_prefix="oppo-image"), HOST_SHARE)


_lines: Final[MutableMapping[asyncio.AbstractEventLoop, Lines]] = WeakKeyDictionary()


def shared_lines() -> Lines:
    """Return the connections that are kept by all that look in the running event loop."""
    return _lines.setdefault(asyncio.get_running_loop(), Lines())


def _places(pictures: Sequence[AwaitedPicture]) -> list[Place]:
    return list(dict.fromkeys((picture.kind, picture.url) for picture in pictures))


def _doubtful(reports: dict[Place, PictureReport], memory: Memory | None) -> list[Place]:
    """Return the pictures that must be downloaded again before all are ready, and forget them."""
    if memory is None or any(report.state != "ready" for report in reports.values()):
        return []
    doubtful = memory.on_trust(reports)
    memory.forget(doubtful)
    return doubtful


def _put_together(pictures: Sequence[AwaitedPicture], reports: dict[Place, PictureReport]) -> Look:
    return Look(pictures, [reports[picture.kind, picture.url] for picture in pictures])
