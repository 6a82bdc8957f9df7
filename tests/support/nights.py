"""Nights of campaigns in an `AirflowStack`, counted at the sandboxes that they went to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.support.picture_host import PictureHost

UPLOAD, PUSH = "campaign.upload", "campaign.push"


class Night:
    """Runs of the DAG `campaigns`: each campaign uploads its picture and pushes it.

    :param airflow: the stack.
    :param services: the sandboxes, by the connection that leads there. They forget what they received before, and
        answer late as often as there are campaigns: one time in two before they do the work, else after it.
    :param host: where the picture lies.
    :param delay: how late they answer, in seconds.
    """

    def __init__(
        self, airflow: AirflowStack, services: Mapping[str, SandboxServer], host: PictureHost, delay: float
    ) -> None:
        self._airflow = airflow
        self._services = services
        self._delay = delay
        self._picture = host.serve("/big.png", artwork.good("big"))
        self._campaigns: dict[Run, list[str]] = {}
        for service in services.values():
            service.forget()
            service.recover()

    def begin(self, count: int) -> Run:
        """Start a run of so many campaigns, spread over the services."""
        connections = list(itertools.islice(itertools.cycle(self._services), count))
        for index, connection in enumerate(connections):
            after = index // len(self._services) % 2 == 1
            for call in ("upload", "push"):
                self._services[connection].fail(call=call, delay=self._delay, after=after)
        conf = {"campaigns": [{"big_picture_url": self._picture, "connection": one} for one in connections]}
        run = self._airflow.trigger("campaigns", conf)
        self._campaigns[run] = connections
        return run

    def done(self) -> int:
        """How many pictures have been uploaded and how many pushes sent, in all."""
        return sum(len(received["uploads"]) + len(received["pushes"]) for received in self._received().values())

    def pushes_asked_for_again(self) -> int:
        """How many requests to push came beyond one for each campaign."""
        asked = sum(sum(received["requests"].get("push", {}).values()) for received in self._received().values())
        return asked - sum(map(len, self._campaigns.values()))

    def problems(self) -> dict[str, list[str]]:
        """What was lost and what was sent twice, by task id."""
        found: dict[str, list[str]] = {UPLOAD: [], PUSH: []}
        received = self._received()
        unclaimed = sum(len(one["pushes"]) for one in received.values())
        for run, connections in self._campaigns.items():
            uploaded, pushed = (self._airflow.database.returned(run, task_id) for task_id in (UPLOAD, PUSH))
            for index, connection in enumerate(connections):
                name = f"{run.run_id}, campaign {index}"
                ids = [value["big_picture_id"] for value in uploaded.get(index, [])]
                if len(ids) != 1 or ids[0] not in [upload["id"] for upload in received[connection]["uploads"]]:
                    found[UPLOAD].append(f"{name}: the picture ids {ids}")
                    continue
                sent = [push for push in received[connection]["pushes"] if ids[0] in str(push["body"])]
                unclaimed -= len(sent)
                # Where the service names only the cid of an earlier push, there is no message id.
                messages = [value for value in pushed.get(index, []) if value is not None]
                if [push["deliveries"] for push in sent] != [1] or not {sent[0]["msg_id"]} >= set(messages):
                    found[PUSH].append(f"{name}: {len(sent)} pushes, the message ids {messages}")
        if unclaimed:
            found[PUSH].append(f"{unclaimed} pushes that are no campaign's")
        return found

    def _received(self) -> dict[str, Any]:
        return {connection: service.received() for connection, service in self._services.items()}
