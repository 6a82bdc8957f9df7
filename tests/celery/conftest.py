"""Fixtures: an Airflow with two Celery workers, started once, and a stub of the service with its rate limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.report import Figure, circumstances, section, table, write
from scripts import processes
from tests.celery.batch_runs import BatchRun
from tests.support import servers
from tests.support.celery_stack import CeleryStack
from tests.support.servers import Service

LIMIT = 500
"""Requests per second that the service accepts for one AppKey."""

PACKAGES = ("apache-airflow", "apache-airflow-providers-celery", "celery", "requests", "urllib3")

_FIGURES = pytest.StashKey[list[Figure]]()
_START = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-figures", action="store_true", help="write the measured figures into bench/RESULTS.md")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = []
    config.stash[_START] = time.monotonic()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> list[Figure]:
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
    stack.restart_workers()
    return stack


@pytest.fixture
def start_batch(
    airflow: CeleryStack, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int, int], BatchRun]:
    """Return a function that starts a batch with this many rows and parts."""

    def start(rows: int, parts: int) -> BatchRun:
        return BatchRun(airflow, service, tmp_path_factory.mktemp("batch"), rows=rows, parts=parts)

    return start


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures := config.stash[_FIGURES]:
        terminalreporter.section("two Celery workers on one AppKey")
        for line in table(figures):
            terminalreporter.write_line(line)
        if config.getoption("--keep-figures"):
            machine = circumstances(config.stash[_START], PACKAGES)
            write("Two Celery workers on one AppKey", section(figures, machine))
