"""No log has the credentials: of components, tasks, triggers or DAG files."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.support.secret_search import find_locations, logs, secret_fragments
from tests.system.conftest import TIMEOUT_S

pytestmark = pytest.mark.timeout(900)


def test_logs_have_no_credentials(airflow: AirflowStack, runs: Mapping[str, Run]) -> None:
    for run in runs.values():
        airflow.wait_for(run, TIMEOUT_S)
    texts = list(logs(airflow.home))
    assert find_locations(secret_fragments(airflow.connections.values()), texts) == set()
    for told in (b"wrong_dimensions", b"code 23100"):
        assert find_locations([told], texts), "these were to be the logs of the tasks as well"
