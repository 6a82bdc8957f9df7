"""No log tells the credentials: not that of a component, nor of a task, of a trigger, of a DAG file."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.support.searching import found, logs, pieces_of_secrets
from tests.system.conftest import PATIENCE_S

pytestmark = pytest.mark.timeout(900)


def test_no_log_tells_the_credentials(airflow: AirflowStack, runs: Mapping[str, Run]) -> None:
    for run in runs.values():
        airflow.wait_for(run, PATIENCE_S)
    texts = list(logs(airflow.home))
    assert found(pieces_of_secrets(airflow.connections.values()), texts) == set()
    for told in (b"wrong_dimensions", b"code 23100"):
        assert found([told], texts), "these were to be the logs of the tasks as well"
