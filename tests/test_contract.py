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


def codes(**fields: object) -> set[int]:
    """Return the codes of the rows with these values."""
    return {row.code for row in ROWS if all(getattr(row, name) == value for name, value in fields.items())}


def test_codes_have_documented_retries_and_scopes() -> None:
    assert codes(retry="later") == {23008, 23100, 27000, 21030, -1, -2, 13, 55, 33, 34}
    assert codes(retry="once") == {21009, 27002, 11, 12, *range(20, 26)}
    assert codes(scope="account", permanent=True) == {
        21001, 21004, 21008, 21038, 23001, 23009, 27001, *range(14, 20), *range(26, 31),
    }  # fmt: skip
    assert codes(scope="account", permanent=False) == {11} | contract.RATE_LIMIT_CODES | contract.DAILY_LIMIT_CODES
    assert codes(scope="picture") == {51}
    assert codes(retry_after=3600.0) == contract.DAILY_LIMIT_CODES == {33, 34}


def test_every_documented_code_is_known() -> None:
    oppo = {-2, -1, *range(11, 35), 40, 41, 51, 54, 55, 59, 67}
    live = {*range(21050, 21060), 21306}
    assert ERROR_CODES.keys() == oppo | live | {
        1003, 20101, 21001, 21002, 21003, 21004, 21005, 21008, 21009, 21011, 21015, 21016, 21030, 21038, 23001, 23002,
        23003, 23006, 23008, 23009, 23100, 27000, 27001, 27002, 27008, 27009, 27303,
    }  # fmt: skip


def test_only_texts_for_uploads_speak_of_uploads() -> None:
    assert not [row for row in ROWS if re.search("upload|download", row.meaning + row.advice)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.code))
def test_error_code_is_complete(row: ErrorCode) -> None:
    assert contract._ROWS.count(row) == sum(other.code == row.code for other in contract._ROWS) == 1
    assert row.source
    assert row.confirmed
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
