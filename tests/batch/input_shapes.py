"""Shapes of manifests and arguments, and the outcome of each: the page docs/manifest-shapes.md.

usage: python -m tests.batch.input_shapes    renew the page
"""

from __future__ import annotations

import functools
import gzip
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from airflow_provider_oppo_image.batch.manifest import Row, parse_rows, read_manifest
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.operators.oppo_image import OppoImageBatchPushOperator, OppoImageBatchUploadOperator
from scripts.checkout import ROOT
from scripts.markdown import table

PAGE: Final = ROOT / "docs" / "manifest-shapes.md"
INTRODUCTION: Final = """# Shapes of input and their outcomes

The tables name shapes of manifests and of arguments, and the outcome of each. The tests make them, with
`python -m tests.batch.input_shapes`. A row with a problem does not stop the other rows: [Errors](errors.md) explains
the codes. A refused manifest sends nothing.
"""
BIG: Final = "https://cdn.example.com/1.jpg"
SMALL: Final = "https://cdn.example.com/1s.png"
HEAD: Final = "name,big_picture_url\n"
ROW: Final = f"spring,{BIG}\n"
ENTRY: Final = {"name": "spring", "big_picture_url": BIG}
JSON: Final = json.dumps(ENTRY)

CSV: Final[dict[str, str | bytes]] = {
    "a name and a URL": HEAD + ROW,
    "both pictures": f"name,big_picture_url,small_picture_url\nspring,{BIG},{SMALL}\n",
    "columns in another order, and more columns": f"city,small_picture_url,name\nOslo,{SMALL},spring\n",
    "no line break at the end": f"{HEAD}spring,{BIG}",
    "a header alone": HEAD,
    "an empty file": "",
    "a byte order mark": "\ufeff" + HEAD + ROW,
    "line breaks of Windows": (HEAD + ROW).replace("\n", "\r\n"),
    "line breaks of old Macs": (HEAD + ROW).replace("\n", "\r"),
    "blank lines": f"\n{HEAD}\n{ROW}\n\n",
    "rows of empty cells": f"{HEAD},\n{ROW}\"\",\"\"\n , \n",
    "missing trailing cells": f"name,big_picture_url,small_picture_url\n{ROW}",
    "surplus empty cells": f"{HEAD}spring,{BIG},, ,\n",
    "surplus cells with content": f"{HEAD}spring,{BIG},Oslo\n",
    "empty columns in the header": f"name,big_picture_url,,\nspring,{BIG},,\n",
    "blanks around the cells": f"name , big_picture_url\n spring , {BIG} \n",
    "a quoted cell with a comma, a quote and a line break in it": f'{HEAD}"spring, ""sale""",{BIG}\n"a\nb",{BIG}\n',
    "a quote that does not end": f'{HEAD}"spring,{BIG}\n{ROW}',
    "semicolons in the header": f"name;big_picture_url\nspring;{BIG}\n",
    "semicolons in a row": f"{HEAD}spring;{BIG}\n{ROW}",
    "tabs": f"name\tbig_picture_url\nspring\t{BIG}\n",
    "no header": ROW,
    "no column with a URL": "name,city\nspring,Oslo\n",
    "no column with a name": f"big_picture_url\n{BIG}\n",
    "a column twice": f"name,name,big_picture_url\na,b,{BIG}\n",
    "capitals in the header": f"Name,Big_Picture_URL\nspring,{BIG}\n",
    "`NaN`, `nan`, `NaT`, `<NA>`, `None` or `null` as one of two pictures": (
        "name,big_picture_url,small_picture_url\n"
        + "".join(f"{blank},{BIG},{blank}\n".replace(blank, "spring", 1) for blank in
                  ("NaN", "nan", "NaT", "<NA>", "None", "null"))
    ),
    "no picture": f"{HEAD}spring,\nautumn,NaN\n{ROW}",
    "no name": f"{HEAD},{BIG}\n",
    "a relative URL": f"{HEAD}spring,1.jpg\n",
    "a URL without a scheme": f"{HEAD}spring,cdn.example.com/1.jpg\n",
    "a URL with a blank in it": f"{HEAD}spring,https://cdn.example.com/a b.jpg\n",
    "an `ftp` URL": f"{HEAD}spring,ftp://cdn.example.com/1.jpg\n",
    "a picture in Base64 as the URL": f"{HEAD}spring,data:image/png;base64,iVBORw0KGgo=\n",
    "a name twice": HEAD + ROW + ROW,
    "a name that a spreadsheet takes for a formula": f"{HEAD}=1+1,{BIG}\n",
    "a name of 5,000 characters": f"{HEAD}{'x' * 5_000},{BIG}\n",
    "a NUL in a name": f"{HEAD}spr\0ing,{BIG}\n",
    "a line above 64 KB": f"{HEAD}spring,{BIG}?{'x' * 70_000}\n{ROW}",
    "a name in Chinese": f"{HEAD}春季,{BIG}\n",
    "UTF-16, as Excel's \"Unicode text\"": (HEAD + ROW).encode("utf-16"),
    "GBK or Latin-1 in a row": f"{HEAD}春季,{BIG}\n".encode("gbk") + ROW.encode(),
    "a workbook of Excel": b"PK\x03\x04\x14\x00" + bytes(60),
    "an old workbook of Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60),
    "a gzip file": gzip.compress(ROW.encode(), mtime=0),
}  # fmt: skip
LINES: Final[dict[str, str | bytes]] = {
    "one object per line": f"{JSON}\n{JSON}\n",
    "a byte order mark": "\ufeff" + JSON,
    "blank lines": f"\n{JSON}\n\n",
    "a number as the name": json.dumps(ENTRY | {"name": 7}),
    "`NaN` or `null` as one of two pictures": f'{JSON[:-1]}, "small_picture_url": NaN}}\n'
    f'{JSON[:-1]}, "small_picture_url": null}}\n',
    "a list as the URL": json.dumps(ENTRY | {"big_picture_url": [BIG]}),
    "a JSON array": json.dumps([ENTRY], indent=1),
    "a line that is not an object": f"17\n{JSON}\n",
    "a line that is cut off": f"{JSON[:-9]}\n{JSON}\n",
    "only lines that are not JSON": "spring\nautumn\n",
    "a lone surrogate in the name": '{"name": "\\ud800", "big_picture_url": "' + BIG + '"}',
    "60,000 brackets": "[" * 60_000 + f"\n{JSON}\n",
    "a Parquet file": b"PAR1" + bytes(60),
}
NAMES: Final = {
    "night.csv.gz, compressed": ("night.csv.gz", gzip.compress((HEAD + ROW).encode(), mtime=0)),
    "night.csv.gz, not compressed": ("night.csv.gz", (HEAD + ROW).encode()),
    "night.csv.gz, cut off": ("night.csv.gz", gzip.compress((HEAD + ROW).encode() * 99, mtime=0)[:-9]),
    "night.ndjson": ("night.ndjson", JSON.encode()),
    "night.xlsx": ("night.xlsx", b""),
    "night": ("night", (HEAD + ROW).encode()),
}
PICTURES: Final[dict[str, list[Any]]] = {
    "a mapping": [ENTRY],
    "blanks and line breaks around a URL": [ENTRY | {"big_picture_url": f" {BIG}\n"}],
    "a float NaN as a picture": [ENTRY | {"small_picture_url": float("nan")}],
    "neither picture": [{"name": "spring", "big_picture_url": None}],
    "a number as a URL": [ENTRY | {"big_picture_url": 5}],
    "text in place of a mapping": [BIG],
}
MESSAGE: Final = {"to": {"tag": ["${segment}"]}, "body": {"platform": "all"}}
ARGUMENTS: Final[dict[str, tuple[type, dict[str, Any]]]] = {
    "neither `pictures` nor `manifest`": (OppoImageBatchUploadOperator, {}),
    "both `pictures` and `manifest`": (OppoImageBatchUploadOperator, {"pictures": [], "manifest": "night.csv"}),
    "a `pathlib.Path` as the manifest": (OppoImageBatchUploadOperator, {"manifest": Path("night.csv")}),
    "`rate=0`": (OppoImageBatchUploadOperator, {"manifest": "night.csv", "rate": 0}),
    "`threads=0`": (OppoImageBatchUploadOperator, {"manifest": "night.csv", "threads": 0}),
    '`on_error="ignore"`': (OppoImageBatchUploadOperator, {"manifest": "night.csv", "on_error": "ignore"}),
    "a push without `to`": (OppoImageBatchPushOperator, {"results": "r.csv", "message": {"body": {}}}),
    "`not_after` without a zone": (
        OppoImageBatchPushOperator,
        {"results": "r.csv", "message": MESSAGE, "not_after": "2026-12-01 20:00"},
    ),
}


