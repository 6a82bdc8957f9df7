"""Retry policy: this package's errors decide whether and when Airflow retries a task."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.airflow_compat import HAS_RETRY_POLICIES, airflow_version
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError

if TYPE_CHECKING:
    from airflow.sdk import Context, RetryDecision

if TYPE_CHECKING or HAS_RETRY_POLICIES:
    from airflow.sdk import RetryPolicy as RetryPolicy
else:

    class RetryPolicy:
        """Placeholder that makes modules importable in versions without retry policies; its constructor raises."""

        def __init__(self) -> None:
            raise ConfigurationError(
                f"retry_policy requires Airflow 3.3 or later; this is Airflow {airflow_version()}. Remove it, and put "
                "the calls of the hook into `with airflow_errors():` (from "
                "airflow_provider_oppo_image.hooks.oppo_image): a permanent error then fails the task without retries, "
                "and Airflow retries other errors after the task's retry_delay."
            )


class OppoImageRetryPolicy(RetryPolicy):
    """Retry policy for ``retry_policy=`` of any task, in Airflow 3.3 and later.

    A permanent error fails the task without retries. A transient error is retried up to the task's ``retries``: after
    the error's ``retry_after`` if it has one, otherwise after the task's ``retry_delay``. For all other exceptions,
    Airflow decides as without a policy. An exception that was raised ``from`` one of this package's errors is treated
    as that error.

    :raises ConfigurationError: in the constructor, before Airflow 3.3; the message names the alternative.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide whether to retry; called by Airflow in the task's process."""
        from airflow.sdk import RetryDecision

        error = _find_error(exception)
        if error is None:
            return RetryDecision.default()
        kind = type(error).__name__
        if error.permanent:
            return RetryDecision.fail(f"{kind} is permanent.")
        if error.retry_after is None:
            return RetryDecision.retry(reason=f"{kind} is transient.")
        delay = timedelta(seconds=error.retry_after)
        return RetryDecision.retry(delay, f"{kind} is transient: retry after {error.retry_after:g} s.")

    def serialize(self) -> dict[str, Any]:
        """Return the path of the class; the policy has no state."""
        return {"__type": f"{type(self).__module__}.{type(self).__qualname__}"}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> OppoImageRetryPolicy:
        """Return the policy from its serialized form."""
        return cls()


def _find_error(exception: BaseException) -> OppoImageError | None:
    for error in (exception, exception.__cause__):
        if isinstance(error, OppoImageError):
            return error
    return None
