"""Each call with each fault: without retries and with retries."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import pytest

from tests.trust import fake_clock
from tests.trust.attack_report import AttackReport
from tests.trust.fault_expectations import (
    differences,
    differences_with_retries,
)
from tests.trust.fault_matrix import (
    COMBINATIONS,
    Combination,
    Observation,
    try_once,
    try_with_retries,
    write_authority,
)

SECTION = "no failure is silent"
BUDGET_S = 3.0

T = TypeVar("T")
Run = Callable[[Combination], T]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    write_authority(path)
    return path


@contextlib.contextmanager
def run_waiting_calls_early(
    request: pytest.FixtureRequest, authority: Path, run: Run[T], waits: Callable[[Combination], bool]
) -> Iterator[Run[T]]:
    """Run the combinations that mostly wait concurrently and in advance, and yield a function that returns results."""
    items = [item for item in request.session.items if request.fixturename in getattr(item, "fixturenames", ())]
    combinations = [item.callspec.params["combination"] for item in items]
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        patch.object(time, "time", fake_clock.now),
        patch("random.random", return_value=0.01),
        ThreadPoolExecutor(16) as pool,
    ):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        early = {str(each): pool.submit(run, each) for each in combinations if waits(each)}

        def result_of(each: Combination) -> T:
            if each.fault.heavy:
                wait(early.values())  # other threads would change the measured memory
            return early[str(each)].result() if str(each) in early else run(each)

        yield result_of


@pytest.fixture(scope="module")
def call_once(request: pytest.FixtureRequest, authority: Path) -> Iterator[Run[tuple[Observation, Observation]]]:
    with run_waiting_calls_early(request, authority, try_once, lambda each: each.fault.wait_s > 0) as run:
        yield run


@pytest.fixture(scope="module")
def call_with_retries(request: pytest.FixtureRequest, authority: Path) -> Iterator[Run[Observation]]:
    def waits(each: Combination) -> bool:
        return bool(each.fault.wait_s or each.fault.lasts or each.fault.result_for(each.call).retry_after)

    def call(each: Combination) -> Observation:
        return try_with_retries(each, BUDGET_S)

    with run_waiting_calls_early(request, authority, call, waits) as run:
        yield run


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_call_reports_a_fault(
    combination: Combination, call_once: Run[tuple[Observation, Observation]], attacks: AttackReport
) -> None:
    first, second = call_once(combination)
    found = differences(combination, first)
    if not combination.fault.lasts and (second.error or not combination.call.succeeded(second.value)):
        found.append(f"the next call returned {second.value!r} and raised {second.error!r}")
    attacks.require(SECTION, f"{combination.call}, without retries", not found, found)


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_call_retries_transient_faults(
    combination: Combination, call_with_retries: Run[Observation], attacks: AttackReport
) -> None:
    found = differences_with_retries(BUDGET_S, combination, call_with_retries(combination))
    attacks.require(SECTION, f"{combination.call}, with retries", not found, found)
