"""What OpenLineage is told, in a whole DAG run where its provider is installed."""

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

pytest.importorskip("airflow.providers.openlineage", reason="without its provider, nobody asks")

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


def test_places_go_by_their_host_or_bucket_and_their_path_and_ids_are_a_facet() -> None:
    from airflow_provider_oppo_image.hooks.openlineage import FACET, PRODUCER, operator_lineage

    told = operator_lineage(
        ("https://cdn.example.com/spring/big.jpg", "s3://bucket/night.csv", "file:///data/a%20b.csv"),
        ("https://cdn.example.com",),
        {"msg_id": "1180001"},
    )
    assert [(dataset.namespace, dataset.name) for dataset in told.inputs] == [
        ("https://cdn.example.com", "spring/big.jpg"),
        ("s3://bucket", "night.csv"),
        ("file", "/data/a b.csv"),
    ]
    assert [(dataset.namespace, dataset.name) for dataset in told.outputs] == [("https://cdn.example.com", "/")]
    facet = told.run_facets[FACET]
    assert (facet.msg_id, facet.big_picture_id) == ("1180001", None)
    assert (facet._producer, facet._schemaURL) == (PRODUCER, f"{SCHEMA['$id']}#/$defs/OppoImageIdsRunFacet")
    assert operator_lineage((), (), {}).run_facets == {}


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("connect")
def test_a_run_tells_what_was_read_and_which_ids_came_of_it(
    sandbox: SandboxServer, host: PictureHost, tmp_path: Path
) -> None:
    big, small = host.serve("/big.jpg", artwork.good("big", "JPEG")), host.serve("/small.png", artwork.good("small"))
    (tmp_path / "dags").mkdir()
    dag_file = tmp_path / "dags/lineage.py"
    dag_file.write_text(HEADER + SOURCE.format(big=big, small=small))
    told = tmp_path / "told.jsonl"
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": str(told), "append": True}),
    }
    command = [sys.executable, run_dag.__file__, str(dag_file), "lineage", "{}", str(tmp_path / "result.json")]
    with (tmp_path / "log").open("w") as log:
        subprocess.run(
            command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=280, check=True
        )

    text = told.read_text()
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
    """Return the ids that an event tells, which are as the schema has them."""
    told: dict[str, str] = event["run"]["facets"]["oppoImage_ids"]
    [_, own] = SCHEMA["$defs"]["OppoImageIdsRunFacet"]["allOf"]
    jsonschema.validate(told, {**own, "required": ["_producer", "_schemaURL"]})
    assert told["_schemaURL"].startswith(SCHEMA["$id"])
    ids = {name: value for name, value in told.items() if not name.startswith("_")}
    assert ids.keys() <= own["properties"].keys()
    return ids
