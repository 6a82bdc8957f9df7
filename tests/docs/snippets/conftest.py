"""Fixture: a DAG folder with the examples, as the readers of the snippets have it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def examples_in_the_dag_folder(airflow_db: None) -> Iterator[None]:
    copies = [
        Path(shutil.copy(example, os.environ["AIRFLOW__CORE__DAGS_FOLDER"]))
        for example in (ROOT / "example_dags").glob("*.py")
    ]
    yield
    for copy in copies:
        copy.unlink()
