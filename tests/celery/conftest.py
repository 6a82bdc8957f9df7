"""A whole Airflow on two Celery workers, started once, and a stub of the service with its limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.report import Figure, Part, circumstances, save, table
from scripts import processes
from tests.celery.nights import Night
from tests.support import servers
from tests.support.celery_stack import CeleryStack
from tests.support.servers import Service

LIMIT = 500
"""Requests that the service takes in any second for one AppKey."""

PACKAGES = ("apache-airflow", "apache-airflow-providers-celery", "celery", "requests", "urllib3")

_FIGURES = pytest.StashKey[list[Figure]]()
_BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-figures", action="store_true", help="keep what is measured for the report of bench/")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = []
    config.stash[_BEGAN] = time.monotonic()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> list[Figure]:
    """What was measured."""
    return pytestconfig.stash[_FIGURES]


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    with servers.service(LIMIT) as running:
        yield running


@pytest.fixture(scope="session")
def stack(service: Service) -> Iterator[CeleryStack]:
    connection = {"conn_type": "oppo_image", "login": "app-key", "password": "a-master-secret", "host": service.url}
    dags = Path(__file__).parent / "dags"
    with (
        processes.sigterm_as_interrupt(),
        servers.postgres() as database,
        servers.redis() as broker,
        CeleryStack(dags, {"oppo_image_default": connection}, database, broker) as running,
    ):
        yield running


@pytest.fixture
def airflow(stack: CeleryStack) -> CeleryStack:
    """The Airflow, with all its workers."""
    stack.restart_workers()
    return stack


@pytest.fixture
def begin_night(
    airflow: CeleryStack, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int, int], Night]:
    """Start a night of so many rows in so many parts."""

    def begin(rows: int, parts: int) -> Night:
        return Night(airflow, service, tmp_path_factory.mktemp("night"), rows=rows, parts=parts)

    return begin


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures := config.stash[_FIGURES]:
        terminalreporter.section("two Celery workers on one AppKey")
        for line in table(figures):
            terminalreporter.write_line(line)
        if config.getoption("--keep-figures"):
            began = config.stash[_BEGAN]
            save("celery", Part("Two Celery workers on one AppKey", circumstances(began, PACKAGES), tuple(figures)))
