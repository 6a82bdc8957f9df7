"""The retry policy: this package's errors say whether Airflow tries a task again, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.airflow_compat import RetryPolicy
from airflow_provider_oppo_image.errors import OppoImageError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, RetryDecision


class OppoImageRetryPolicy(RetryPolicy):
    """Decides about retries by what this package's errors say, for ``retry_policy=`` of any task on Airflow 3.3.

    A permanent error fails the task at once. One that may pass is tried again, as often as the task's ``retries`` say:
    after its own ``retry_after`` where it has one, else after the task's ``retry_delay``. About everything else Airflow
    decides as without a policy. An exception that was raised ``from`` one of this package's errors counts as that one.

    :raises ConfigurationError: before Airflow 3.3, when it is made; it says what to do in its place.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide; Airflow calls it in the task's process.

        :param exception: what the task raised.
        :param try_number: which try it was, from 1.
        :param max_tries: how many tries there may be.
        :param context: the context of the task.
        """
        from airflow.providers.common.compat.sdk import RetryDecision

        error = _ours(exception)
        if error is None:
            return RetryDecision.default()
        kind = type(error).__name__
        if error.permanent:
            return RetryDecision.fail(f"{kind} is permanent: no retry helps.")
        if error.retry_after is None:
            return RetryDecision.retry(reason=f"{kind} may pass.")
        delay = timedelta(seconds=error.retry_after)
        return RetryDecision.retry(delay, f"{kind} may pass, in {error.retry_after:g} s.")

    def serialize(self) -> dict[str, Any]:
        """Return what makes this policy again: its name alone, since it keeps nothing."""
        return {"__type": f"{type(self).__module__}.{type(self).__qualname__}"}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> OppoImageRetryPolicy:
        """Return the policy that `serialize` described.

        :param data: what it returned.
        """
        return cls()


def _ours(exception: BaseException) -> OppoImageError | None:
    for error in (exception, exception.__cause__):
        if isinstance(error, OppoImageError):
            return error
    return None
