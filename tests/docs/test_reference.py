"""Errors, codes, numbers and fields in the docs, compared with the code."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
from typing import Any

import pytest

from airflow_provider_oppo_image import contract, errors
from airflow_provider_oppo_image.batch.manifest import ROW_CODES
from airflow_provider_oppo_image.cli.output import EXIT_CODES
from airflow_provider_oppo_image.connection import FIELDS
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES
from tests.docs.pages import ROOT, rows
from tests.support.server_modules import skip_without_pages

ERRORS = "docs/errors.md"
LIMITS = "docs/limits.md"
TYPES = rows(ERRORS, "Types")
NUMBERS = [row for heading in ("Pictures", "Pushes", "Waiting, retrying, remembering") for row in rows(LIMITS, heading)]


def code(cell: str) -> str:
    """Return what a cell has in backticks, or a link's words."""
    return re.sub(r"\[(.+)\]\(.+\)", r"\1", cell).strip("`")


def test_reference_lists_each_error() -> None:
    classes = {name: cls for name, cls in inspect.getmembers(errors, inspect.isclass) if name.endswith("Error")}
    raised = {code(row[0]) for row in TYPES}
    bases = {base.__name__ for cls in classes.values() for base in cls.__mro__[1:]} & classes.keys()
    assert raised >= classes.keys() - bases
    assert raised <= classes.keys()
    text = (ROOT / ERRORS).read_text()
    assert not [name for name in classes if f"`{name}`" not in text]


@pytest.mark.parametrize(
    ("heading", "codes"),
    [
        ("Absent: it may still come", ABSENT_CODES),
        ("Wrong: a person must correct it", WRONG_CODES),
        ("Warnings: ready, but you should correct it", WARNING_CODES),
    ],
)
def test_reference_lists_each_picture_problem(heading: str, codes: tuple[str, ...]) -> None:
    table = rows(ERRORS, heading)
    assert sorted(code(row[0]) for row in table) == sorted(codes)
    assert all(cell for row in table for cell in row)


def test_reference_lists_each_row_code() -> None:
    table = rows(ERRORS, "What is wrong with a row")
    assert sorted(code(row[0]) for row in table) == sorted(ROW_CODES)
    assert all(cell for row in table for cell in row)


def value_of(path: str) -> Any:
    """Return what `contract.PICTURE_RULES["big"].width` and the like name in the package."""
    module, _, rest = re.match(r"((?:[a-z_]+\.)*[a-z_]+)(\.)(.+)", path).groups()  # type: ignore[union-attr]
    skip_without_pages(f"airflow_provider_oppo_image.{module}")
    place = importlib.import_module(f"airflow_provider_oppo_image.{module}")
    name, *keys = re.findall(r"\w+", rest)
    return functools.reduce(_look, keys, getattr(place, name))


def _look(value: Any, key: str) -> Any:
    if key.isdigit():
        return value[int(key)]
    return getattr(value, key) if hasattr(value, key) else value[key]


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row[0])
def test_reference_numbers_match_code(row: list[str]) -> None:
    [number] = re.findall(r"^[\d.,]*\d", row[1])
    assert float(number.replace(",", "")) == value_of(code(row[2]))


def test_reference_has_each_contract_number() -> None:
    named = " ".join(row[2] for row in NUMBERS)
    numbers = [name for name, value in vars(contract).items() if isinstance(value, int) and name.isupper()]
    rules = [
        f'PICTURE_RULES["{kind}"].{part}'
        for kind in contract.PICTURE_KINDS
        for part in ("width", "height", "max_bytes")
    ]
    assert len(numbers) >= 5
    assert not [name for name in [*numbers, *rules, "LEGACY_BIG_SIZE"] if f"contract.{name}" not in named]


def test_reference_fields_match_form() -> None:
    table = {code(name): code(default) for name, default, _ in rows("docs/how-to/connect.md", "The fields", table=1)}
    assert table == {field.name: shown(field.default) for field in FIELDS}


def shown(default: Any) -> str:
    return json.dumps(int(default) if type(default) is float else default).strip('"') or "empty"


def test_reference_exit_codes_match_help() -> None:
    meanings = [(str(code), meaning.replace("oppo-image", "`oppo-image`")) for code, meaning in EXIT_CODES.items()]
    assert [tuple(row) for row in rows("docs/how-to/command-line.md", "In a script")] == meanings
    assert [row[0] for row in rows("docs/zh/how-to/command-line.md", "在脚本里")] == [code for code, _ in meanings]
