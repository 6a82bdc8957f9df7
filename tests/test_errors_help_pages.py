from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from airflow_provider_oppo_image import errors
from airflow_provider_oppo_image.errors import DOCS_URL, OppoImageError, docs_url, docs_url_for, failure_from
from airflow_provider_oppo_image.pictures.check import check_bytes
from tests.support import artwork

PYPROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    ("code", "page"),
    [
        ("wrong_dimensions", "wrong_dimensions"),
        ("row_url", "row_url"),
        ("not_sent", "not_sent"),
        (51, "51"),
        ("51", "51"),
        (-1, "minus_1"),
        ("-2", "minus_2"),
        (4711, "unknown_code"),
        ("-4711", "unknown_code"),
        ("http_404", "http_status"),
    ],
)
def test_a_code_has_a_page(code: int | str, page: str) -> None:
    assert docs_url(code) == f"{DOCS_URL}/errors/{page}.html"


@pytest.mark.parametrize(
    ("error", "page"),
    [
        (errors.PictureRefusedError("", code=51), "51"),
        (errors.AccountError("", code=-4711, http_status=401), "account"),
        (errors.ServiceUnavailableError("", http_status=502), "service_unavailable"),
        (errors.CidAlreadyUsedError(""), "cid_already_used"),
        (errors.PictureAbsentError(""), "picture_absent"),
        (errors.OppoImageError(""), "oppo_image"),
    ],
)
def test_an_error_leads_to_its_code_or_else_to_its_type(error: OppoImageError, page: str) -> None:
    assert docs_url_for(error) == f"{DOCS_URL}/errors/{page}.html"


def test_an_error_of_the_check_leads_to_the_first_problem_of_a_picture_that_is_wrong() -> None:
    absent, wrong = (check_bytes("big", body, "big.png").to_dict() for body in (b"", b"text"))
    assert docs_url_for(errors.PictureAbsentError("", reports=[absent])) == docs_url("empty")
    assert docs_url_for(errors.PictureWrongError("", reports=[absent, wrong])) == docs_url("wrong_format")


def test_the_results_of_a_batch_name_the_problem_to_whose_page_the_error_leads() -> None:
    absent, wrong, ready = (
        check_bytes("big", body, "big.png").to_dict() for body in (b"", b"text", artwork.good("big"))
    )
    for reports in ([absent], [absent, wrong], [ready, wrong, absent], [ready], []):
        error = errors.PictureWrongError("", reports=reports)
        code = failure_from(error).code
        assert docs_url_for(error) == (docs_url("picture_wrong") if code == "picture" else docs_url(code))


def test_the_project_says_the_same_place() -> None:
    assert PYPROJECT["project"]["urls"]["Documentation"] == DOCS_URL
