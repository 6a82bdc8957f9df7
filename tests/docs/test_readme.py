"""What the README shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.dags import run_source
from tests.support.picture_host import PictureHost

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.usefixtures("airflow_db", "connect")
def test_its_dag_uploads_and_pushes(sandbox: SandboxServer, host: PictureHost) -> None:
    [source] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    source = source.replace(
        "https://cdn.example.com/spring/big.jpg", host.serve("/big.jpg", artwork.good("big", "JPEG"))
    )
    # Airflow 2 has its DAG elsewhere.
    source = source.replace("from airflow.sdk import DAG", "from airflow.providers.common.compat.sdk import DAG")
    dag_run = run_source("spring_sale", source.replace("):\n    upload", ") as dag:\n    upload"))
    assert dag_run.state == "success"
    [sent] = sandbox.received()["pushes"]
    assert sent["msg_id"] == dag_run.returned["push", -1]


def test_its_dag_is_ten_lines_of_code() -> None:
    [source] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 10


@pytest.mark.parametrize("target", re.findall(r"`make ([a-z.0-9-]+)`|\$ make ([a-z.0-9-]+)", README))
def test_each_make_target_it_names_exists(target: tuple[str, str]) -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE)
