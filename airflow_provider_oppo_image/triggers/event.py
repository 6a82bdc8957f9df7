"""The trigger that turns a new picture into an asset event."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.providers.common.compat.triggers import BaseEventTrigger
from airflow.triggers.base import TriggerEvent

from airflow_provider_oppo_image.airflow_compat import AssetStateStore, asset_state_store
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.hooks.checking import amake_check
from airflow_provider_oppo_image.pictures.check_many import Check, check_all_async, shared_session_pool
from airflow_provider_oppo_image.pictures.polling import (
    MIN_POLL_INTERVAL_S,
    ExpectedPicture,
    PollResult,
    exponential_interval,
    initial_delay,
    parse_pictures,
)
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.report_cache import ReportCache

MAX_INTERVAL_S: Final = 3600.0
"""Seconds between two looks at most: neither failures nor a host's Retry-After make it slower."""

_NOT_READY: Final = "not ready"


class OppoImageEventTrigger(BaseEventTrigger):
    """Makes an asset event each time a picture has appeared or changed, and is ready: for an ``AssetWatcher``.

    The event's payload is ``{"kind", "name", "url", "sha256", "format", "width", "height", "size_bytes", "warnings",
    "seen_at"}``: the URL without its query, the time in ISO 8601, UTC. A picture that is absent or wrong makes no
    event, nor does one that comes back as it was.

    What was there at the first look is where it starts, and makes no event. On Airflow 3.3 and later the asset's state
    store remembers it, so that what changes while the triggerer is down is seen when it is up again. On Airflow 3.0 to
    3.2, and where several assets are watched with the very same arguments, each start of the triggerer starts anew.

    It never ends and never raises, since Airflow would start it again at once: a failure is written to the log once,
    and each further one in a row doubles the time to the next look, up to an hour.

    :param big_picture_url: a big picture's URL; None for none. Watchers render no templates.
    :param small_picture_url: a small picture's URL; None for none.
    :param pictures: more pictures: see `pictures.polling.parse_pictures`.
    :param poke_interval: the time between two looks, in seconds or as a timedelta.
    :param oppo_image_conn_id: the connection that has the timeouts and the guard's exceptions; None for the strict
        defaults.
    """

    def __init__(
        self,
        big_picture_url: str | None = None,
        small_picture_url: str | None = None,
        pictures: Sequence[Mapping[str, str | None]] | None = None,
        poke_interval: float | timedelta = 60.0,
        oppo_image_conn_id: str | None = DEFAULT_CONN_ID,
        **_: Any,  # another version's arguments: a constructor that raises takes its whole triggerer down
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
        self.big_picture_url = big_picture_url
        self.small_picture_url = small_picture_url
        self.pictures = pictures
        self.poke_interval = poke_interval.total_seconds() if isinstance(poke_interval, timedelta) else poke_interval
        self.oppo_image_conn_id = oppo_image_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        return (
            "airflow_provider_oppo_image.triggers.oppo_image.OppoImageEventTrigger",
            {
                "big_picture_url": self.big_picture_url,
                "small_picture_url": self.small_picture_url,
                "pictures": self.pictures,
                "poke_interval": self.poke_interval,
                "oppo_image_conn_id": self.oppo_image_conn_id,
            },
        )

    def __repr__(self) -> str:
        """Leave the URLs out: Airflow writes this to logs, and a query can be a signature."""
        return f"<{type(self).__name__} every {self.poke_interval} s with connection {self.oppo_image_conn_id!r}>"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again, and yield an event for each picture that is news; the triggerer calls it."""
        seen = _SeenHashes(asset_state_store(self))
        report_cache = ReportCache()
        check: Check | None = None
        failures = 0
        for polls in itertools.count(1):
            poll: PollResult | None = None
            news: list[dict[str, Any]] = []
            try:
                pictures = parse_pictures(self.big_picture_url, self.small_picture_url, self.pictures)
                check = check or await amake_check(self.oppo_image_conn_id, report_cache, shared_session_pool())
                poll = await check_all_async(pictures, check)
                for picture, report in zip(poll.pictures, poll.reports, strict=True):
                    if await seen.is_news(picture, report):
                        news.append(_payload(picture, report))
            except Exception:  # whatever it is, an end would make Airflow start this again at once
                failures += 1
                if failures == 1:
                    self.log.exception("Watching pictures failed; it goes on, more slowly while this lasts")
            else:
                if failures:
                    self.log.info("Watching pictures works again, after %d failed looks", failures)
                failures = 0
            for payload in news:
                self.log.info("The %s picture %s is new: %s", payload["kind"], payload["url"], payload["sha256"])
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
            await asyncio.sleep(self._pause(polls, failures, poll))

    def _pause(self, polls: int, failures: int, poll: PollResult | None) -> float:
        slowed = exponential_interval(
            self.poke_interval, polls=failures + 1, max_interval=max(MAX_INTERVAL_S, self.poke_interval)
        )
        if polls == 1 and not failures:
            # All that a triggerer starts look at once, so that nothing new is taken for old; they part afterwards.
            jitter = random.random()  # noqa: S311 - no secret
            slowed = initial_delay(self.poke_interval, remaining=math.inf, jitter=jitter)
        asked_for = min(poll.retry_after, MAX_INTERVAL_S) if poll else 0.0
        return max(slowed, asked_for, MIN_POLL_INTERVAL_S)


class _SeenHashes:
    """The SHA-256 that each picture had when it was last ready."""

    def __init__(self, store: AssetStateStore | None) -> None:
        self._store = store
        self._known: dict[str, str] = {}

    async def is_news(self, picture: ExpectedPicture, report: PictureReport) -> bool:
        """Tell whether a picture has appeared or changed, and is ready; it is none the next time.

        It is remembered before the event is sent: a triggerer that dies in between loses an event, which is less bad
        than a second push to everybody.
        """
        key = "oppo_image_" + hashlib.sha256(f"{picture.kind} {picture.url.full}".encode()).hexdigest()[:32]
        before = self._known[key] if key in self._known else await self._recall(key)
        now = report.sha256 or "" if report.state == "ready" else None
        if before is None:
            await self._remember(key, _NOT_READY if now is None else now)
            return False
        if now is None or now == before:
            self._known[key] = before
            return False
        await self._remember(key, now)
        return True

    async def _recall(self, key: str) -> str | None:
        if self._store is None:
            return None
        try:
            before: str | None = await self._store.aget(key)
        except ValueError:
            # Several assets are watched by this one trigger, and Airflow does not tell it which.
            self._store = None
            return None
        return before

    async def _remember(self, key: str, value: str) -> None:
        if self._store is not None:
            await self._store.aset(key, value)
        self._known[key] = value


def _payload(picture: ExpectedPicture, report: PictureReport) -> dict[str, Any]:
    facts = report.to_dict()
    kept = ("kind", "url", "sha256", "format", "width", "height", "size_bytes", "warnings")
    return {
        "name": picture.name,
        **{key: facts[key] for key in kept},
        "seen_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
