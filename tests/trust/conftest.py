"""The ledger: what was tried against the provider, and what got through, printed as a table at the end."""

from __future__ import annotations

import pytest

from tests.trust.ledger import Ledger

_LEDGER = pytest.StashKey[Ledger]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEDGER] = Ledger()


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    return pytestconfig.stash[_LEDGER]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash[_LEDGER].rows():
        terminalreporter.section("trust: what was tried, and what got through")
        for row in rows:
            terminalreporter.write_line(row)
