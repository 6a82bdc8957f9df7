"""Sensor that observes what became of a push."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NoReturn

from airflow_provider_oppo_image.airflow_compat import (
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    TaskStateStore,
    rescheduled_since,
    task_state_store,
)
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, PictureUnseenError
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.sensors.deferral import TRIGGER_MARGIN, DeferralMixin, unfinished_error
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.engagelab.statistics import Observation, PushStatistics

_STATE_KEY: Final = "oppo_image_push_status"
_STATE_RETENTION: Final = timedelta(days=1)


class OppoImagePushStatusSensor(DeferralMixin, BaseSensorOperator):
    """Observes pushes until their numbers no longer change, and says whether a phone can show the picture.

    It asks the service at each `poke_interval`, for `observe_for`. It ends earlier when the sum of `sent` is above 0
    and equal in three answers in succession. A message id that is not in an answer is not there yet. A request that
    fails is repeated at the next poke, until the `timeout`. The sensor judges only at the end: it fails if pictures
    were pushed, and OPPO's channel, which alone shows them, sent a push to nobody.

    Returns ``{"statistics": {...}, "oppo_share": ...}``: `PushStatistics.to_dict()` by message id, and the share of
    OPPO's channel in all that was sent to Android phones; None if nothing was sent.

    In the mode "reschedule" each poke is a new process. Airflow 3.3 and later keeps the equal answers between pokes,
    also if a worker is killed. Earlier versions keep none, so the sensor observes for all of `observe_for`. In the
    other modes, the restart of a worker or of a triggerer forgets the equal answers; in poke mode `observe_for` starts
    again.

    :param msg_ids: one message id, or up to 100 (templated), such as ``push.output``. None skips the task, because a
        push that was only validated returns None.
    :param has_pictures: whether pictures were pushed (templated). A picture id counts as True; "", None and "None"
        count as False.
    :param on_unseen: what to do if OPPO's channel sent a push with pictures to nobody: "fail", or "warn" to log it.
    :param observe_for: how long to observe, as a timedelta or in seconds; at most `timeout`.
    :param poke_interval: seconds between two requests.
    :param timeout: seconds after which the sensor fails without an answer.
    :param deferrable: wait in the triggerer, without a worker slot. None uses ``[operators] default_deferrable``,
        unless `mode` is "reschedule".
    :param oppo_image_conn_id: the id of the connection (templated), of the AppKey that pushed.
    :raises ConfigurationError: if `on_unseen` or `observe_for` has another value.
    """

    template_fields: Sequence[str] = ("msg_ids", "has_pictures", "oppo_image_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"msg_ids": "json"}
    operator_extra_links = LINKS
    ui_color = "#e0ecf9"

    def __init__(
        self,
        *,
        msg_ids: str | Iterable[str],
        has_pictures: bool | str | None = True,
        on_unseen: Literal["fail", "warn"] = "fail",
        observe_for: timedelta | float = timedelta(minutes=30),
        poke_interval: float = 60.0,
        timeout: float = 3600.0,
        deferrable: bool | None = None,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        if on_unseen not in ("fail", "warn"):
            raise ConfigurationError(f"on_unseen must be 'fail' or 'warn', not {on_unseen!r}.")
        seconds = observe_for.total_seconds() if isinstance(observe_for, timedelta) else observe_for
        if not 0 <= seconds <= self.timeout:
            raise ConfigurationError(
                f"observe_for must be from 0 to the timeout, which is {self.timeout:g} s, not {seconds:g} s."
            )
        self.msg_ids = msg_ids
        self.has_pictures = has_pictures
        self.on_unseen = on_unseen
        self.observe_for = seconds
        self.oppo_image_conn_id = oppo_image_conn_id
        self._choose_mode(deferrable)
        self._started: float | None = None
        self._observation: Observation | None = None

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask the service once, or defer if the sensor is deferrable; called by Airflow.

        :raises AirflowFailException: for errors that waiting does not correct.
        """
        from airflow_provider_oppo_image.engagelab.messages import read_msg_ids
        from airflow_provider_oppo_image.engagelab.statistics import ends_observation

        self._log_mode()
        if self.msg_ids is None:
            raise AirflowSkipException("There is no message id: the push was only validated.")
        with airflow_errors():
            msg_ids = read_msg_ids(self.msg_ids)
            if self.deferrable:
                self._defer(msg_ids)
            observe_until = self._start(context) + self.observe_for
            try:
                statistics = OppoImageHook(self.oppo_image_conn_id).poll_push_status(msg_ids)
            except OppoImageError as error:
                if ends_observation(error):
                    raise
                self.log.warning("%s The next poke asks again.", error)
                return PokeReturnValue(False)
            if not self._observe(context, msg_ids, statistics).settled and time.time() < observe_until:
                return PokeReturnValue(False)
            if (store := self._store(context)) is not None:
                store.delete(_STATE_KEY)
            return PokeReturnValue(True, self._judge(msg_ids, statistics))

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> Any:
        """Return or raise what the trigger reports; called by Airflow.

        :param event: the payload of `OppoImagePushStatusTrigger`'s event.
        """
        from airflow_provider_oppo_image.engagelab.messages import read_msg_ids
        from airflow_provider_oppo_image.engagelab.statistics import PushStatistics

        event = event or {}
        with airflow_errors():
            if event.get("status") == "observed":
                statistics = {key: PushStatistics.from_dict(value) for key, value in event["statistics"].items()}
                return self._judge(read_msg_ids(self.msg_ids), statistics)
            if event.get("status") == "timeout":
                raise AirflowSensorTimeout(
                    f"The service gave no statistics within {self.timeout:g} s; the triggerer's log says why."
                )
            raise unfinished_error(event)

    def _start(self, context: Context) -> float:
        """Return the time of the first poke, in seconds since 1970-01-01 UTC."""
        first = rescheduled_since(context) if self.reschedule else None
        self._started = first.timestamp() if first else self._started or time.time()
        return self._started

    def _store(self, context: Context) -> TaskStateStore | None:
        """Return the store for the mode "reschedule", in which each poke is a new process."""
        return task_state_store(context) if self.reschedule else None

    def _observe(self, context: Context, msg_ids: list[str], statistics: Mapping[str, PushStatistics]) -> Observation:
        from airflow_provider_oppo_image.engagelab.statistics import Observation

        store = self._store(context)
        state = (store.get(_STATE_KEY) if store is not None else None) or {}
        if state.get("msg_ids") == msg_ids:
            self._observation = Observation(state["sent"], state["equal"])
        self._observation = (self._observation or Observation()).add(msg_ids, statistics)
        self.log.info("Answer: %s", self._observation)
        if store is not None:
            kept = {"msg_ids": msg_ids, **dataclasses.asdict(self._observation)}
            store.set(_STATE_KEY, kept, retention=_STATE_RETENTION)
        return self._observation

    def _defer(self, msg_ids: list[str]) -> NoReturn:
        from airflow_provider_oppo_image.triggers.oppo_image import OppoImagePushStatusTrigger

        now = time.time()
        trigger = OppoImagePushStatusTrigger(
            msg_ids=msg_ids,
            observe_until=now + self.observe_for,
            deadline=now + self.timeout,
            poke_interval=self.poke_interval,
            oppo_image_conn_id=self.oppo_image_conn_id,
        )
        timeout = timedelta(seconds=self.timeout) + TRIGGER_MARGIN
        self.defer(trigger=trigger, method_name=self.execute_complete.__name__, timeout=timeout)

    def _judge(self, msg_ids: list[str], statistics: Mapping[str, PushStatistics]) -> dict[str, Any]:
        """Return the result.

        :raises OppoImageError: if no phone can show the pictures of a push, or that is not known.
        """
        from airflow_provider_oppo_image.engagelab.statistics import oppo_share

        share = oppo_share(statistics.values())
        for msg_id, push in statistics.items():
            self.log.info("%s: %s", msg_id, push)
        if not is_blank(self.has_pictures) and str(self.has_pictures).strip().lower() != "false":
            self._check_oppo(msg_ids, statistics)
        return {"statistics": {key: push.to_dict() for key, push in statistics.items()}, "oppo_share": share}

    def _check_oppo(self, msg_ids: list[str], statistics: Mapping[str, PushStatistics]) -> None:
        missing = [msg_id for msg_id in msg_ids if msg_id not in statistics]
        unseen = [msg_id for msg_id, push in statistics.items() if push.oppo.sent == 0]
        unknown = [msg_id for msg_id, push in statistics.items() if push.oppo.sent is None]
        if unknown:
            self.log.warning("The service gave no number of OPPO's channel for: %s.", ", ".join(unknown))
        error: OppoImageError | None = None
        if unseen:
            error = PictureUnseenError(
                f"OPPO's channel sent to nobody, so no phone can show the picture of the push: {', '.join(unseen)}. "
                "Check the push's `distribution_new` and its recipients, and OPPO's permissions and daily limit."
            )
        elif missing:
            error = OppoImageError(
                f"The service has no statistics after {self.observe_for:g} s for: {', '.join(missing)}. It is unknown "
                "whether a phone can show the picture. Check the message id, and the connection's AppKey."
            )
        if error and self.on_unseen == "fail":
            raise error
        if error:
            self.log.warning("%s", error)
