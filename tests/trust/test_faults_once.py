"""Each call meets each fault in one attempt: what it says, what it concludes, how often it asked, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.trust.judging import differences
from tests.trust.ledger import Ledger
from tests.trust.matrix import COMBINATIONS, Came, Combination, try_once
from tests.trust.side_by_side import trials


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Combination], tuple[Came, Came]]]:
    directory = tmp_path_factory.mktemp("authority")
    with trials(try_once, lambda each: each.fault.patience > 0, request, directory) as tried:
        yield tried


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_fault_is_told_for_what_it_is(
    combination: Combination, tried: Callable[[Combination], tuple[Came, Came]], ledger: Ledger
) -> None:
    came, after = tried(combination)
    wrong = differences(combination, came)
    if not combination.fault.lasts and (after.error or not combination.call.succeeded(after.result)):
        wrong.append(f"the next call came to {after.result!r} and {after.error!r}")
    ledger.note("no failure is silent", f"{combination.call}, in one attempt", through=bool(wrong))
    assert not wrong
