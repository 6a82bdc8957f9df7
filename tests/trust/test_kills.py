"""Attacks on running tasks with SIGKILL: no picture is lost, and no push is sent twice."""

from __future__ import annotations

from random import Random

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support.airflow_stack import AirflowStack
from tests.support.campaign_runs import PUSH, UPLOAD, CampaignRuns
from tests.support.kills import VICTIMS, TaskKiller
from tests.support.picture_host import PictureHost
from tests.trust.attack_report import AttackReport

DELAY_S = 5.0
"""Delay of the service's responses: long, so that many kills happen while a task waits for a response."""

TRY_DURATION_S = 6.5
"""Approximate duration of a try on an idle processor."""


@pytest.mark.timeout(3600)
def test_killed_tasks_lose_nothing_and_push_once(
    airflow: AirflowStack,
    services: dict[str, SandboxServer],
    host: PictureHost,
    attacks: AttackReport,
    kills: int,
    rng: Random,
) -> None:
    runs = CampaignRuns(airflow, services, host, DELAY_S)
    killer = TaskKiller(airflow, (UPLOAD, PUSH), quota=kills, within=TRY_DURATION_S, rng=rng)

    states = set()
    while killer.missing or not runs.repeated_pushes():
        count = max(killer.missing, 1)
        states.add(killer.kill_during(runs.start(count), within=60 + 12 * count))

    problems = runs.problems()
    for task_id, name in ((UPLOAD, "an upload's"), (PUSH, "a push's")):
        for victim in VICTIMS:
            attack, tried = f"SIGKILL of {name} {victim}", killer.kills[task_id, victim]
            attacks.record("nothing is lost", attack, tried=tried, succeeded=len(problems[task_id]))
    attacks.record("nothing is lost", "pushes repeated after a kill", tried=runs.repeated_pushes())
    assert problems == {UPLOAD: [], PUSH: []}
    assert states == {"success"}
