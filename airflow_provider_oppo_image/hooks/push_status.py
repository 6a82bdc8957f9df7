"""The hook's methods for a push that was sent: its statistics, and its withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient


class PushStatusMixin:
    """Adds these methods to `OppoImageHook`."""

    if TYPE_CHECKING:

        def get_conn(self) -> EngageLabClient:
            """Return the hook's client."""

    def withdraw(self, msg_id: str) -> None:
        """Withdraw a push; the service allows it once, within one day.

        :param msg_id: the message id.
        :raises OppoImageError: if the push was not withdrawn, or that is not known.
        """
        self.get_conn().withdraw(msg_id)

    def push_status(self, msg_ids: Sequence[str]) -> dict[str, Any]:
        """Return the statistics of pushes.

        :param msg_ids: 1 to 100 message ids.
        :return: the service's statistics by message id.
        :raises OppoImageError: if the service returned no statistics.
        """
        return self.get_conn().push_status(msg_ids)
