"""A push meets each fault that may pass, and is then told that its `cid` was used: by its own first request, or not?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from tests.support.fault_server import refusal
from tests.trust.attack_report import AttackReport
from tests.trust.calls import PUSH
from tests.trust.fault_expectations import differences_in_doubt, is_tried_again
from tests.trust.fault_matrix import COMBINATIONS, Combination, Observation, try_on
from tests.trust.side_by_side import trials

BUDGET = 3.0
CID_USED = refusal(21003, 400, "The cid has been used")

DOUBTS = tuple(
    each for each in COMBINATIONS if each.call is PUSH and not each.fault.lasts and is_tried_again(each, BUDGET)
)


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Combination], Observation]]:
    def takes_time(each: Combination) -> bool:
        return bool(each.fault.wait_s or each.fault.result_for(each.call).wait)

    directory = tmp_path_factory.mktemp("authority")
    with (
        patch("random.random", return_value=0.01),
        trials(lambda each: try_on(each, BUDGET, CID_USED), takes_time, request, directory) as tried,
    ):
        yield tried


@pytest.mark.parametrize("combination", DOUBTS, ids=str)
def test_a_push_knows_whether_its_first_request_may_have_sent_it(
    combination: Combination, tried: Callable[[Combination], Observation], attacks: AttackReport
) -> None:
    wrong = differences_in_doubt(combination, tried(combination))
    attacks.record("no failure is silent", "push, told that its cid was used", succeeded=bool(wrong))
    assert not wrong
