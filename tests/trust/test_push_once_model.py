"""Model check: at most one broadcast for each intended push, and nothing is reported as sent that was not."""

from __future__ import annotations

import datetime
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.push_model import ANSWERS, CRASHES, STORES, Store, Task, World
from tests.trust.attack_report import AttackReport

SECONDS = (1.0, 2_900.0, 3_700.0)
# Plain steps are frequent and faults are rare, so that histories of several tries are reached.
FIRST_REQUEST = st.tuples(st.sampled_from(ANSWERS), st.just(0.0))
REPEATED_REQUEST = st.tuples(st.sampled_from(ANSWERS), st.sampled_from(SECONDS))
REQUESTS = st.one_of(st.tuples(FIRST_REQUEST), st.tuples(FIRST_REQUEST), st.tuples(FIRST_REQUEST, REPEATED_REQUEST))
MINUTES = (0, 10, 49, 51, 59, 61, 24 * 60)
MESSAGE = st.sampled_from(["spring sale"] * 5 + ["summer sale"])
CRASH = st.sampled_from(["none"] * 9 + list(CRASHES))
STORE_FAILS = st.sampled_from([False] * 9 + [True])


class PushOnce(RuleBasedStateMachine):
    """Tries, retries and clears of one task, while time passes."""

    world: World
    task: Task

    @initialize(store=st.sampled_from(["task_state", *STORES]), late=st.booleans())
    def start(self, store: Store, late: bool) -> None:
        self.world = World()
        self.world.now += datetime.timedelta(hours=2 * late)
        self.task = Task("push", store)

    @rule(minutes=st.sampled_from(MINUTES), requests=REQUESTS, message=MESSAGE, crash=CRASH, store_fails=STORE_FAILS)
    def attempt(self, minutes: int, requests: Any, message: str, crash: Any, store_fails: bool) -> None:
        self.world.now += datetime.timedelta(minutes=minutes)
        self.world.attempt(self.task, requests, message=message, crash=crash, store_fails=store_fails)

    @invariant()
    def at_most_one_broadcast(self) -> None:
        assert self.world.broadcasts_of(self.task) <= 1


PushOnce.TestCase.settings = settings(
    max_examples=2_000, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
)
test_push_once_model = pytest.mark.timeout(300)(PushOnce.TestCase)


@pytest.mark.timeout(7_200)
def test_push_histories_broadcast_once(pytestconfig: pytest.Config, attacks: AttackReport) -> None:
    """Run random histories of up to 8 tries each: more than the model check can, and the same ones each time."""
    chance, counts = random.Random(1), Counter[str]()  # noqa: S311  # reproducible histories, not secrets
    histories, repeated = int(pytestconfig.getoption("--histories")), 0
    for _ in range(histories):
        world, task = World(counts=counts), Task("push", chance.choice(STORES))
        world.now += datetime.timedelta(hours=chance.choice((0, 2)))
        for _ in range(chance.randint(1, 8)):
            world.now += datetime.timedelta(minutes=chance.choice(MINUTES))
            again = [(chance.choice(ANSWERS), chance.choice(SECONDS))] if chance.random() < 0.33 else []
            world.attempt(
                task,
                ((chance.choice(ANSWERS), 0.0), *again),
                crash=chance.choice(CRASHES) if chance.random() < 0.1 else "none",
                message="summer sale" if chance.random() < 0.15 else "spring sale",
                store_fails=chance.random() < 0.1,
            )
            repeated += world.broadcasts_of(task) > 1
    attacks.record("a push goes out once", "random histories of pushes", tried=histories, succeeded=repeated)
    assert not repeated
