"""Workers are killed in the middle of uploads and pushes: no picture is lost, and no push is sent twice."""

from __future__ import annotations

from random import Random

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support.airflow_stack import AirflowStack
from tests.support.kills import VICTIMS, Marksman
from tests.support.nights import PUSH, UPLOAD, Night
from tests.support.picture_host import PictureHost
from tests.trust.ledger import Ledger

DELAY_S = 5.0
"""How late the service answers: long, so that many kills strike while its answer is awaited."""

MOMENTS_S = 6.5
"""About how long a try lasts, where a processor is free."""


@pytest.mark.timeout(3600)
def test_killed_tasks_lose_no_picture_and_push_once(
    airflow: AirflowStack,
    services: dict[str, SandboxServer],
    host: PictureHost,
    ledger: Ledger,
    kills: int,
    lot: Random,
) -> None:
    night = Night(airflow, services, host, DELAY_S)
    marksman = Marksman(airflow, (UPLOAD, PUSH), quota=kills, within=MOMENTS_S, lot=lot)

    states = set()
    while marksman.wanted or not night.pushes_asked_for_again():
        count = max(marksman.wanted, 1)
        states.add(marksman.shoot(night.begin(count), within=60 + 12 * count))

    problems = night.problems()
    for task_id, what in ((UPLOAD, "an upload's"), (PUSH, "a push's")):
        for victim in VICTIMS:
            tried = marksman.hits[task_id, victim]
            ledger.note("nothing is lost", f"SIGKILL of {what} {victim}", tried=tried, through=len(problems[task_id]))
    ledger.note("nothing is lost", "pushes asked for again after a kill", tried=night.pushes_asked_for_again())
    assert problems == {UPLOAD: [], PUSH: []}
    assert states == {"success"}
