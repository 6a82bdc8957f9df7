"""Fixtures of all tests: a separate Airflow home, no proxy, and no network except loopback.

Airflow reads its environment at import, so it is set here, before any test module is imported.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="oppo-image-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
(HOME / "dags").mkdir()

for name in list(os.environ):
    if name.startswith("AIRFLOW") or name.lower().endswith("_proxy") or name.endswith(("_CA_BUNDLE", "SSL_CERT_FILE")):
        del os.environ[name]
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(HOME / "dags"),
    AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="0",  # a busy machine needs more than 30 s; `tests.support.dags` has a limit
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)

# Airflow is configured now, and can be imported.
import json  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from hypothesis import Phase, settings  # noqa: E402

from airflow_provider_oppo_image.sandbox.options import SandboxOptions  # noqa: E402
from airflow_provider_oppo_image.sandbox.server import SandboxServer  # noqa: E402
from airflow_provider_oppo_image.storage import StoragePath, resolve  # noqa: E402
from tests.support.object_store import ObjectStore, attach  # noqa: E402
from tests.support.picture_host import PictureHost  # noqa: E402

# The time of an example depends on how busy the machine is.
settings.register_profile("quick", deadline=None, max_examples=30)
settings.register_profile("full", deadline=None, max_examples=100)
settings.register_profile("no-shrinking", settings.get_profile("full"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("quick")

CONNECTION_VARIABLE = "AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"


@pytest.fixture(scope="session")
def session_sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxOptions(requests_per_second=None)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(session_sandbox: SandboxServer) -> SandboxServer:
    """The service, reset."""
    session_sandbox.forget()
    session_sandbox.recover()
    return session_sandbox


@pytest.fixture
def host() -> Iterator[PictureHost]:
    """An empty picture host."""
    with PictureHost() as running:
        yield running


@pytest.fixture
def store() -> ObjectStore:
    """An empty object store at s3://stub@bucket."""
    store = ObjectStore()
    attach(store, "stub")
    return store


@pytest.fixture(params=["a local folder", "a store of objects"])
def at(request: pytest.FixtureRequest) -> Callable[[str], StoragePath]:
    """Make a path from a name, on each kind of storage."""
    if request.param == "a local folder":
        folder = request.getfixturevalue("tmp_path")
        return lambda name: resolve(folder / name)
    request.getfixturevalue("store")
    return lambda name: resolve(f"s3://stub@bucket/{name}")


@pytest.fixture
def connect(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the default connection, to the sandbox and without retries, with the given changes."""

    def set_connection(*, extra: Any = None, **fields: Any) -> None:
        connection = {
            "conn_type": "oppo_image",
            "login": sandbox.options.app_key,
            "password": sandbox.options.master_secret,
            "host": sandbox.url,
            "extra": {"allow_private_addresses": True, "retry_budget": 0} if extra is None else extra,
        }
        monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(connection | fields))

    set_connection()
    return set_connection


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Airflow's database, created once."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def task_log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return what was logged so far: Airflow 2 uses logging, Airflow 3 prints, and 3.0 does both."""
    caplog.set_level("INFO")

    def logged() -> str:
        printed = "".join(capsys.readouterr())
        for message in caplog.messages:
            printed = printed.replace(message, "")
        return caplog.text + printed

    return logged
