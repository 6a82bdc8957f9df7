"""Each call meets each fault with a budget for more attempts: what may pass is asked again, what is permanent never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from tests.trust.attack_report import AttackReport
from tests.trust.fault_expectations import differences_with
from tests.trust.fault_matrix import COMBINATIONS, Combination, Observation, try_on
from tests.trust.side_by_side import trials

BUDGET = 3.0


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Combination], Observation]]:
    def takes_time(each: Combination) -> bool:
        return bool(each.fault.wait_s or each.fault.lasts or each.fault.result_for(each.call).wait)

    directory = tmp_path_factory.mktemp("authority")
    with (
        patch("random.random", return_value=0.01),
        trials(lambda each: try_on(each, BUDGET), takes_time, request, directory) as tried,
    ):
        yield tried


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_fault_is_outlasted_if_it_may_pass(
    combination: Combination, tried: Callable[[Combination], Observation], attacks: AttackReport
) -> None:
    wrong = differences_with(BUDGET, combination, tried(combination))
    attacks.record("no failure is silent", f"{combination.call}, with a budget", succeeded=bool(wrong))
    assert not wrong
