"""The ledger: what was tried against the provider, and what got through, printed as a table at the end.

And a whole Airflow, started once for all tests that need one, with connections to sandboxes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from airflow_provider_oppo_image.airflow_compat import airflow_version
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support.airflow_stack import AirflowStack
from tests.trust.ledger import Ledger

_LEDGER = pytest.StashKey[Ledger]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trust", "attacks on the provider")
    group.addoption("--fuzz", type=int, default=5_000, help="how many changed pictures to try (%(default)s)")
    group.addoption("--kills", type=int, default=5, help="how many kills of each kind (%(default)s)")
    group.addoption("--pictures", type=int, default=1_000, help="how many damaged pictures to try (%(default)s)")
    group.addoption(
        "--lot",
        type=int,
        default=secrets.randbelow(10**6),
        help="draws the moments of kills; by default another each time",
    )


def pytest_report_header(config: pytest.Config) -> str:
    return (
        f"trust: {config.getoption('--kills')} kills of each kind, their moments by --lot={config.getoption('--lot')}"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEDGER] = Ledger()


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    return pytestconfig.stash[_LEDGER]


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config) -> int:
    """How many kills of each kind."""
    return int(pytestconfig.getoption("--kills"))


@pytest.fixture
def lot(pytestconfig: pytest.Config) -> Random:
    """Draws moments, the same ones for the same `--lot`."""
    return Random(pytestconfig.getoption("--lot"))  # noqa: S311  # no secret


@pytest.fixture(scope="session")
def services() -> Iterator[dict[str, SandboxServer]]:
    """Two services, by the connection that leads there: each does one of what may follow a `cid` that was used before.

    No way to escape text changes their master secrets, so that a search for these finds them.
    """
    lenient = SandboxOptions("lenient-app-key", "Q7wZ3kX9vB2nL5tR8yD4hM6j", requests_per_second=None)
    strict = SandboxOptions("strict-app-key", "G3pV8sC1fJ6zW4qN9xT2bK7m", requests_per_second=None, cid_repeat="error")
    with SandboxServer(lenient) as first, SandboxServer(strict) as second:
        yield {"oppo_image_default": first, "oppo_image_strict": second}


@pytest.fixture(scope="session")
def airflow(services: dict[str, SandboxServer]) -> Iterator[AirflowStack]:
    """A whole Airflow, with the DAGs of tests/trust/dags, whose connections lead to the services."""
    if not airflow_version().startswith("3.3."):
        pytest.skip(f"the whole Airflow of these tests is a 3.3, and this is {airflow_version()}")
    if not Path("/proc/self/stat").exists():
        pytest.skip("these tests find the processes that they kill in /proc, which is not here")
    connections = {
        name: {
            "conn_type": "oppo_image",
            "login": service.options.app_key,
            "password": service.options.master_secret,
            "host": service.url,
            "extra": {"allow_private_addresses": True, "retry_budget": 5},
        }
        for name, service in services.items()
    }
    connections["oppo_image_wrong"] = {**connections["oppo_image_default"], "password": "E5dR2uH8oY1aM7gS4cP9wL3x"}
    with AirflowStack(Path(__file__).parent / "dags", connections, {"LOGGING__LOGGING_LEVEL": "DEBUG"}) as stack:
        yield stack


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash[_LEDGER].rows():
        terminalreporter.section("trust: what was tried, and what got through")
        for row in rows:
            terminalreporter.write_line(row)
