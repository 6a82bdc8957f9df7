"""The sensor that waits until pictures are ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from airflow_provider_oppo_image.airflow_compat import (
    TRIGGER_TIMEOUT_REASONS,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, PictureAbsentError, PictureWrongError
from airflow_provider_oppo_image.hooks.checking import make_check
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import airflow_errors
from airflow_provider_oppo_image.links.oppo_image import LINKS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, OnWrong, PollResult
    from airflow_provider_oppo_image.pictures.report_cache import ReportCache


class SensorTimeoutMixin:
    """Says of a timeout what was last seen, where Airflow says only how long it was waited.

    It is no operator, or Airflow 2 would warn that one's `execute` calls another's.
    """

    timeout: float
    _last_look: PollResult | None = None

    def execute(self, context: Context, **guard: Any) -> Any:
        """Wait as Airflow's sensors do; Airflow calls it.

        :param context: the context of the running task.
        :param guard: what Airflow knows its own calls by.
        """
        try:
            return super().execute(context, **guard)  # type: ignore[misc]  # the sensor's
        except AirflowSensorTimeout:
            raise self._timed_out(self._last_look.to_xcom() if self._last_look else None) from None

    def _timed_out(self, result: Mapping[str, Any] | None) -> AirflowSensorTimeout:
        """Return the timeout, after tables of what was last seen in the log.

        :param result: what `PollResult.to_xcom` made of the last look; None where there was none.
        """
        from airflow_provider_oppo_image.hooks.task_errors import log_reports, summary_line
        from airflow_provider_oppo_image.pictures.polling import describe

        words = f"The pictures were not ready within {self.timeout:g} s."
        if result is None:
            return AirflowSensorTimeout(f"{words} No look at them came to its end; the lines above say why.")
        log_reports(result["reports"])
        seen = summary_line(PictureAbsentError(describe(result), reports=result["reports"]))
        return AirflowSensorTimeout(f"{words} Last seen: {seen}")


TRIGGER_MARGIN: Final = timedelta(minutes=10)
"""How long Airflow waits for a trigger past the trigger's own deadline: it must be alive to say that time is up."""


