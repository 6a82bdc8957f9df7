"""Each call meets each fault with a budget for more attempts: what may pass is asked again, what is permanent never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from tests.trust.judging import differences_with
from tests.trust.ledger import Ledger
from tests.trust.matrix import COMBINATIONS, Came, Combination, try_on
from tests.trust.side_by_side import trials

BUDGET = 3.0


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Combination], Came]]:
    def takes_time(each: Combination) -> bool:
        return bool(each.fault.patience or each.fault.lasts or each.fault.verdict_for(each.call).wait)

    directory = tmp_path_factory.mktemp("authority")
    with (
        patch("random.random", return_value=0.01),
        trials(lambda each: try_on(each, BUDGET), takes_time, request, directory) as tried,
    ):
        yield tried


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_fault_is_outlasted_if_it_may_pass(
    combination: Combination, tried: Callable[[Combination], Came], ledger: Ledger
) -> None:
    wrong = differences_with(BUDGET, combination, tried(combination))
    ledger.note("no failure is silent", f"{combination.call}, with a budget", through=bool(wrong))
    assert not wrong
