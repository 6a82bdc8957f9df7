"""Commands and code of the README, run unchanged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.dags import DagRun, run_file
from tests.support.picture_host import PictureHost

README = (Path(__file__).parents[2] / "README.md").read_text()


[DAG] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run_dag(source: str, host: PictureHost, tmp_path: Path) -> DagRun:
    """Run the README's DAG with a picture on this machine, under a name by which the test finds the DAG."""
    url = host.serve("/big.jpg", artwork.good("big", "JPEG"))
    file = tmp_path / "spring_sale.py"
    source = source.replace("https://cdn.example.com/spring/big.jpg", url)
    file.write_text(source.replace("):\n    upload", ") as dag:\n    upload"))
    return run_file(file, "spring_sale")


@pytest.mark.usefixtures("airflow_db", "connect")
def test_its_dag_uploads_and_sends_nothing(sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    dag_run = run_dag(DAG, host, tmp_path)
    assert dag_run.state == "success"
    received = sandbox.received()
    assert received["pushes"] == []
    [validated] = received["validations"]
    oppo = validated["body"]["body"]["options"]["third_party_channel"]["oppo"]
    assert oppo["big_picture_id"] == dag_run.returned["upload", -1]["big_picture_id"]


@pytest.mark.usefixtures("airflow_db", "connect")
def test_its_dag_pushes_without_validate_only(sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    source, removed = re.subn(r" +validate_only=True,.*\n", "", DAG)
    assert removed == 1
    dag_run = run_dag(source, host, tmp_path)
    assert dag_run.state == "success"
    [sent] = sandbox.received()["pushes"]
    assert sent["msg_id"] == dag_run.returned["push", -1]


def test_front_page_shows_same_dag() -> None:
    assert f"```python\n{DAG}```" in (Path(__file__).parents[2] / "docs/README.md").read_text()


def test_its_dag_is_ten_lines_of_code() -> None:
    lines = [line for line in DAG.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 10


@pytest.mark.parametrize("target", re.findall(r"`make ([a-z.0-9-]+)`|\$ make ([a-z.0-9-]+)", README))
def test_readme_make_targets_exist(target: tuple[str, str]) -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE)
