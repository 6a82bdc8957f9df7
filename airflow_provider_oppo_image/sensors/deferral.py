"""Common parts of the sensors: the choice of a mode, and the end of a deferral."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_oppo_image.airflow_compat import (
    TRIGGER_TIMEOUT_REASONS,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    conf,
)
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.hooks.oppo_image import airflow_errors

if TYPE_CHECKING:
    from airflow.sdk import Context

TRIGGER_MARGIN: Final = timedelta(minutes=10)
"""Time between the trigger's own deadline and Airflow's timeout, in which the trigger can report the timeout."""


class DeferralMixin:
    """Makes a deferred sensor end as `BaseSensorOperator.execute` ends a poke."""

    if TYPE_CHECKING:
        timeout: float
        soft_fail: bool
        never_fail: bool
        reschedule: bool
        log: Any

    deferrable: bool
    _ignores_default: bool

    def _choose_mode(self, deferrable: bool | None) -> None:
        """Set `deferrable`.

        :param deferrable: None uses ``[operators] default_deferrable``, unless the mode is "reschedule".
        :raises ConfigurationError: if it is True in the mode "reschedule".
        """
        if deferrable and self.reschedule:
            raise ConfigurationError(
                "deferrable=True and mode='reschedule' exclude each other: each of them frees the worker slot. Remove "
                "one of them."
            )
        by_site = deferrable is None and conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = not self.reschedule and (by_site or bool(deferrable))
        self._ignores_default = by_site and self.reschedule

    def _log_mode(self) -> None:
        if self._ignores_default:
            self.log.info("[operators] default_deferrable is on, but this sensor keeps its mode, 'reschedule'.")

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral, and end as `BaseSensorOperator.execute` ends a poke; called by Airflow.

        Airflow's own implementation differs from a poke and between versions. With `soft_fail` every error is a skip,
        including a triggerer without this package. On Airflow 2 `never_fail` has no effect, and a trigger that has
        timed out is waited for again.

        :param next_method: the method to call; "__fail__" if the trigger failed without an event.
        :param next_kwargs: the method's arguments; for "__fail__", the reason.
        """
        next_kwargs = next_kwargs or {}
        try:
            if next_method == "__fail__":
                with airflow_errors():
                    raise self._trigger_error(next_kwargs)
            return getattr(self, next_method)(context, **next_kwargs)
        except Exception as error:
            if isinstance(error, AirflowSensorTimeout):
                skips = self.soft_fail
            else:
                skips = self.never_fail or (self.soft_fail and isinstance(error, AirflowFailException))
            if skips:
                raise AirflowSkipException(f"Skipped because {self._skip_flag} is set: {error}") from error
            raise

    def _trigger_error(self, reason: Mapping[str, Any]) -> Exception:
        error = reason.get("error", "unknown")
        if error in TRIGGER_TIMEOUT_REASONS:
            return AirflowSensorTimeout(f"No triggerer ended the waiting within {self.timeout:g} s.")
        if reason.get("traceback"):
            self.log.error("The trigger failed:\n%s", "".join(reason["traceback"]))
        return OppoImageError(f"The trigger could not be run: {error}.", permanent=False)

    @property
    def _skip_flag(self) -> str:
        """The flag that turns failures into skips; "" if none is set."""
        return "soft_fail" if self.soft_fail else "never_fail" if self.never_fail else ""


def unfinished_error(event: Mapping[str, Any]) -> OppoImageError:
    """Return the error for an event of a trigger that failed, or that another version sent.

    :param event: the event's payload.
    """
    return OppoImageError(
        event.get("message") or f"The trigger sent an event that this version does not know: {event.get('status')!r}.",
        permanent=bool(event.get("permanent")),
    )
