"""The vendor's page, checked against itself: what no row may say, and how many rows there are."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import urlsplit

import pytest

from airflow_provider_oppo_image import contract
from airflow_provider_oppo_image.contract import DATA_CENTERS, ERROR_CODES, PICTURE_RULES, ErrorCode, PictureRule

ROWS = list(ERROR_CODES.values())


@pytest.mark.parametrize(
    ("kind", "width", "height", "max_bytes", "recommended_bytes"),
    [("big", 984, 369, 1_048_576, 1_000_000), ("small", 144, 144, 51_200, 50_000)],
)
def test_a_picture_has_these_dimensions_and_this_weight(
    kind: str, width: int, height: int, max_bytes: int, recommended_bytes: int
) -> None:
    assert PICTURE_RULES[kind] == PictureRule(kind, width, height, max_bytes, recommended_bytes)  # type: ignore[arg-type]


def test_the_kinds_are_those_that_have_rules() -> None:
    assert tuple(PICTURE_RULES) == contract.PICTURE_KINDS == ("big", "small")


def test_the_keys_of_a_picture_are_the_vendors() -> None:
    assert [(rule.url_key, rule.id_key) for rule in PICTURE_RULES.values()] == [
        ("big_picture_url", "big_picture_id"),
        ("small_picture_url", "small_picture_id"),
    ]


def test_each_code_has_one_row() -> None:
    assert len(ERROR_CODES) == len(contract._ROWS)


# The image page's own table, as the page gives it.
@pytest.mark.parametrize(
    ("code", "status"),
    [(21001, 404), (21003, 400), (23001, 401), (23002, 400), (23008, 400), (23009, 400), (23100, 500), (27000, 500),
     (51, 200)],
)  # fmt: skip
def test_the_pages_codes_have_the_pages_status(code: int, status: int) -> None:
    assert status in ERROR_CODES[code].http_statuses


def test_what_may_pass_is_a_closed_list() -> None:
    assert {row.code for row in ROWS if not row.permanent} == {23008, 23100, 27000, 21030, -1, -2, 13, 55, 33, 34}


def test_what_breaks_the_account_is_a_closed_list() -> None:
    assert {row.code for row in ROWS if row.scope == "account"} == {23001, 21004, 23009, 21038, 11, 27, 28, 30, 33, 34}
    assert {row.code for row in ROWS if row.scope == "picture"} == {51}


def test_only_daily_limits_say_when_to_come_back() -> None:
    assert {row.code: row.retry_after for row in ROWS if row.retry_after} == {33: 3600.0, 34: 3600.0}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.code))
def test_a_row_tells_a_person_what_it_is_and_what_to_do(row: ErrorCode) -> None:
    assert row.http_statuses
    assert row.source
    assert row.advice.endswith(".")
    # The meaning stands in the middle of a sentence.
    assert not row.meaning.endswith(".")


@pytest.mark.parametrize("url", DATA_CENTERS.values())
def test_a_data_centre_is_a_bare_https_url(url: str) -> None:
    parts = urlsplit(url)
    assert (parts.scheme, parts.path, parts.port) == ("https", "", None)
    assert re.fullmatch(r"pushapi-[a-z]+\.engagelab\.com", parts.netloc)


def test_the_data_centres_are_six_and_each_its_own() -> None:
    assert len(set(DATA_CENTERS.values())) == len(DATA_CENTERS) == 6
    assert contract.DEFAULT_DATA_CENTER in DATA_CENTERS


def test_the_tables_cannot_be_changed() -> None:
    for table in (PICTURE_RULES, ERROR_CODES, DATA_CENTERS):
        with pytest.raises(TypeError):
            table["new"] = None  # type: ignore[index]
    for row, field in ((PICTURE_RULES["big"], "width"), (ROWS[0], "permanent")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(row, field, 0)


@pytest.mark.parametrize("cid", ["a", "A_b-9", "x" * 64])
def test_a_cid_is_up_to_64_letters_digits_and_signs(cid: str) -> None:
    assert re.fullmatch(contract.CID_PATTERN, cid)


@pytest.mark.parametrize("cid", ["", "x" * 65, "a b", "ä", "a.b", "a\n"])
def test_a_cid_is_nothing_else(cid: str) -> None:
    assert not re.fullmatch(contract.CID_PATTERN, cid)
