"""Trigger that sends an asset event for a new picture."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.triggers.base import TriggerEvent

from airflow_provider_oppo_image.airflow_compat import AssetStateStore, BaseEventTrigger, asset_state_store
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
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
"""Maximum seconds between two polls, after failures or with a host's Retry-After."""

_NOT_READY: Final = "not ready"


class OppoImageEventTrigger(BaseEventTrigger):
    """Sends an asset event when a picture that is ready has appeared or changed, for an ``AssetWatcher``.

    The event's payload is ``{"kind", "name", "url", "sha256", "format", "width", "height", "size_bytes", "warnings",
    "seen_at"}``: the URL without its query, the time in ISO 8601, UTC. A picture that is absent or wrong sends no
    event. A picture that becomes ready again without a change sends no event either.

    The pictures of the first poll are the baseline and send no event. On Airflow 3.3 and later the baseline is in the
    asset's state store, so a change while the triggerer is down is detected when it is up again. On Airflow 3.0 to 3.2,
    and if several assets are watched with exactly the same arguments, each start of the triggerer takes a new baseline.

    The trigger never ends and never raises, because Airflow would restart it immediately. The first of several failures
    in a row is logged, and each failure doubles the time to the next poll, up to one hour.

    :param big_picture_url: a big picture's URL; None for no picture. Watchers do not render templates.
    :param small_picture_url: a small picture's URL; None for no picture.
    :param pictures: more pictures: see `pictures.polling.parse_pictures`.
    :param poke_interval: the time between two polls, in seconds or as a timedelta.
    :param oppo_image_conn_id: the connection with the timeouts and the address policy; None uses the default timeouts
        and refuses private addresses.
    """

    def __init__(
        self,
        big_picture_url: str | None = None,
        small_picture_url: str | None = None,
        pictures: Sequence[Mapping[str, str | None]] | None = None,
        poke_interval: float | timedelta = 60.0,
        oppo_image_conn_id: str | None = DEFAULT_CONN_ID,
        **_: Any,  # arguments of another version: an exception here stops the triggerer
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
        self.big_picture_url = big_picture_url
        self.small_picture_url = small_picture_url
        self.pictures = pictures
        self.poke_interval = poke_interval.total_seconds() if isinstance(poke_interval, timedelta) else poke_interval
        self.oppo_image_conn_id = oppo_image_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of the class and the arguments of the constructor."""
        names = ("big_picture_url", "small_picture_url", "pictures", "poke_interval", "oppo_image_conn_id")
        arguments = {name: getattr(self, name) for name in names}
        return "airflow_provider_oppo_image.triggers.oppo_image.OppoImageEventTrigger", arguments

    def __repr__(self) -> str:
        """Return a text without URLs: Airflow logs it, and the query of a URL can be a signature."""
        return f"<{type(self).__name__} every {self.poke_interval} s with connection {self.oppo_image_conn_id!r}>"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll without end, and yield an event for each new picture; called by the triggerer."""
        seen = _SeenHashes(asset_state_store(self))
        report_cache = ReportCache()
        hook = OppoImageHook(self.oppo_image_conn_id)
        check: Check | None = None
        failures = 0
        for polls in itertools.count(1):
            poll: PollResult | None = None
            payloads: list[dict[str, Any]] = []
            try:
                pictures = parse_pictures(self.big_picture_url, self.small_picture_url, self.pictures)
                check = check or await hook.amake_check(report_cache, shared_session_pool())
                poll = await check_all_async(pictures, check)
                for picture, report in zip(poll.pictures, poll.reports, strict=True):
                    if await seen.update(picture, report):
                        payloads.append(_payload(picture, report))
            except Exception:
                failures += 1
                if failures == 1:
                    self.log.exception("Watching pictures failed; it continues with longer intervals")
            else:
                if failures:
                    self.log.info("Watching pictures works again, after %d failed polls", failures)
                failures = 0
            for payload in payloads:
                self.log.info("The %s picture %s is new: %s", payload["kind"], payload["url"], payload["sha256"])
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
            await asyncio.sleep(self._next_delay(polls, failures, poll))

    def _next_delay(self, polls: int, failures: int, poll: PollResult | None) -> float:
        interval = exponential_interval(
            self.poke_interval, polls=failures + 1, max_interval=max(MAX_INTERVAL_S, self.poke_interval)
        )
        if polls == 1 and not failures:
            # The first polls are immediate, to take the baseline; after that, jitter spreads the triggers.
            jitter = random.random()  # noqa: S311 - not a secret
            interval = initial_delay(self.poke_interval, remaining=math.inf, jitter=jitter)
        retry_after = min(poll.retry_after, MAX_INTERVAL_S) if poll else 0.0
        return max(interval, retry_after, MIN_POLL_INTERVAL_S)


class _SeenHashes:
    """SHA-256 of each picture when it was last ready."""

    def __init__(self, store: AssetStateStore | None) -> None:
        self._store = store
        self._hashes: dict[str, str] = {}

    async def update(self, picture: ExpectedPicture, report: PictureReport) -> bool:
        """Store a picture's hash, and return True if it is ready and has appeared or changed.

        The hash is stored before the event is sent. If the triggerer dies in between, the event is lost, which is
        better than a second push to everybody.
        """
        key = "oppo_image_" + hashlib.sha256(f"{picture.kind} {picture.url.full}".encode()).hexdigest()[:32]
        before = self._hashes[key] if key in self._hashes else await self._load(key)
        now = report.sha256 or "" if report.state == "ready" else None
        if before is None:
            await self._save(key, _NOT_READY if now is None else now)
            return False
        if now is None or now == before:
            self._hashes[key] = before
            return False
        await self._save(key, now)
        return True

    async def _load(self, key: str) -> str | None:
        if self._store is None:
            return None
        try:
            stored: str | None = await self._store.aget(key)
        except ValueError:
            # Several assets share this trigger, and Airflow does not say which of them a key belongs to.
            self._store = None
            return None
        return stored

    async def _save(self, key: str, value: str) -> None:
        if self._store is not None:
            await self._store.aset(key, value)
        self._hashes[key] = value


def _payload(picture: ExpectedPicture, report: PictureReport) -> dict[str, Any]:
    data = report.to_dict()
    keys = ("kind", "url", "sha256", "format", "width", "height", "size_bytes", "warnings")
    return {
        "name": picture.name,
        **{key: data[key] for key in keys},
        "seen_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
