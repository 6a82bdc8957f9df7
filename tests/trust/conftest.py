"""Fixtures for the attacks: their report, printed at the end, and an Airflow with connections to sandboxes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from airflow_provider_oppo_image.airflow_compat import airflow_version
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.whole_airflow.environment import connection_to
from tests.support.airflow_stack import AirflowStack
from tests.trust.attack_report import AttackReport

_ATTACKS = pytest.StashKey[AttackReport]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trust", "attacks on the provider")
    group.addoption("--fuzz", type=int, default=5_000, help="number of mutated pictures (%(default)s)")
    group.addoption("--kills", type=int, default=5, help="number of kills of each kind (%(default)s)")
    group.addoption("--rows", type=int, default=2_000, help="number of rows of a killed batch (%(default)s)")
    group.addoption("--histories", type=int, default=2_000, help="number of random histories of pushes (%(default)s)")
    group.addoption("--pictures", type=int, default=1_000, help="number of damaged pictures (%(default)s)")
    group.addoption(
        "--kill-seed",
        type=int,
        default=secrets.randbelow(10**6),
        help="seed for the moments of kills; random by default",
    )


def pytest_report_header(config: pytest.Config) -> str:
    return f"trust: {config.getoption('--kills')} kills of each kind, --kill-seed={config.getoption('--kill-seed')}"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ATTACKS] = AttackReport()


@pytest.fixture(scope="session")
def attacks(pytestconfig: pytest.Config) -> AttackReport:
    return pytestconfig.stash[_ATTACKS]


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--kills"))


@pytest.fixture(scope="session")
def batch_rows(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--rows"))


@pytest.fixture
def rng(pytestconfig: pytest.Config) -> Random:
    return Random(pytestconfig.getoption("--kill-seed"))  # noqa: S311  # no secret


@pytest.fixture(scope="session")
def services() -> Iterator[dict[str, SandboxServer]]:
    """Return two services by connection id, with different responses to a `cid` that was used before.

    Their master secrets are the same in every escaping, so that a search finds them.
    """
    lenient = SandboxOptions("lenient-app-key", "Q7wZ3kX9vB2nL5tR8yD4hM6j", requests_per_second=None)
    strict = SandboxOptions("strict-app-key", "G3pV8sC1fJ6zW4qN9xT2bK7m", requests_per_second=None)
    with SandboxServer(lenient) as first, SandboxServer(strict) as second:
        yield {"oppo_image_default": first, "oppo_image_strict": second}


@pytest.fixture(scope="session")
def airflow(services: dict[str, SandboxServer]) -> Iterator[AirflowStack]:
    if not airflow_version().startswith("3.3."):
        pytest.skip(f"these tests need Airflow 3.3, not {airflow_version()}")
    if not Path("/proc/self/stat").exists():
        pytest.skip("these tests need /proc to find the processes that they kill")
    connections = {name: connection_to(service, retry_budget=5) for name, service in services.items()}
    connections["oppo_image_wrong"] = {**connections["oppo_image_default"], "password": "E5dR2uH8oY1aM7gS4cP9wL3x"}
    with AirflowStack(Path(__file__).parent / "dags", connections, {"LOGGING__LOGGING_LEVEL": "DEBUG"}) as stack:
        yield stack


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash[_ATTACKS].rows():
        terminalreporter.section("trust: attacks and how many succeeded")
        for row in rows:
            terminalreporter.write_line(row)
