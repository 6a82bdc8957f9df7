"""Trigger that observes what became of a push, without a worker slot."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.engagelab.statistics import Observation, ends_observation
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.pictures.polling import initial_delay, next_delay

_ARGUMENTS: Final = ("msg_ids", "observe_until", "deadline", "poke_interval", "oppo_image_conn_id")


class OppoImagePushStatusTrigger(BaseTrigger):
    """Observes pushes until their numbers no longer change or `observe_until`, and sends one event.

    The event's payload is ``{"status": "observed", "statistics": {...}}``, with `PushStatistics.to_dict()` by message
    id. Other statuses are "timeout", and "error" with ``message`` and ``permanent``.

    A restarted triggerer restarts the trigger with the same times, and counts equal answers from the start. The
    constructor only stores its arguments, and ignores unknown ones, as that of `OppoImageTrigger` does.

    :param msg_ids: the message ids.
    :param observe_until: the end of the observation, in seconds since 1970-01-01 UTC.
    :param deadline: the end of the wait for an answer, in seconds since 1970-01-01 UTC.
    :param poke_interval: seconds between two requests.
    :param oppo_image_conn_id: the id of the connection.
    """

    def __init__(
        self,
        *,
        msg_ids: Sequence[str],
        observe_until: float,
        deadline: float,
        poke_interval: float = 60.0,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        **_: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
        self.msg_ids = msg_ids
        self.observe_until = observe_until
        self.deadline = deadline
        self.poke_interval = poke_interval
        self.oppo_image_conn_id = oppo_image_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of the class and the arguments of the constructor."""
        arguments = {name: getattr(self, name) for name in _ARGUMENTS}
        return "airflow_provider_oppo_image.triggers.oppo_image.OppoImagePushStatusTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Observe, and yield one event; called by the triggerer."""
        try:
            payload = await self._observe()
        except OppoImageError as error:
            payload = {"status": "error", "message": str(error), "permanent": error.permanent}
        except Exception as error:
            # As in `OppoImageTrigger`: the event is stored unmasked in the database.
            self.log.exception("Observing a push failed")
            message = f"The trigger failed with {type(error).__name__}; the triggerer's log of this task has details."
            payload = {"status": "error", "message": message, "permanent": False}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow leaves it untyped

    async def _observe(self) -> dict[str, Any]:
        observation = Observation()
        hook = OppoImageHook(self.oppo_image_conn_id)
        jitter = random.random()  # noqa: S311 - not a secret
        delay = initial_delay(self.poke_interval, remaining=self.observe_until - time.time(), jitter=jitter)
        while True:
            await asyncio.sleep(delay)
            try:
                statistics = await hook.apoll_push_status(self.msg_ids)
            except OppoImageError as error:
                if ends_observation(error):
                    raise
                self.log.warning("%s The next request follows.", error)
            else:
                observation = observation.add(self.msg_ids, statistics)
                self.log.info("Answer: %s", observation)
                if observation.settled or time.time() >= self.observe_until:
                    numbers = {msg_id: push.to_dict() for msg_id, push in statistics.items()}
                    return {"status": "observed", "statistics": numbers}
            now = time.time()
            if now >= self.deadline:
                return {"status": "timeout"}
            end = self.observe_until if now < self.observe_until else self.deadline
            delay = next_delay(self.poke_interval, remaining=end - now, poll=None)
