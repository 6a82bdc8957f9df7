"""A complete Airflow on PostgreSQL, whose scheduler runs the example DAGs and those of tests/system/dags."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES, airflow_version
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts import processes
from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, picture_host
from scripts.whole_airflow import demo_data
from scripts.whole_airflow.environment import connection_to
from tests.support import servers
from tests.support.airflow_2 import Airflow2Stack
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.support.dags import NEED_3_1
from tests.support.picture_host import PictureHost

ROOT = Path(__file__).resolve().parents[2]
DEFAULT, REFUSING, FAILING = "oppo_image_default", "oppo_image_refusing", "oppo_image_failing"
BANNER = "/banner.png"
"""The path of the picture that an asset watcher polls."""

TIMEOUT_S = 400
"""The time limit of every wait, for a busy machine."""

LONG_TIMEOUTS = {
    "CORE__PARALLELISM": "4",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "60",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
    "WORKERS__EXECUTION_API_TIMEOUT": "60",
}
"""Only a triggerer is killed here: a slow component on a busy machine must not count as dead."""


@pytest.fixture(scope="session")
def services() -> Iterator[Mapping[str, SandboxServer]]:
    """Three services, by connection; their master secrets look the same in every escaping."""
    options = {
        DEFAULT: SandboxOptions("default-app-key", "Q7wZ3kX9vB2nL5tR8yD4hM6j", requests_per_second=None),
        REFUSING: SandboxOptions("refusing-app-key", "G3pV8sC1fJ6zW4qN9xT2bK7m", requests_per_second=None),
        FAILING: SandboxOptions("failing-app-key", "E5dR2uH8oY1aM7gS4cP9wL3x", requests_per_second=None),
    }
    with (
        SandboxServer(options[DEFAULT]) as default,
        SandboxServer(options[REFUSING]) as refusing,
        SandboxServer(options[FAILING]) as failing,
    ):
        refusing.fail(call="upload_small", code=51, times=None)
        failing.fail(call="upload", code=23100)
        yield {DEFAULT: default, REFUSING: refusing, FAILING: failing}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a host with the pictures of the campaigns and of the batch."""
    folder = tmp_path_factory.mktemp("pictures")
    demo_data.draw_pictures(folder)
    campaign = CAMPAIGNS[0]
    (folder / campaign.name).mkdir()
    shutil.copy(folder / campaign.big, folder / campaign.name / "big.jpg")
    shutil.copy(folder / campaign.small, folder / campaign.name / "small.png")
    with picture_host(folder) as address:
        yield address


@pytest.fixture(scope="session")
def late() -> Iterator[PictureHost]:
    with PictureHost() as running:
        yield running


@pytest.fixture(scope="session")
def dags(late: PictureHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of DAG files: the examples, this folder's, and on Airflow 3 one from the documentation."""
    folder = tmp_path_factory.mktemp("dags")
    for file in (*ROOT.glob("example_dags/*.py"), *Path(__file__).parent.glob("dags/*.py")):
        if HAS_PAGES or file.stem not in NEED_3_1:
            shutil.copy(file, folder)
    if not airflow_version().startswith("2."):
        text = (ROOT / "tests/docs/snippets/watch_pictures.py").read_text()
        for old, new in (
            ("https://cdn.example.com/banner/big.jpg", late.base_url + BANNER),
            ("poke_interval=300", "poke_interval=1"),
        ):
            assert old in text
            text = text.replace(old, new)
        (folder / "watch_pictures.py").write_text(text)
    return folder


@pytest.fixture(scope="session")
def airflow(dags: Path, services: Mapping[str, SandboxServer]) -> Iterator[AirflowStack]:
    """The Airflow, whose connections lead to the services, without retries of the client."""
    if not airflow_version().startswith(("3.3.", "2.11.")):
        pytest.skip(f"these tests need Airflow 3.3 or 2.11, and this is {airflow_version()}")
    pytest.importorskip("psycopg2", reason="the PostgreSQL driver is in the extra system")
    if not Path("/proc/self/stat").exists():
        pytest.skip("these tests read /proc, which is missing")
    connections = {name: connection_to(service, retry_budget=0) for name, service in services.items()}
    stack = Airflow2Stack if airflow_version().startswith("2.") else AirflowStack
    with (
        processes.sigterm_as_interrupt(),
        servers.postgres() as database,
        stack(dags, connections, LONG_TIMEOUTS, database=database) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def runs(airflow: AirflowStack, pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Run]:
    good, wrong = (campaign.parameter(pictures) for campaign in (CAMPAIGNS[0], LAST_YEAR))
    urls = ("big_picture_url", "small_picture_url")
    both = {url: good[url] for url in urls}
    demo_data.trigger_runs(airflow.api, pictures, tmp_path_factory.mktemp("night"))
    folders = [{"name": good["name"], "folder": f"{pictures}/{good['name']}"}]
    return MappingProxyType(
        {
            "a night's campaigns": Run("nightly_campaigns", demo_data.RUN_ID),
            "a night's manifest": Run("nightly_batch", demo_data.RUN_ID),
            "one campaign": airflow.trigger("upload_then_push", {**both, "title": "Pushed once", "send": True}),
            "a function that uploads": airflow.trigger("taskflow_upload", {"campaigns": folders, "send": True}),
            "an upload with an event": airflow.trigger("upload_pictures", both),
            "a push without an event": airflow.trigger("push_on_uploaded", {}),
            "a wrong picture": airflow.trigger(
                "upload_and_retry", {"big_picture_url": wrong["big_picture_url"], "connection": DEFAULT}
            ),
            "a refused picture": airflow.trigger("upload_and_retry", {**both, "connection": REFUSING}),
            "a failing service": airflow.trigger(
                "upload_and_retry", {"big_picture_url": good["big_picture_url"], "connection": FAILING}
            ),
        }
    )
