"""Workers are killed in the middle of uploads and pushes: no picture is lost, and no push is sent twice."""

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
"""How late the service answers: long, so that many kills strike while its answer is awaited."""

MOMENTS_S = 6.5
"""About how long a try lasts, where a processor is free."""


@pytest.mark.timeout(3600)
def test_killed_tasks_lose_no_picture_and_push_once(
    airflow: AirflowStack,
    services: dict[str, SandboxServer],
    host: PictureHost,
    attacks: AttackReport,
    kills: int,
    rng: Random,
) -> None:
    runs = CampaignRuns(airflow, services, host, DELAY_S)
    killer = TaskKiller(airflow, (UPLOAD, PUSH), quota=kills, within=MOMENTS_S, rng=rng)

    states = set()
    while killer.wanted or not runs.repeated_pushes():
        count = max(killer.wanted, 1)
        states.add(killer.run_and_kill(runs.start(count), within=60 + 12 * count))

    problems = runs.problems()
    for task_id, what in ((UPLOAD, "an upload's"), (PUSH, "a push's")):
        for victim in VICTIMS:
            tried = killer.kills_done[task_id, victim]
            attacks.record(
                "nothing is lost", f"SIGKILL of {what} {victim}", tried=tried, succeeded=len(problems[task_id])
            )
    attacks.record("nothing is lost", "pushes asked for again after a kill", tried=runs.repeated_pushes())
    assert problems == {UPLOAD: [], PUSH: []}
    assert states == {"success"}
