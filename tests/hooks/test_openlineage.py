from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("airflow.providers.openlineage", reason="only its provider imports the module")

from airflow_provider_oppo_image.hooks.openlineage import FACET, PRODUCER, operator_lineage

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/_static/OppoImageIdsRunFacet.json").read_text())


def test_operator_lineage_names_datasets_and_ids() -> None:
    lineage = operator_lineage(
        ("https://cdn.example.com/spring/big.jpg", "s3://bucket/night.csv", "file:///data/a%20b.csv"),
        ("https://cdn.example.com",),
        {"msg_id": "1180001"},
    )
    assert [(dataset.namespace, dataset.name) for dataset in lineage.inputs] == [
        ("https://cdn.example.com", "spring/big.jpg"),
        ("s3://bucket", "night.csv"),
        ("file", "/data/a b.csv"),
    ]
    assert [(dataset.namespace, dataset.name) for dataset in lineage.outputs] == [("https://cdn.example.com", "/")]
    facet = lineage.run_facets[FACET]
    assert (facet.msg_id, facet.big_picture_id) == ("1180001", None)
    assert (facet._producer, facet._schemaURL) == (PRODUCER, f"{SCHEMA['$id']}#/$defs/OppoImageIdsRunFacet")


def test_operator_lineage_without_ids_has_no_facet() -> None:
    assert operator_lineage((), (), {}).run_facets == {}
