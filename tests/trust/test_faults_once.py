"""Each call meets each fault in one attempt: what it says, what it concludes, how often it asked, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.trust.attack_report import AttackReport
from tests.trust.fault_expectations import differences
from tests.trust.fault_matrix import COMBINATIONS, Combination, Observation, try_once
from tests.trust.side_by_side import trials


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Combination], tuple[Observation, Observation]]]:
    directory = tmp_path_factory.mktemp("authority")
    with trials(try_once, lambda each: each.fault.wait_s > 0, request, directory) as tried:
        yield tried


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_fault_is_told_for_what_it_is(
    combination: Combination, tried: Callable[[Combination], tuple[Observation, Observation]], attacks: AttackReport
) -> None:
    observed, after = tried(combination)
    wrong = differences(combination, observed)
    if not combination.fault.lasts and (after.error or not combination.call.succeeded(after.result)):
        wrong.append(f"the next call observed to {after.result!r} and {after.error!r}")
    attacks.record("no failure is silent", f"{combination.call}, in one attempt", succeeded=bool(wrong))
    assert not wrong
