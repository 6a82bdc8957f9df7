"""What the sensor says when time is up: what it saw last, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.airflow_compat import AirflowSensorTimeout
from airflow_provider_oppo_image.errors import PictureAbsentError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_oppo_image.pictures.waiting import Look


class TellsTimeouts:
    """Says of a timeout what was last seen, where Airflow says only how long it was waited.

    It is no operator, or Airflow 2 would warn that one's `execute` calls another's.
    """

    timeout: float
    _last_look: Look | None = None

    def execute(self, context: Context, **guard: Any) -> Any:
        """Wait as Airflow's sensors do; Airflow calls it.

        :param context: the context of the running task.
        :param guard: what Airflow knows its own calls by.
        """
        try:
            return super().execute(context, **guard)  # type: ignore[misc]  # the sensor's
        except AirflowSensorTimeout:
            raise self._timed_out(self._last_look.result() if self._last_look else None) from None

    def _timed_out(self, result: Mapping[str, Any] | None) -> AirflowSensorTimeout:
        """Return the timeout, after tables of what was last seen in the log.

        :param result: what `Look.result` made of the last look; None where there was none.
        """
        from airflow_provider_oppo_image.hooks.task_log import last_words, tell_reports
        from airflow_provider_oppo_image.pictures.waiting import describe

        words = f"The pictures were not ready within {self.timeout:g} s."
        if result is None:
            return AirflowSensorTimeout(f"{words} No look at them came to its end; the lines above say why.")
        tell_reports(result["reports"])
        seen = last_words(PictureAbsentError(describe(result), reports=result["reports"]))
        return AirflowSensorTimeout(f"{words} Last seen: {seen}")
