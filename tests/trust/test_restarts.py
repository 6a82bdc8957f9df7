"""Attacks on Airflow's components, which are stopped, killed and started again."""

from __future__ import annotations

import time
from random import Random

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.airflow_stack import AirflowStack
from tests.support.campaign_runs import PUSH, UPLOAD, CampaignRuns
from tests.support.picture_host import PictureHost
from tests.trust.attack_report import AttackReport

SECTION = "nothing is lost"
SENSORS = 20
CAMPAIGNS = 8

DEFERRED_ONCE = {"running": 2, "deferred": 1, "success": 1}
"""The states that Airflow logs for a sensor that defers, is resumed once and succeeds."""


@pytest.mark.timeout(300)
def test_sensors_survive_their_triggerer_and_finish_once(
    airflow: AirflowStack, host: PictureHost, attacks: AttackReport, rng: Random
) -> None:
    paths = [f"/{index}.png" for index in range(SENSORS)]
    run = airflow.trigger("waiting", {"pictures": [host.base_url + path for path in paths]})
    waiting = airflow.database.triggers_taken
    airflow.until(lambda: waiting() == SENSORS, "all sensors to wait in the triggerer", within=120)

    # Some pictures appear just before the triggerer stops, and others while it is stopped.
    for stop in (airflow.kill, airflow.stop):
        serve_pictures(host, paths, SENSORS // 4)
        time.sleep(rng.uniform(0, 1))
        stop("triggerer")
        serve_pictures(host, paths, SENSORS // 4)
        airflow.start("triggerer")
        airflow.until(lambda: waiting() == len(paths), "the pictures to be found", within=60)
    state = airflow.wait_for(run)

    states, results = airflow.database.noted(run, "wait"), airflow.database.returned(run, "wait")
    events = airflow.database.asset_events(run, "wait")
    wrong = [
        index
        for index in range(SENSORS)
        if (states.get(index), len(results.get(index, [])), events[index]) != (DEFERRED_ONCE, 1, 1)
    ]
    attacks.record(SECTION, "sensors whose triggerer was killed and stopped", tried=SENSORS, succeeded=len(wrong))
    assert wrong == []
    assert state == "success"
    assert airflow.database.noted(run, "count") == {-1: {"running": 1, "success": 1}}
    assert airflow.database.returned(run, "count") == {-1: [SENSORS]}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("children", [False, True], ids=["the scheduler alone", "the scheduler and its workers"])
def test_campaigns_survive_their_scheduler(
    airflow: AirflowStack,
    services: dict[str, SandboxServer],
    host: PictureHost,
    attacks: AttackReport,
    rng: Random,
    children: bool,
) -> None:
    runs = CampaignRuns(airflow, services, host, delay=1.0)
    run = runs.start(CAMPAIGNS)
    count = rng.randrange(2 * CAMPAIGNS - 2)
    airflow.until(lambda: runs.completed() >= count, f"{count} uploads and pushes", within=60)
    airflow.kill("scheduler", children=children)
    airflow.start("scheduler")
    state = airflow.wait_for(run)

    problems = runs.problems()
    attack = "campaigns whose scheduler was killed" + (", workers too" if children else "")
    attacks.record(SECTION, attack, tried=CAMPAIGNS, succeeded=len(problems[UPLOAD]) + len(problems[PUSH]))
    assert problems == {UPLOAD: [], PUSH: []}
    assert state == "success"


def serve_pictures(host: PictureHost, paths: list[str], count: int) -> None:
    """Serve this many pictures, and remove their paths from the list."""
    for _ in range(count):
        host.serve(paths.pop(), artwork.good("big"))
