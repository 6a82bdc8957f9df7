"""The trigger that waits for pictures while no worker does."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.hooks.checking import amake_check
from airflow_provider_oppo_image.pictures.check_many import Check, check_all_async, shared_session_pool
from airflow_provider_oppo_image.pictures.polling import (
    OnWrong,
    PollResult,
    exponential_interval,
    initial_delay,
    next_delay,
    parse_pictures,
    should_continue_after,
)
from airflow_provider_oppo_image.pictures.report_cache import ReportCache

FINAL_POLL_TIMEOUT_S: Final = 120.0
"""Seconds after the deadline within which the last look must come to its end."""


class OppoImageTrigger(BaseTrigger):
    """Waits until pictures are ready, and says so in one event.

    The event's payload is ``{"status": ..., "result": ...}``. The status is "ready", "wrong", "timeout" or "error";
    the result is what `pictures.polling.PollResult.to_xcom` makes of the last look, None where there was none. An
    "error" has ``message`` and ``permanent`` in its place.

    It looks after each pause, never before the first, since whoever defers has looked. The first pause is a random part
    of the interval. A triggerer that starts again starts it again, with the same deadline: what it remembers saves it
    downloads, and is soon learned anew.

    The constructor only stores: one that raises takes its whole triggerer down. It passes over arguments that it does
    not know, so that tasks which another version of this package deferred still find an end.

    :param deadline: when the waiting ends, in seconds since 1970-01-01 UTC.
    :param big_picture_url: a big picture's URL; None for none.
    :param small_picture_url: a small picture's URL; None for none.
    :param pictures: more pictures: see `pictures.polling.parse_pictures`.
    :param on_wrong: "fail" ends with a wrong picture, "wait" hopes that it is replaced.
    :param poke_interval: seconds between two looks.
    :param exponential_backoff: double the interval with each look, starting anew when the triggerer does.
    :param max_wait: the longest interval, in seconds, that the doubling comes to; None for no limit.
    :param silent_fail: a look that fails by an unexpected fault is written to the log, and the next one follows.
    :param oppo_image_conn_id: the connection that has the timeouts and the guard's exceptions; None for the strict
        defaults.
    """

    def __init__(
        self,
        *,
        deadline: float,
        big_picture_url: str | None = None,
        small_picture_url: str | None = None,
        pictures: Sequence[Mapping[str, str | None]] | None = None,
        on_wrong: OnWrong = "fail",
        poke_interval: float = 60.0,
        exponential_backoff: bool = False,
        max_wait: float | None = None,
        silent_fail: bool = False,
        oppo_image_conn_id: str | None = DEFAULT_CONN_ID,
        **_: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
        self.deadline = deadline
        self.big_picture_url = big_picture_url
        self.small_picture_url = small_picture_url
        self.pictures = pictures
        self.on_wrong: OnWrong = on_wrong
        self.poke_interval = poke_interval
        self.exponential_backoff = exponential_backoff
        self.max_wait = max_wait
        self.silent_fail = silent_fail
        self.oppo_image_conn_id = oppo_image_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        return (
            "airflow_provider_oppo_image.triggers.oppo_image.OppoImageTrigger",
            {
                "deadline": self.deadline,
                "big_picture_url": self.big_picture_url,
                "small_picture_url": self.small_picture_url,
                "pictures": self.pictures,
                "on_wrong": self.on_wrong,
                "poke_interval": self.poke_interval,
                "exponential_backoff": self.exponential_backoff,
                "max_wait": self.max_wait,
                "silent_fail": self.silent_fail,
                "oppo_image_conn_id": self.oppo_image_conn_id,
            },
        )

    def __repr__(self) -> str:
        """Leave the URLs out: Airflow writes this to logs, and a query can be a signature."""
        return f"<{type(self).__name__} until {self.deadline} with connection {self.oppo_image_conn_id!r}>"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield the one event; the triggerer calls it."""
        try:
            payload = await self._wait()
        except OppoImageError as error:
            payload = {"status": "error", "message": str(error), "permanent": error.permanent}
        except Exception as error:
            # What is raised here would come back as an AirflowException, and soft_fail would make a skip of it. The
            # words stay in this log, which Airflow masks: the event goes to the database as it is.
            self.log.exception("Waiting for pictures failed")
            message = f"Waiting failed in the triggerer with {type(error).__name__}; its log of this task says where."
            payload = {"status": "error", "message": message, "permanent": False}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow leaves it untyped

    async def _wait(self) -> dict[str, Any]:
        pictures = parse_pictures(self.big_picture_url, self.small_picture_url, self.pictures)
        check: Check | None = None
        poll: PollResult | None = None
        report_cache = ReportCache()
        for polls in itertools.count(1):
            await asyncio.sleep(self._pause(polls, poll))
            try:
                check = check or await amake_check(self.oppo_image_conn_id, report_cache, shared_session_pool())
                poll = await asyncio.wait_for(
                    check_all_async(pictures, check, report_cache), max(self._left(), 0) + FINAL_POLL_TIMEOUT_S
                )
            except Exception as error:
                if isinstance(error, TimeoutError) and self._left() <= 0:
                    self.log.warning("The last look did not come to its end within %.0f s.", FINAL_POLL_TIMEOUT_S)
                elif not should_continue_after(error, silent_fail=self.silent_fail):
                    raise
                else:
                    self.log.exception("This look failed; the next one follows, since silent_fail is set")
            else:
                self.log.info("Look %d: %s", polls, poll)
                if (decision := poll.decide(self.on_wrong)) != "wait":
                    return {"status": decision, "result": poll.to_xcom()}
            if self._left() <= 0:
                break
        return {"status": "timeout", "result": poll.to_xcom() if poll else None}

    def _left(self) -> float:
        # The wall clock, and not a monotonic one: the deadline was set by another machine.
        return self.deadline - time.time()

    def _pause(self, polls: int, poll: PollResult | None) -> float:
        jitter, remaining = random.random(), self._left()  # noqa: S311 - no secret
        if polls == 1:
            return initial_delay(self.poke_interval, remaining=remaining, jitter=jitter)
        interval = self.poke_interval
        if self.exponential_backoff:
            interval = exponential_interval(interval, polls=polls, max_interval=self.max_wait)
        return next_delay(interval, remaining=remaining, poll=poll, jitter=jitter)
