from __future__ import annotations

import dataclasses
import re

import pytest

from airflow_provider_oppo_image import contract
from airflow_provider_oppo_image.contract import DATA_CENTERS, ERROR_CODES, PICTURE_RULES, ErrorCode, PictureRule

ROWS = list(ERROR_CODES.values())


@pytest.mark.parametrize(
    ("kind", "width", "height", "max_bytes", "recommended_bytes"),
    [("big", 984, 369, 1_048_576, 1_000_000), ("small", 144, 144, 51_200, 50_000)],
)
def test_picture_rules(kind: str, width: int, height: int, max_bytes: int, recommended_bytes: int) -> None:
    assert PICTURE_RULES[kind] == PictureRule(kind, width, height, max_bytes, recommended_bytes)  # type: ignore[arg-type]


def test_picture_keys() -> None:
    assert tuple(PICTURE_RULES) == contract.PICTURE_KINDS == ("big", "small")
    assert [(rule.url_key, rule.id_key) for rule in PICTURE_RULES.values()] == [
        ("big_picture_url", "big_picture_id"),
        ("small_picture_url", "small_picture_id"),
    ]


# The error table of EngageLab's "Image API v4" page.
@pytest.mark.parametrize(
    ("code", "status"),
    [(21001, 404), (21003, 400), (23001, 401), (23002, 400), (23008, 400), (23009, 400), (23100, 500), (27000, 500),
     (51, 200)],
)  # fmt: skip
def test_documented_codes_have_documented_status(code: int, status: int) -> None:
    assert status in ERROR_CODES[code].http_statuses


def test_transient_and_scoped_codes() -> None:
    assert {row.code for row in ROWS if not row.permanent} == {23008, 23100, 27000, 21030, -1, -2, 13, 55, 33, 34}

    assert {row.code for row in ROWS if row.scope == "account"} == {23001, 21004, 23009, 21038, 11, 27, 28, 30, 33, 34}
    assert {row.code for row in ROWS if row.scope == "picture"} == {51}

    assert {row.code: row.retry_after for row in ROWS if row.retry_after} == {33: 3600.0, 34: 3600.0}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.code))
def test_error_code_is_complete(row: ErrorCode) -> None:
    assert contract._ROWS.count(row) == sum(other.code == row.code for other in contract._ROWS) == 1
    assert row.http_statuses
    assert row.source
    assert row.advice.endswith(".")
    # The meaning is used inside a sentence.
    assert not row.meaning.endswith(".")


def test_data_centers_are_https_urls() -> None:
    assert all(re.fullmatch(r"https://pushapi-[a-z]+\.engagelab\.com", url) for url in DATA_CENTERS.values())
    assert len(set(DATA_CENTERS.values())) == len(DATA_CENTERS) == 6
    assert contract.DEFAULT_DATA_CENTER in DATA_CENTERS


def test_tables_are_read_only() -> None:
    for table in (PICTURE_RULES, ERROR_CODES, DATA_CENTERS):
        with pytest.raises(TypeError):
            table["new"] = None  # type: ignore[index]
    for row, field in ((PICTURE_RULES["big"], "width"), (ROWS[0], "permanent")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(row, field, 0)


def test_cid_pattern() -> None:
    assert all(re.fullmatch(contract.CID_PATTERN, cid) for cid in ("a", "A_b-9", "x" * 64))
    assert not any(re.fullmatch(contract.CID_PATTERN, cid) for cid in ("", "x" * 65, "a b", "ä", "a.b", "a\n"))
