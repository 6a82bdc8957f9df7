"""Sensor that waits until pictures are ready, and the public import path of the sensors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow_provider_oppo_image.airflow_compat import (
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
)
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import ConfigurationError, PictureAbsentError, PictureWrongError
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.sensors.deferral import TRIGGER_MARGIN, DeferralMixin, unfinished_error
from airflow_provider_oppo_image.sensors.push_status import OppoImagePushStatusSensor

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, OnWrong, PollResult
    from airflow_provider_oppo_image.pictures.report_cache import ReportCache

__all__ = ["OppoImagePushStatusSensor", "OppoImageSensor"]


class SensorTimeoutMixin:
    """Adds the result of the last poll to a timeout error; Airflow's own message has only the duration.

    It is not an operator, because Airflow 2 warns if an operator's `execute` calls another operator's `execute`.
    """

    timeout: float
    _last_poll: PollResult | None = None

    def execute(self, context: Context, **guard: Any) -> Any:
        """Wait as Airflow's sensors do; called by Airflow."""
        try:
            return super().execute(context, **guard)  # type: ignore[misc]  # the sensor's
        except AirflowSensorTimeout:
            raise self._timeout_error(self._last_poll.to_xcom() if self._last_poll else None) from None

    def _timeout_error(self, result: Mapping[str, Any] | None) -> AirflowSensorTimeout:
        """Return the timeout error, and log a table for each picture that is not ready.

        :param result: the last poll as `PollResult.to_xcom` returns it; None if no poll has finished.
        """
        from airflow_provider_oppo_image.hooks.task_record import log_reports, summary_line
        from airflow_provider_oppo_image.pictures.polling import describe

        message = f"The pictures were not ready within {self.timeout:g} s."
        if result is None:
            return AirflowSensorTimeout(f"{message} No check of them finished; the log lines above say why.")
        log_reports(result["reports"])
        last = summary_line(PictureAbsentError(describe(result), reports=result["reports"]))
        return AirflowSensorTimeout(f"{message} Last seen: {last}")


