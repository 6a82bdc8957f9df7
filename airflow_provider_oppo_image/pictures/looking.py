"""Looking at many pictures at once: in a bounded number of threads, from a worker or from an event loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.awaited import AwaitedPicture
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.waiting import Look

Check: TypeAlias = Callable[[PictureKind, str], PictureReport]
"""Looks at one picture, given its kind and its URL."""

THREADS: Final = 32
"""Pictures that one process looks at side by side. They wait for hosts most of the time."""

SHARE: Final = 8
"""Pictures that one of many triggers in a process looks at side by side, so that each gets its turn."""


def look(pictures: Sequence[AwaitedPicture], check: Check) -> Look:
    """Look at pictures once; those with the same URL and kind are looked at together.

    :param pictures: at least one.
    :param check: looks at one picture; called from several threads.
    """
    places = _places(pictures)
    with ThreadPoolExecutor(min(THREADS, len(places)), thread_name_prefix="oppo-image") as pool:
        reports = list(pool.map(check, *zip(*places, strict=True)))
    return _put_together(pictures, places, reports)


async def look_async(pictures: Sequence[AwaitedPicture], check: Check) -> Look:
    """Look at pictures once, from an event loop and without blocking it; otherwise as `look`.

    The threads are shared by all that look in this process. When this is cancelled, what has not begun does not begin;
    what has ends by its own timeouts.
    """
    loop = asyncio.get_running_loop()
    turns = asyncio.Semaphore(SHARE)
    places = _places(pictures)

    async def look_at(place: tuple[PictureKind, str]) -> PictureReport:
        async with turns:
            return await loop.run_in_executor(_shared_pool(), check, *place)

    tasks = [loop.create_task(look_at(place)) for place in places]
    try:
        reports = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return _put_together(pictures, places, reports)


@functools.cache
def _shared_pool() -> ThreadPoolExecutor:
    # Not the event loop's own pool: that one is small, and other triggers need it.
    return ThreadPoolExecutor(THREADS, thread_name_prefix="oppo-image")


def _places(pictures: Sequence[AwaitedPicture]) -> list[tuple[PictureKind, str]]:
    return list(dict.fromkeys((picture.kind, picture.url) for picture in pictures))


def _put_together(
    pictures: Sequence[AwaitedPicture], places: Sequence[tuple[PictureKind, str]], reports: Sequence[PictureReport]
) -> Look:
    found = dict(zip(places, reports, strict=True))
    return Look(pictures, [found[picture.kind, picture.url] for picture in pictures])