class OppoImageSensor(SensorTimeoutMixin, LineageMixin, BaseSensorOperator):
    """Waits until all pictures are ready, for any number of them.

    A picture that is absent is waited for. One that is wrong, which time alone does not mend, fails the task at once
    and without a retry, with the whole report; or it is waited for as well, where asked. All must be ready in the same
    look.

    Returns ``{"counts": {"ready": ..., "absent": ..., "wrong": ...}, "reports": [...]}``: the report of each picture;
    above 50 pictures, those of the first 20 with problems or warnings.

    In all modes it ends alike, as Airflow ends a poke. With ``soft_fail`` a timeout skips the task instead of failing
    it, *and so does a wrong picture*, as well as arguments and a connection that are wrong; an unexpected fault, such
    as a connection that is not found, fails it. With ``never_fail`` all of these skip it but the timeout, which fails
    it. ``silent_fail`` goes on waiting after an unexpected fault.

    :param big_picture_url: a big picture's URL (templated); None for none.
    :param small_picture_url: a small picture's URL (templated); None for none.
    :param pictures: more pictures (templated), as a list of mappings with ``big_picture_url``, ``small_picture_url`` or
        both, and ``name`` where one is wanted.
    :param on_wrong: "fail" fails at a wrong picture; "wait" waits, since somebody may replace it.
    :param campaign: what people call what the pictures are for (templated): the page of a run's pictures shows it.
    :param deferrable: wait in the triggerer, where no worker's slot is held; the first look is still the worker's. None
        is what the site says in ``[operators] default_deferrable``, unless `mode` is "reschedule".
    :param oppo_image_conn_id: the id of the connection (templated) that has the timeouts and the guard's exceptions;
        None for the strict defaults, and no connection is read.
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
            raise ConfigurationError(f"on_wrong is {on_wrong!r}; it must be 'fail' or 'wait'.")
        if deferrable and self.reschedule:
            raise ConfigurationError(
                "deferrable=True and mode='reschedule' exclude each other: both give the worker's slot back, each in "
                "its own way. Leave one of them out."
            )
        by_site = deferrable is None and conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = not self.reschedule and (by_site or bool(deferrable))
        self._keeps_mode = by_site and self.reschedule
        self._memory: ReportCache | None = None

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once at all pictures, and leave the rest to the triggerer if it is deferrable; Airflow calls it.

        :param context: the context of the running task.
        :raises AirflowFailException: for what no waiting mends.
        """
        deadline = time.time() + self.timeout
        if self._keeps_mode:
            self.log.info("[operators] default_deferrable is on, but this sensor keeps its mode, 'reschedule'.")
        from airflow_provider_oppo_image.hooks.task_record import picture_records, record_task

        with airflow_errors(), record_task(context, "wait", self.campaign) as record:
            check_all = self._last_look = self._look()
            if check_all is not None:
                result, decision = check_all.to_xcom(), check_all.decide(self.on_wrong)
                record.pictures += picture_records(result["reports"])
                if decision == "ready":
                    self._report_lineage(str(picture.url) for picture in check_all.pictures)
                    return PokeReturnValue(True, result)
                if decision == "wrong":
                    raise self._wrong(result)
        if self.deferrable:
            self._defer(deadline)
        return PokeReturnValue(False)

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> Any:
        """End as the trigger says; Airflow calls it.

        :param context: the context of the running task.
        :param event: the payload of `OppoImageTrigger`'s event.
        """
        from airflow_provider_oppo_image.hooks.task_record import picture_records, record_task

        event = event or {}
        status, result = event.get("status"), event.get("result")
        with airflow_errors(), record_task(context, "wait", self.campaign) as record:
            record.pictures += picture_records((result or {}).get("reports", ()))
            if status == "ready":
                self._report_lineage(str(picture.url) for picture in self._awaited())
                return result
            if status == "timeout":
                raise self._timed_out(result)
            if status == "wrong" and result:
                raise self._wrong(result)
            raise OppoImageError(
                event.get("message") or f"The trigger sent an event that this version does not know: {status!r}.",
                permanent=bool(event.get("permanent")),
            )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after a deferral, and end as `BaseSensorOperator.execute` ends a poke; Airflow calls it.

        Airflow's own way differs from a poke's, and from one version to another: `soft_fail` makes a skip of whatever
        happened, of a triggerer that lacks this package too; `never_fail` does nothing on Airflow 2; and a trigger that
        ran out of time is waited for all over again there.

        :param next_method: what to call; "__fail__" when the trigger has no event to give.
        :param next_kwargs: the arguments of that; for "__fail__", the reason.
        :param context: the context of the running task.
        """
        next_kwargs = next_kwargs or {}
        try:
            if next_method == "__fail__":
                with airflow_errors():
                    raise self._trigger_failure(next_kwargs)
            return getattr(self, next_method)(context, **next_kwargs)
        except Exception as error:
            if isinstance(error, AirflowSensorTimeout):
                skips = self.soft_fail
            else:
                skips = self.never_fail or (self.soft_fail and isinstance(error, AirflowFailException))
            if skips:
                raise AirflowSkipException(f"Skipped, since {self._skip_flag} is set: {error}") from error
            raise

    def _trigger_failure(self, reason: Mapping[str, Any]) -> Exception:
        words = reason.get("error", "unknown")
        if words in TRIGGER_TIMEOUT_REASONS:
            return AirflowSensorTimeout(f"No triggerer ended the waiting within {self.timeout:g} s.")
        if reason.get("traceback"):
            self.log.error("The trigger failed:\n%s", "".join(reason["traceback"]))
        return OppoImageError(f"The trigger could not be run: {words}.", permanent=False)

    def _look(self) -> PollResult | None:
        """Look at the pictures; None when that failed by an unexpected fault, and the triggerer goes on."""
        from airflow_provider_oppo_image.pictures.check_many import check_all
        from airflow_provider_oppo_image.pictures.polling import should_continue_after
        from airflow_provider_oppo_image.pictures.report_cache import ReportCache
        from airflow_provider_oppo_image.pictures.session_pool import SessionPool

        self._memory = memory = self._memory or ReportCache()
        try:
            with SessionPool() as lines:
                seen = check_all(self._awaited(), make_check(self.oppo_image_conn_id, memory, lines), memory)
        except Exception as error:
            # Without deferral it is Airflow itself that obeys silent_fail.
            if not (self.deferrable and should_continue_after(error, silent_fail=self.silent_fail)):
                raise
            self.log.exception("The first look failed; the triggerer goes on, since silent_fail is set")
            return None
        self.log.info("Look: %s", seen)
        return seen

    def _awaited(self) -> list[ExpectedPicture]:
        from airflow_provider_oppo_image.pictures.polling import parse_pictures

        return parse_pictures(self.big_picture_url, self.small_picture_url, self.pictures)

    def _defer(self, deadline: float) -> NoReturn:
        from airflow_provider_oppo_image.triggers.oppo_image import OppoImageTrigger

        trigger = OppoImageTrigger(
            deadline=deadline,
            pictures=[picture.to_dict() for picture in self._awaited()],
            on_wrong=self.on_wrong,
            poke_interval=self.poke_interval,
            exponential_backoff=self.exponential_backoff,
            max_wait=self.max_wait.total_seconds() if self.max_wait else None,
            silent_fail=self.silent_fail,
            oppo_image_conn_id=self.oppo_image_conn_id,
        )
        timeout = timedelta(seconds=self.timeout) + TRIGGER_MARGIN
        self.defer(trigger=trigger, method_name=self.execute_complete.__name__, timeout=timeout)

    def _wrong(self, result: Mapping[str, Any]) -> PictureWrongError:
        from airflow_provider_oppo_image.pictures.polling import describe

        words = describe(result)
        if self._skip_flag:
            self.log.warning("A picture is wrong; the task is skipped, since %s is set: %s", self._skip_flag, words)
        return PictureWrongError(words, reports=result["reports"])

    @property
    def _skip_flag(self) -> str:
        """Which flag makes skips of failures; "" for none."""
        return "soft_fail" if self.soft_fail else "never_fail" if self.never_fail else ""

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Wait as the trigger waits: as long as a host asks for, and with the last look at the very end."""
        from airflow_provider_oppo_image.pictures.polling import next_delay

        interval = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        return next_delay(interval, remaining=self.timeout - run_duration(), poll=self._last_look)
