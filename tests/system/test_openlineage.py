"""OpenLineage events of a DAG run, with the OpenLineage provider installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts import run_dag
from tests.support import artwork
from tests.support.dags import HEADER
from tests.support.picture_host import PictureHost

pytest.importorskip("airflow.providers.openlineage", reason="the test needs the OpenLineage provider")

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/_static/OppoImageIdsRunFacet.json").read_text())
SOURCE = """
with DAG("lineage", schedule=None, start_date=START) as dag:
    upload = OppoImageUploadOperator(
        task_id="upload", big_picture_url="{big}?X-Signature=hush", small_picture_url="{small}"
    )
    OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id=upload.output["big_picture_id"])
    OppoImageUploadOperator(task_id="fail", big_picture_url="{big}/nowhere?X-Signature=hush")
"""


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("connect")
def test_dag_run_sends_inputs_and_ids(sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    big, small = host.serve("/big.jpg", artwork.good("big", "JPEG")), host.serve("/small.png", artwork.good("small"))
    (tmp_path / "dags").mkdir()
    dag_file = tmp_path / "dags/lineage.py"
    dag_file.write_text(HEADER + SOURCE.format(big=big, small=small))
    events_file = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(events_file), "append": True}
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
    }
    command = [sys.executable, run_dag.__file__, str(dag_file), "lineage", "{}", str(tmp_path / "result.json")]
    with (tmp_path / "log").open("w") as log:
        subprocess.run(
            command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=280, check=True
        )

    text = events_file.read_text()
    events = {
        event["job"]["name"]: event
        for event in map(json.loads, text.splitlines())
        if event["eventType"] in ("COMPLETE", "FAIL")
    }
    uploaded, pushed, failed = (events[f"lineage.{task_id}"] for task_id in ("upload", "push", "fail"))
    assert names(uploaded) == {(host.base_url, "big.jpg"), (host.base_url, "small.png")}
    assert names(pushed) == names(failed) == set()
    ids = {entry["kind"]: entry["id"] for entry in sandbox.received()["uploads"]}
    [push] = sandbox.received()["pushes"]
    assert facet(uploaded) == {"big_picture_id": ids["big"], "small_picture_id": ids["small"]}
    assert facet(pushed) == {"big_picture_id": ids["big"], "msg_id": push["msg_id"]}
    assert failed["eventType"] == "FAIL"
    assert "oppoImage_ids" not in failed["run"]["facets"]
    assert "hush" not in text


def names(event: dict[str, Any]) -> set[tuple[str, str]]:
    return {(dataset["namespace"], dataset["name"]) for dataset in event.get("inputs", ())}


def facet(event: dict[str, Any]) -> dict[str, str]:
    """Return the ids of an event, validated against the schema."""
    data: dict[str, str] = event["run"]["facets"]["oppoImage_ids"]
    [_, own] = SCHEMA["$defs"]["OppoImageIdsRunFacet"]["allOf"]
    jsonschema.validate(data, {**own, "required": ["_producer", "_schemaURL"]})
    assert data["_schemaURL"].startswith(SCHEMA["$id"])
    ids = {name: value for name, value in data.items() if not name.startswith("_")}
    assert ids.keys() <= own["properties"].keys()
    return ids
