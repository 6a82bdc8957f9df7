"""Trigger that waits for pictures without a worker slot."""

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
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
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
"""Maximum duration of the last poll, in seconds after the deadline."""

_ARGUMENTS: Final = (
    *("deadline", "big_picture_url", "small_picture_url", "pictures", "on_wrong", "poke_interval"),
    *("exponential_backoff", "max_wait", "silent_fail", "oppo_image_conn_id"),
)


class OppoImageTrigger(BaseTrigger):
    """Waits until pictures are ready, and sends one event.

    The event's payload is ``{"status": ..., "result": ...}``. The status is "ready", "wrong", "timeout" or "error". The
    result is the last poll as `pictures.polling.PollResult.to_xcom` returns it; None if no poll has finished. An
    "error" has ``message`` and ``permanent`` instead of ``result``.

    The trigger waits before its first poll, because the worker has polled; that delay is a random part of the interval.
    A restarted triggerer restarts the trigger with the same deadline and an empty report cache.

    The constructor only stores its arguments, because an exception in it stops the triggerer. It ignores unknown
    arguments, so that tasks that were deferred by another version of this package can finish.

    :param deadline: the end of the wait, in seconds since 1970-01-01 UTC.
    :param big_picture_url: a big picture's URL; None for no picture.
    :param small_picture_url: a small picture's URL; None for no picture.
    :param pictures: more pictures: see `pictures.polling.parse_pictures`.
    :param on_wrong: "fail" stops at a wrong picture; "wait" waits until it is replaced.
    :param poke_interval: seconds between two polls.
    :param exponential_backoff: double the interval after each poll; a restarted triggerer starts again.
    :param max_wait: maximum interval of the exponential backoff, in seconds; None for no limit.
    :param silent_fail: log an unexpected error of a poll, and continue with the next poll.
    :param oppo_image_conn_id: the connection with the timeouts and the address policy; None uses the default timeouts
        and refuses private addresses.
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
        """Return the path of the class and the arguments of the constructor."""
        arguments = {name: getattr(self, name) for name in _ARGUMENTS}
        return "airflow_provider_oppo_image.triggers.oppo_image.OppoImageTrigger", arguments

    def __repr__(self) -> str:
        """Return a text without URLs: Airflow logs it, and the query of a URL can be a signature."""
        return f"<{type(self).__name__} until {self.deadline} with connection {self.oppo_image_conn_id!r}>"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield one event; called by the triggerer."""
        try:
            payload = await self._wait()
        except OppoImageError as error:
            payload = {"status": "error", "message": str(error), "permanent": error.permanent}
        except Exception as error:
            # An exception here would become an AirflowException in the task, which soft_fail turns into a skip. Its
            # message stays in this log, which Airflow masks: the event is stored unmasked in the database.
            self.log.exception("Waiting for pictures failed")
            message = f"The trigger failed with {type(error).__name__}; the triggerer's log of this task has details."
            payload = {"status": "error", "message": message, "permanent": False}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow leaves it untyped

    async def _wait(self) -> dict[str, Any]:
        pictures = parse_pictures(self.big_picture_url, self.small_picture_url, self.pictures)
        check: Check | None = None
        poll: PollResult | None = None
        report_cache = ReportCache()
        hook = OppoImageHook(self.oppo_image_conn_id)
        for polls in itertools.count(1):
            await asyncio.sleep(self._next_delay(polls, poll))
            try:
                check = check or await hook.amake_check(report_cache, shared_session_pool())
                poll = await asyncio.wait_for(
                    check_all_async(pictures, check, report_cache), max(self._remaining(), 0) + FINAL_POLL_TIMEOUT_S
                )
            except Exception as error:
                if isinstance(error, TimeoutError) and self._remaining() <= 0:
                    self.log.warning("The last check did not finish within %.0f s.", FINAL_POLL_TIMEOUT_S)
                elif not should_continue_after(error, silent_fail=self.silent_fail):
                    raise
                else:
                    self.log.exception("This check failed; the trigger continues, because silent_fail is set")
            else:
                self.log.info("Poll %d: %s", polls, poll)
                if (decision := poll.decide(self.on_wrong)) != "wait":
                    return {"status": decision, "result": poll.to_xcom()}
            if self._remaining() <= 0:
                break
        return {"status": "timeout", "result": poll.to_xcom() if poll else None}

    def _remaining(self) -> float:
        # Wall-clock time, not monotonic: another machine set the deadline.
        return self.deadline - time.time()

    def _next_delay(self, polls: int, poll: PollResult | None) -> float:
        jitter, remaining = random.random(), self._remaining()  # noqa: S311 - not a secret
        if polls == 1:
            return initial_delay(self.poke_interval, remaining=remaining, jitter=jitter)
        interval = self.poke_interval
        if self.exponential_backoff:
            interval = exponential_interval(interval, polls=polls, max_interval=self.max_wait)
        return next_delay(interval, remaining=remaining, poll=poll, jitter=jitter)