class OppoImageSensor(SensorTimeoutMixin, DeferralMixin, LineageMixin, BaseSensorOperator):
    """Waits until all of its pictures are ready.

    It waits for a picture that is absent. A wrong picture, which waiting does not correct, fails the task without
    retries and with the complete report, unless `on_wrong` is "wait". All pictures must be ready in the same poll.

    Returns ``{"counts": {"ready": ..., "absent": ..., "wrong": ...}, "reports": [...]}`` with the report of each
    picture. For more than 50 pictures, it has only the reports of the first 20 with problems or warnings.

    All modes end in the same way, which is how Airflow ends a poke. With ``soft_fail``, a timeout skips the task
    instead of failing it, *and so do a wrong picture*, invalid arguments and an unusable connection. An unexpected
    error, such as a connection that is not found, still fails it. With ``never_fail``, all of these skip the task
    except the timeout, which fails it. With ``silent_fail``, the sensor keeps waiting after an unexpected error.

    :param big_picture_url: a big picture's URL (templated); None for no picture.
    :param small_picture_url: a small picture's URL (templated); None for no picture.
    :param pictures: more pictures (templated), as a list of mappings with ``big_picture_url``, ``small_picture_url`` or
        both, and optionally ``name``.
    :param on_wrong: "fail" fails at a wrong picture; "wait" waits, because somebody may replace it.
    :param campaign: the campaign's name (templated), for the page that shows a run's pictures.
    :param deferrable: wait in the triggerer, without a worker slot; the worker still does the first poll. None uses
        ``[operators] default_deferrable``, unless `mode` is "reschedule".
    :param oppo_image_conn_id: the id of the connection (templated) with the timeouts and the address policy; None uses
        the default timeouts and refuses private addresses.
    """

    template_fields: Sequence[str] = (
        "big_picture_url",
        "small_picture_url",
        "pictures",
        "campaign",
        "oppo_image_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"pictures": "json"}
    operator_extra_links = LINKS
    ui_color = "#fdf3d8"

    def __init__(
        self,
        *,
        big_picture_url: str | None = None,
        small_picture_url: str | None = None,
        pictures: Sequence[Mapping[str, str | None]] | None = None,
        on_wrong: OnWrong = "fail",
        campaign: str | None = None,
        deferrable: bool | None = None,
        oppo_image_conn_id: str | None = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.big_picture_url = big_picture_url
        self.small_picture_url = small_picture_url
        self.pictures = pictures
        self.on_wrong: OnWrong = on_wrong
        self.campaign = campaign
        self.oppo_image_conn_id = oppo_image_conn_id
        if on_wrong not in ("fail", "wait"):
            raise ConfigurationError(f"on_wrong must be 'fail' or 'wait', not {on_wrong!r}.")
        self._choose_mode(deferrable)
        self._cache: ReportCache | None = None

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll all pictures once, and defer if the sensor is deferrable; called by Airflow.

        :raises AirflowFailException: for errors that waiting does not correct.
        """
        deadline = time.time() + self.timeout
        self._log_mode()
        from airflow_provider_oppo_image.hooks.task_record import picture_records, record_task

        with airflow_errors(), record_task(context, "wait", self.campaign) as record:
            poll = self._last_poll = self._poll()
            if poll is not None:
                result, decision = poll.to_xcom(), poll.decide(self.on_wrong)
                record.pictures += picture_records(result["reports"])
                if decision == "ready":
                    self._report_lineage(str(picture.url) for picture in poll.pictures)
                    return PokeReturnValue(True, result)
                if decision == "wrong":
                    raise self._wrong_error(result)
        if self.deferrable:
            self._defer(deadline)
        return PokeReturnValue(False)

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> Any:
        """Return or raise what the trigger reports; called by Airflow.

        :param event: the payload of `OppoImageTrigger`'s event.
        """
        from airflow_provider_oppo_image.hooks.task_record import picture_records, record_task

        event = event or {}
        status, result = event.get("status"), event.get("result")
        with airflow_errors(), record_task(context, "wait", self.campaign) as record:
            record.pictures += picture_records((result or {}).get("reports", ()))
            if status == "ready":
                self._report_lineage(str(picture.url) for picture in self._expected_pictures())
                return result
            if status == "timeout":
                raise self._timeout_error(result)
            if status == "wrong" and result:
                raise self._wrong_error(result)
            raise unfinished_error(event)

    def _poll(self) -> PollResult | None:
        """Check the pictures; return None if an unexpected error occurred and the triggerer is to continue."""
        from airflow_provider_oppo_image.pictures.check_many import MAX_PER_HOST, check_all
        from airflow_provider_oppo_image.pictures.polling import should_continue_after
        from airflow_provider_oppo_image.pictures.report_cache import ReportCache
        from airflow_provider_oppo_image.pictures.session_pool import SessionPool

        self._cache = report_cache = self._cache or ReportCache()
        try:
            with SessionPool(MAX_PER_HOST) as session_pool:
                check = OppoImageHook(self.oppo_image_conn_id).make_check(report_cache, session_pool)
                poll = check_all(self._expected_pictures(), check, report_cache)
        except Exception as error:
            # Without deferral, Airflow itself applies silent_fail.
            if not (self.deferrable and should_continue_after(error, silent_fail=self.silent_fail)):
                raise
            self.log.exception("The first check failed; the triggerer continues, because silent_fail is set")
            return None
        self.log.info("Poll: %s", poll)
        return poll

    def _expected_pictures(self) -> list[ExpectedPicture]:
        from airflow_provider_oppo_image.pictures.polling import parse_pictures

        return parse_pictures(self.big_picture_url, self.small_picture_url, self.pictures)

    def _defer(self, deadline: float) -> NoReturn:
        from airflow_provider_oppo_image.triggers.oppo_image import OppoImageTrigger

        trigger = OppoImageTrigger(
            deadline=deadline,
            pictures=[picture.to_dict() for picture in self._expected_pictures()],
            on_wrong=self.on_wrong,
            poke_interval=self.poke_interval,
            exponential_backoff=self.exponential_backoff,
            max_wait=self.max_wait.total_seconds() if self.max_wait else None,
            silent_fail=self.silent_fail,
            oppo_image_conn_id=self.oppo_image_conn_id,
        )
        timeout = timedelta(seconds=self.timeout) + TRIGGER_MARGIN
        self.defer(trigger=trigger, method_name=self.execute_complete.__name__, timeout=timeout)

    def _wrong_error(self, result: Mapping[str, Any]) -> PictureWrongError:
        from airflow_provider_oppo_image.pictures.polling import describe

        message = describe(result)
        if self._skip_flag:
            self.log.warning("A picture is wrong; the task is skipped, because %s is set: %s", self._skip_flag, message)
        return PictureWrongError(message, reports=result["reports"])

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Use the trigger's schedule: honour Retry-After, and poll once more at the deadline."""
        from airflow_provider_oppo_image.pictures.polling import next_delay

        interval = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        return next_delay(interval, remaining=self.timeout - run_duration(), poll=self._last_poll)