def of_rows(rows: Iterable[Row]) -> str:
    """Return the outcome of rows, in words."""
    try:
        found = list(rows)
    except ConfigurationError as error:
        return f"refused: {str(error).partition(' manifest: ')[2] or error}"
    good = sum(row.problem is None for row in found)
    problems = [f"line {row.line}: `{row.problem.code}`" for row in found if row.problem]
    return "; ".join([f"{good} row{'' if good == 1 else 's'}", *problems])


def of_file(name: str, content: str | bytes) -> str:
    """Return the outcome of a manifest, in words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return of_rows(read_manifest(path))


def of_arguments(operator: type, arguments: dict[str, Any]) -> str:
    """Return the outcome of the arguments of an operator, in words."""
    try:
        operator(task_id="task", **arguments)
    except ConfigurationError as error:
        return f"refused when the DAG is parsed: {error}"
    return "taken"


@functools.cache
def outcomes() -> dict[str, dict[str, str]]:
    """Return the outcome of each shape, by heading."""
    return {
        "CSV": {shape: of_file("night.csv", content) for shape, content in CSV.items()},
        "JSON Lines": {shape: of_file("night.jsonl", content) for shape, content in LINES.items()},
        "Names of files": {shape: of_file(*file) for shape, file in NAMES.items()},
        "Entries of a list": {shape: of_rows(parse_rows(entries)) for shape, entries in PICTURES.items()},
        "Arguments of operators": {shape: of_arguments(*call) for shape, call in ARGUMENTS.items()},
    }


def page() -> str:
    """Return the page in Markdown."""
    lines = [INTRODUCTION]
    for heading, found in outcomes().items():
        cells = [(shape, text.replace("\n", " ").replace("|", "\\|")) for shape, text in found.items()]
        lines += [f"## {heading}", "", *table(("shape", "outcome"), cells), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
