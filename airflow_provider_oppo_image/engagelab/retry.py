"""What to do after a failed attempt: wait how long, or give up. Pure."""

from __future__ import annotations

from typing import Final

from airflow_provider_oppo_image.errors import OppoImageError

FIRST_WAIT_S: Final = 0.5
"""The longest first wait, in seconds; it doubles with each attempt."""

LONGEST_WAIT_S: Final = 20.0
"""The longest wait, in seconds, that we choose ourselves."""


def next_wait(error: OppoImageError, *, attempts: int, elapsed: float, budget: float, chance: float) -> float | None:
    """Decide whether a call is tried again.

    A wait is drawn evenly from zero to a bound that doubles ("full jitter"), so that tasks which failed together do not
    come back together. What the service asks for in Retry-After comes on top.

    :param error: why the last attempt failed.
    :param attempts: how many attempts were made, at least 1.
    :param elapsed: seconds since the first attempt began.
    :param budget: seconds after the first attempt's start before which another may start; 0 means one attempt.
    :param chance: a random number from 0 to 1.
    :return: seconds to wait before the next attempt; None to give up.
    """
    if error.permanent:
        return None
    # 2 ** 1000 would be too large for a float, and nobody waits that long.
    wait = chance * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempts - 1, 16))
    wait += error.retry_after or 0.0
    return wait if elapsed + wait < budget else None
