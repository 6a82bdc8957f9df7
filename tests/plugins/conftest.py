"""Airflow's database in memory, and clients of the page: without a login, and with a viewer's."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_oppo_image.hooks.task_record import XCOM_KEY, TaskRecord

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

AddTask = Callable[..., None]
"""Adds a task with a record: `add_task(task_id, record, dag_id=, run_id=, map_index=, rendered=)`.

The rendered fields of a batch name its results by default; {} are none.
"""


def models() -> tuple[Any, ...]:
    from airflow.models.dagrun import DagRun
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel

    return DagRun, TaskInstance, XComModel, RenderedTaskInstanceFields


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A database with the tables that the page reads."""
    from airflow.models import import_all_models
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    import_all_models()  # their tables refer to each other
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    for model in models():
        model.__table__.create(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session of an empty database."""
    from sqlalchemy import delete
    from sqlalchemy.orm import Session

    with Session(engine) as session:
        yield session
        for model in models():
            session.execute(delete(model))
        session.commit()


@pytest.fixture
def add_task(session: Session) -> AddTask:
    """Add tasks with records, one after another."""
    from sqlalchemy import insert

    _, task_instances, xcoms, rendered_fields = models()
    runs: dict[tuple[str, str], int] = {}

    def add_task(
        task_id: str,
        record: TaskRecord | Any,
        *,
        dag_id: str = "nightly",
        run_id: str = "run 1",
        map_index: int = -1,
        key: str = XCOM_KEY,
        rendered: dict[str, Any] | None = None,
    ) -> None:
        task = {"task_id": task_id, "dag_id": dag_id, "run_id": run_id, "map_index": map_index}
        value = record.to_json() if isinstance(record, TaskRecord) else record
        session.execute(insert(task_instances), [task | {"state": "success", "pool": "p"}])
        run = runs.setdefault((dag_id, run_id), len(runs))
        now = datetime.datetime.now(datetime.UTC)
        session.execute(insert(xcoms), [task | {"dag_run_id": run, "key": key, "value": value, "timestamp": now}])
        if rendered is None and isinstance(record, TaskRecord) and record.batch:
            rendered = {"results": record.batch.results}
        if rendered:
            session.execute(insert(rendered_fields), [task | {"rendered_fields": rendered}])
        session.commit()

    return add_task


@pytest.fixture
def client(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client without a login."""
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.common.db.common import _get_session
    from fastapi.testclient import TestClient

    from airflow_provider_oppo_image.plugins.app import create_app

    class DeniesOneDag(SimpleAuthManager):
        def is_authorized_dag(self, *, details: Any = None, **_: Any) -> bool:
            return bool(details) and details.id != "secret"

    if hasattr(airflow_app, "_AuthManagerState"):
        monkeypatch.setattr(airflow_app._AuthManagerState, "instance", DeniesOneDag())
    else:  # Airflow 3.1
        monkeypatch.setattr(airflow_app, "auth_manager", DeniesOneDag())
    monkeypatch.setattr("airflow.models.dag.DagModel.get_team_name", lambda *_, **__: None)
    app = create_app()
    app.dependency_overrides[_get_session] = lambda: session
    with TestClient(app) as client:
        yield client


@pytest.fixture
def viewer(client: TestClient) -> TestClient:
    """A client of a user who may read every DAG except "secret"."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    user = SimpleAuthManagerUser(username="vera", role="viewer")
    client.app.dependency_overrides[get_user] = lambda: user  # type: ignore[attr-defined]
    return client
