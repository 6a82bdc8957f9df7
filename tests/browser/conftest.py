"""A browser, and an Airflow with logged-in users; both are started once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, Locator, Page, StorageState

from airflow_provider_oppo_image.airflow_compat import airflow_version
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts import processes
from tests.browser import demo_run as runs
from tests.browser.demo_run import DemoRun
from tests.support.airflow_2 import Airflow2
from tests.support.airflow_stack import AirflowStack, User
from tests.support.browser import (
    CHROMIUM,
    Viewport,
    Windows,
    accessibility_violations,
    launch_browser,
    log_in_to_airflow_2,
    log_in_to_airflow_3,
)
from tests.support.picture_host import PictureHost

ADMIN = User("admin", "admin")
VIEWER = User("vera", "viewer")

_ROOT = Path(__file__).resolve().parents[2]
_DAGS = Path(__file__).parent / "dags"
_SCREENSHOTS = _ROOT / "docs" / "screenshots"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browser", "a real browser")
    group.addoption(
        "--airflow-2",
        type=Path,
        default=_ROOT / ".venv-airflow-2.11" / "bin" / "python",
        metavar="PYTHON",
        help="an interpreter that has Airflow 2.11 and this package (%(default)s)",
    )
    group.addoption("--keep-screenshots", action="store_true", help="renew the pictures in docs/screenshots")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("these tests need Chromium: scripts/packages.sh installs it")
    with launch_browser() as running:
        yield running


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Opens isolated windows for one test."""
    with Windows(browser) as opened:
        yield opened


@pytest.fixture(scope="session")
def airflow(session_sandbox: SandboxServer) -> Iterator[AirflowStack]:
    """A whole Airflow 3 with the DAGs of tests/browser/dags, and a connection to the sandbox."""
    if not airflow_version().startswith("3.3."):
        pytest.skip(f"these tests need Airflow 3.3, and this is {airflow_version()}")
    connection = {
        "conn_type": "oppo_image",
        "login": session_sandbox.options.app_key,
        "password": session_sandbox.options.master_secret,
        "host": session_sandbox.url,
        "extra": {"allow_private_addresses": True, "retry_budget": 0},
    }
    with (
        processes.sigterm_as_interrupt(),
        AirflowStack(
            _DAGS,
            {"oppo_image_default": connection},
            {"CORE__TEST_CONNECTION": "Enabled"},
            users=(ADMIN, VIEWER),
        ) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def logged_in(browser: Browser, airflow: AirflowStack) -> Callable[[User], StorageState]:
    """Log a user in with Airflow's form, once, and return the browser's storage state."""
    known: dict[User, StorageState] = {}

    def state_of(user: User) -> StorageState:
        if user not in known:
            with Windows(browser) as windows:
                page = windows.open(airflow.url)
                log_in_to_airflow_3(page, user.name, user.name)
                known[user] = page.context.storage_state()
        return known[user]

    return state_of


@pytest.fixture
def open_airflow(
    windows: Windows, airflow: AirflowStack, logged_in: Callable[[User], StorageState]
) -> Callable[..., Page]:
    """Open a page of Airflow in a window of its own, logged in: ``open_airflow("/connections", look=..., user=...)``.

    With ``user=None`` no user is logged in.
    """

    def open_it(path: str, look: Viewport | None = None, user: User | None = ADMIN) -> Page:
        page = windows.open(airflow.url, look, logged_in(user) if user else None)
        page.goto(path)
        return page

    return open_it


@pytest.fixture(scope="session")
def demo_run(
    airflow: AirflowStack, session_sandbox: SandboxServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DemoRun]:
    """The demo run, finished except for the task that waits for a picture."""
    session_sandbox.forget()
    session_sandbox.recover()
    with PictureHost() as host:
        run = runs.start_run(airflow, host, tmp_path_factory.mktemp("demo_run"))
        airflow.until(lambda: runs.is_finished(airflow, run), "the demo run to finish", within=150)
        pushes = session_sandbox.received()["pushes"]
        titles = {push["body"]["body"]["notification"]["android"]["title"]: push["msg_id"] for push in pushes}
        yield DemoRun(run, host, titles)


@pytest.fixture(scope="session")
def airflow_2(pytestconfig: pytest.Config) -> Iterator[Airflow2]:
    """A webserver of Airflow 2.11, with the DAGs of tests/browser/dags and no connection."""
    python: Path = pytestconfig.getoption("--airflow-2")
    if not python.exists():
        pytest.skip(f"the Airflow 2.11 of these tests is missing: {python}")
    with processes.sigterm_as_interrupt(), Airflow2(python, _DAGS, {"CORE__TEST_CONNECTION": "Enabled"}) as running:
        yield running


@pytest.fixture(scope="session")
def logged_in_2(browser: Browser, airflow_2: Airflow2) -> StorageState:
    """The browser's storage state after the admin's login to Airflow 2."""
    with Windows(browser) as windows:
        page = windows.open(airflow_2.url)
        log_in_to_airflow_2(page, ADMIN.name, ADMIN.name)
        return page.context.storage_state()


@pytest.fixture
def axe() -> Callable[[Page | Frame], list[str]]:
    """Finds accessibility violations."""
    return accessibility_violations


@pytest.fixture
def keep_screenshot(pytestconfig: pytest.Config) -> Callable[[Page | Locator, str], None]:
    """Take a screenshot for the documentation, of a page or a part; with ``--keep-screenshots`` alone it is kept."""

    def keep(part: Page | Locator, name: str) -> None:
        picture = part.screenshot(animations="disabled")
        assert picture
        if pytestconfig.getoption("--keep-screenshots"):
            _SCREENSHOTS.mkdir(exist_ok=True)
            (_SCREENSHOTS / f"{name}.png").write_bytes(picture)

    return keep
