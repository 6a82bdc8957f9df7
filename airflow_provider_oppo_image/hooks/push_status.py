"""The hook's methods for a push that was sent: its statistics, and its withdrawal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow_provider_oppo_image.errors import RequestRefusedError

if TYPE_CHECKING:
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.engagelab.statistics import PushStatistics


class PushStatusMixin:
    """Adds these methods to `OppoImageHook`."""

    if TYPE_CHECKING:

        def get_conn(self) -> EngageLabClient:
            """Return the hook's client."""

        def open_client(self, *, connections: int = 10) -> EngageLabClient:
            """Return a new client, which the caller closes."""

        async def aread_settings(self) -> None:
            """Read the connection without blocking the event loop."""

    def withdraw(self, msg_id: str) -> None:
        """Withdraw a push; the service allows it once, within one day.

        What it does on OPPO's channel is not documented: phones that already show the push may keep it.

        :param msg_id: the message id.
        :raises ConfigurationError: if it is not a message id. Nothing was sent.
        :raises OppoImageError: if the push was not withdrawn, or that is not known.
        """
        try:
            self.get_conn().withdraw(msg_id)
        except RequestRefusedError as error:
            if error.earlier_attempt_ambiguous:
                error.args = (f"{error} An earlier attempt of this call may have withdrawn it.",)
            raise

    def push_status(self, msg_ids: str | Iterable[str]) -> dict[str, PushStatistics]:
        """Return the statistics of pushes. The service keeps them for one month.

        :param msg_ids: 1 to 100 message ids, or one message id.
        :return: the statistics by message id. An id that the service does not know, or not yet, is not in it.
        :raises ConfigurationError: if a message id is not valid, or there are too many. Nothing was sent.
        :raises OppoImageError: if the service returned no statistics.
        """
        return self.get_conn().push_status(msg_ids)

    def poll_push_status(self, msg_ids: Iterable[str]) -> dict[str, PushStatistics]:
        """Return the statistics of pushes with one request and a connection of its own, for repeated calls.

        :param msg_ids: the message ids, as for `push_status`, which has the same errors.
        """
        with self.open_client(connections=1) as client:
            return client.push_status(msg_ids, retry=False)

    async def apoll_push_status(self, msg_ids: Iterable[str]) -> dict[str, PushStatistics]:
        """Return the statistics as `poll_push_status` does, without blocking the event loop."""
        await self.aread_settings()
        return await asyncio.to_thread(self.poll_push_status, msg_ids)
