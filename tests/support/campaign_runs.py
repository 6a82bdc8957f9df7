"""Runs of campaigns in an `AirflowStack`, compared with what the sandboxes received."""

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


class CampaignRuns:
    """Runs of the DAG `campaigns`: each campaign uploads its picture and pushes it.

    :param services: the sandboxes by connection id. They are reset. For each campaign they delay one response, in turn
        before and after the work.
    :param host: the host of the picture.
    :param delay: the delay in seconds.
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

    def start(self, count: int) -> Run:
        """Start a run with this many campaigns, distributed over the services."""
        connections = list(itertools.islice(itertools.cycle(self._services), count))
        for index, connection in enumerate(connections):
            after = index // len(self._services) % 2 == 1
            for call in ("upload", "push"):
                self._services[connection].fail(call=call, delay=self._delay, after=after)
        conf = {"campaigns": [{"big_picture_url": self._picture, "connection": one} for one in connections]}
        run = self._airflow.trigger("campaigns", conf)
        self._campaigns[run] = connections
        return run

    def completed(self) -> int:
        """Return the number of uploaded pictures and sent pushes."""
        return sum(len(received["uploads"]) + len(received["pushes"]) for received in self._received().values())

    def repeated_pushes(self) -> int:
        """Return the number of push requests beyond one per campaign."""
        pushes = sum(sum(received["requests"].get("push", {}).values()) for received in self._received().values())
        return pushes - sum(map(len, self._campaigns.values()))

    def problems(self) -> dict[str, list[str]]:
        """Return lost and repeated pictures and pushes, by task id."""
        found: dict[str, list[str]] = {UPLOAD: [], PUSH: []}
        received = self._received()
        unexpected = sum(len(one["pushes"]) for one in received.values())
        for run, connections in self._campaigns.items():
            uploaded, pushed = (self._airflow.database.returned(run, task_id) for task_id in (UPLOAD, PUSH))
            for index, connection in enumerate(connections):
                name = f"{run.run_id}, campaign {index}"
                ids = [value["big_picture_id"] for value in uploaded.get(index, [])]
                if len(ids) != 1 or ids[0] not in [upload["id"] for upload in received[connection]["uploads"]]:
                    found[UPLOAD].append(f"{name}: the picture ids {ids}")
                    continue
                sent = [push for push in received[connection]["pushes"] if ids[0] in str(push["body"])]
                unexpected -= len(sent)
                # If the service only names the cid of an earlier push, there is no message id.
                messages = [value for value in pushed.get(index, []) if value is not None]
                if [push["deliveries"] for push in sent] != [1] or not {sent[0]["msg_id"]} >= set(messages):
                    found[PUSH].append(f"{name}: {len(sent)} pushes, the message ids {messages}")
        if unexpected:
            found[PUSH].append(f"{unexpected} pushes without a campaign")
        return found

    def _received(self) -> dict[str, Any]:
        return {connection: service.received() for connection, service in self._services.items()}
